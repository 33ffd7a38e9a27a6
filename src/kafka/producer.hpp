// An idempotent producer of one topic: records in, delivery reports out. It knows no requests.
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
  // Of the key, the value and the headers of one record.
  std::size_t record_bytes_max = 0;
  // Of all records without a delivery report. The caller must not exceed them.
  std::size_t queue_bytes_max = 0;
  std::size_t queue_records_max = 0;
  std::chrono::milliseconds request_timeout{3000};
};

// The outcome of a record. `error` is an rd_kafka_resp_err_t, 0 for success. `partition` and `offset` are -1
// unless the record was written.
struct DeliveryReport {
  void* ticket = nullptr;
  intake::Receipt receipt = intake::Receipt::unknown;
  int error = 0;
  std::int32_t partition = -1;
  std::int64_t offset = -1;
};

class Producer {
 public:
  // Connects to the topic with the first record. Fails as make_conf() and Client::open(). `logger` must
  // outlive the producer.
  static Result<std::unique_ptr<Producer>> open(const ProducerOptions& options, telemetry::Logger& logger);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  // Requires open_records() == 0.
  ~Producer();

  // From any thread; does not block. Key and value are not copied: they must stay valid until the ticket is
  // reported. Returns 0 and later reports `ticket` exactly once through poll(). Otherwise returns an
  // rd_kafka_resp_err_t, and `ticket` is never reported.
  int send(std::string_view key, std::string_view value, const std::vector<intake::Header>& headers,
           void* ticket);

  // The events since the last poll(). brokers_lost: no broker is reachable. fatal: this producer cannot send
  // any more; replace it.
  struct ProducerEvents {
    std::vector<DeliveryReport> reports;
    bool brokers_lost = false;
    bool fatal = false;
  };
  // From one thread. Waits for the first event for at most `wait_max` (for ever if negative), or until
  // wake(). Clears `events` first.
  void poll(std::chrono::milliseconds wait_max, ProducerEvents& events);
  void wake();

  // Sends lingering records at once, and waits until all records are reported. Another thread must call
  // poll().
  void flush(std::chrono::milliseconds timeout);
  // Stops all sending and retrying, for good: replace the producer. All open records are reported soon, as
  // not_kept if they were never sent, otherwise as unknown.
  //
  // There is no way to purge one record, and message.timeout.ms is never reached. When librdkafka drops one
  // record, it closes the gap in the sequence numbers: it renumbers all records that wait. A broker that has
  // already written one of them under its old number would write it twice. (librdkafka 2.0.2:
  // rd_kafka_toppar_producer_serve, rd_kafka_idemp_drain_epoch_bump; Kafka: KIP-360.)
  void purge();
  // The number of records that are not reported yet.
  [[nodiscard]] std::int64_t open_records() const { return open_.load(std::memory_order_acquire); }

 private:
  Producer(std::string topic, Client client);
  [[nodiscard]] rd_kafka_topic_s* topic();

  const std::string topic_name_;
  Client client_;
  QueueHandle queue_;
  // Created with the first record. From then on the client requests the topic's metadata, and brokers may
  // create a missing topic with their own defaults. So the topic must exist before.
  std::once_flag topic_once_;
  TopicHandle topic_;
  std::atomic<std::int64_t> open_{0};
};

}  // namespace weir::kafka
