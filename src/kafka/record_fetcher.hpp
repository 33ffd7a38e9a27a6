// Fetches the records of given partitions from given offsets.
//
// It uses librdkafka's simple consumer API, which knows no group. A partition is either fetched from an
// offset that the caller has set, or not at all. To seek is to stop and start it: librdkafka's version
// barrier then drops messages that were fetched before.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "kafka/client.hpp"
#include "telemetry/logger.hpp"

struct rd_kafka_message_s;

namespace weir::kafka {

// A memory arena: copies keep their address until all of them are freed at once. After each copy,
// limits::json_slack_bytes more bytes are readable, as the JSON decoder requires. One thread uses it.
class Arena {
 public:
  // Returns a copy of `bytes`. It is valid until clear().
  [[nodiscard]] std::string_view put(std::string_view bytes);
  // Keeps some blocks for reuse.
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  void begin_block(std::size_t wanted);

  // blocks_[block_] is the current block; used_ of its bytes are taken.
  std::vector<Block> blocks_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;
};

// One thread makes all calls. No call waits for a broker.
class RecordFetcher {
 public:
  // The bound of the records that are fetched but not drained, for all partitions together. One more fetch
  // response (fetch.max.bytes) may exceed it.
  static constexpr int ahead_kib_max = 16 * 1024;

  // librdkafka writes Wakeup::payload to `wakeup_fd` when drain() has something to do. `wakeup_fd` and
  // `logger` must outlive the fetcher. Fails as make_conf() and Client::open().
  static Result<std::unique_ptr<RecordFetcher>> open(const Cluster& cluster, telemetry::Logger& logger,
                                                     int wakeup_fd);
  RecordFetcher(const RecordFetcher&) = delete;
  RecordFetcher& operator=(const RecordFetcher&) = delete;
  ~RecordFetcher();

  // A new partition is not fetched before seek().
  void add(std::int32_t partition);
  void remove(std::int32_t partition);
  // Fetches from `offset` (>= 0). Fails with ErrorKind::unavailable, not_assigned, if the partition was not
  // added.
  Result<void> seek(std::int32_t partition, std::int64_t offset);
  // While all partitions are paused, fetched records stay in the queue. Otherwise the records of a paused
  // partition are dropped, and resume() fetches them again.
  void pause(std::int32_t partition);
  void resume(std::int32_t partition);

  // Appends Records and OffsetOutOfRange for all that was fetched. The views are valid until the next call.
  // Takes at most limits::poll_records_max records, and limits::poll_bytes_max bytes unless some records are
  // unusually large.
  void drain(std::vector<consumer::LogEvent>& events);
  // Returns the last error since the previous call, if there was one. librdkafka retries.
  [[nodiscard]] std::optional<Error> take_failure();

 private:
  // `position` is the offset of the next record to drain; empty before seek(). `advanced`: the current
  // drain() has changed it. `records` points into records_.
  struct FetchPosition {
    std::optional<std::int64_t> position;
    bool fetching = false;
    bool paused = false;
    bool advanced = false;
    std::vector<consumer::RecordView>* records = nullptr;
  };

  RecordFetcher(Client client, const std::string& topic, int wakeup_fd);
  void start(std::int32_t partition, FetchPosition& at);
  void stop(std::int32_t partition, FetchPosition& at);
  // Whether any partition is fetched and not paused.
  [[nodiscard]] bool wants_more() const;
  // Handles one message from the queue: a record, the end of a partition or an error.
  void on_message(const rd_kafka_message_s& message, std::vector<std::int32_t>& out_of_range);
  void add_record(const rd_kafka_message_s& message, FetchPosition& at);
  void on_error(const rd_kafka_message_s& message, FetchPosition& at,
                std::vector<std::int32_t>& out_of_range);
  void emit_records(std::vector<consumer::LogEvent>& events);

  Client client_;
  const std::string name_;
  TopicHandle topic_;
  QueueHandle queue_;

  // The records of the last drain(), also of partitions that were removed since: the caller still reads them.
  std::map<std::int32_t, std::vector<consumer::RecordView>> records_;
  std::map<std::int32_t, FetchPosition> positions_;
  std::optional<Error> failure_;
  Arena arena_;
  // The bytes of the current drain().
  std::size_t drained_bytes_ = 0;
};

}  // namespace weir::kafka
