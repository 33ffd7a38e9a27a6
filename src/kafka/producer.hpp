// One idempotent producer of one topic: records in, delivery reports out. Knows nothing of requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/client.hpp"

namespace weir::kafka {

struct ProducerOptions {
  Cluster cluster;
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  std::size_t record_bytes_max = 0;  // key, value and headers of one
  std::size_t queue_bytes_max = 0;   // of all that are not reported yet; the caller holds it
  std::size_t queue_records_max = 0;
  std::chrono::milliseconds request_timeout{3000};
};

// What became of a record.
struct Sender {
  void* ticket = nullptr;
  intake::Receipt receipt = intake::Receipt::unknown;
  int error = 0;  // rd_kafka_resp_err_t
  std::int32_t partition = -1;
  std::int64_t offset = -1;  // where it is kept
};

class Producer {
 public:
  // Connects at the first record. Fails with ErrorKind::invalid as make_conf and Client::open do.
  static Result<std::unique_ptr<Producer>> open(const ProducerOptions& options, telemetry::Logger& logger);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer();  // nothing may be open

  // From any thread; never blocks. Neither key nor value is copied: they must stay where they are
  // until the ticket comes home. Answers 0, and the ticket comes home exactly once; or an
  // rd_kafka_resp_err_t, and it never will.
  int send(std::string_view key, std::string_view value, const std::vector<intake::Header>& headers,
           void* ticket);

  // What has happened since the last call. From one thread.
  struct ProducerEvents {
    std::vector<Sender> deliveries;
    bool brokers_lost = false;  // all of them
    bool fatal = false;         // it can do nothing any more
  };
  // Waits at most `wait_max` (forever, if negative) for the first news, less after wake(). Empties `news`
  // first.
  void poll(std::chrono::milliseconds wait_max, ProducerEvents& news);
  void wake();

  // Sends what lingers, and waits until nothing is open, while another thread polls.
  void flush(std::chrono::milliseconds patience);
  // Nothing is sent any more, not even again, and what is open is given up: it comes home soon, as not_kept
  // if it was never sent, else as unknown. There is no way back: another producer must take the place.
  //
  // There is no giving up of one record (message.timeout.ms is out of reach): librdkafka closes the gap in
  // the numbers by which brokers know a record that is sent again with new numbers for all that waits, also
  // for what a broker may have by its old number, and it would stand twice. (rd_kafka_toppar_producer_serve,
  // rd_kafka_idemp_drain_epoch_bump of 2.0.2; Kafka's KIP-360 has the like.)
  void give_up();
  // Records whose tickets have not come home.
  [[nodiscard]] std::int64_t open_records() const { return open_.load(std::memory_order_acquire); }

 private:
  Producer(std::string topic, Client client);
  [[nodiscard]] rd_kafka_topic_s* topic();

  const std::string topic_name_;
  Client client_;
  QueueHandle queue_;
  // Made by the first record: from then on the client asks for the topic, whereupon brokers may create it as
  // they like, so it must be there before.
  std::once_flag topic_once_;
  TopicHandle topic_;
  std::atomic<std::int64_t> open_{0};
};

}  // namespace weir::kafka
