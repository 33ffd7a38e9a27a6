// Fetches the records of the partitions that it is told to, from the offsets that it is told.
//
// Built on librdkafka's simple consumer, which knows of no group: a partition is either being fetched from an
// offset that we gave, or not at all. Moving it is stopping and starting it, and whatever was on its way from
// before is dropped by librdkafka's version barrier.
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

// Bytes that stand still until they are all forgotten at once, with limits::json_slack_bytes readable behind
// each.
class Arena {
 public:
  // A copy of `bytes`.
  [[nodiscard]] std::string_view put(std::string_view bytes);
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  void begin_block(std::size_t wanted);

  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the one that is being filled
  std::size_t used_ = 0;   // of it
};

// All calls come from one thread, and none waits for a broker.
class RecordFetcher {
 public:
  // Fetched ahead and not yet taken, by all partitions together. A fetch under way comes on top
  // (fetch.max.bytes).
  static constexpr int ahead_kib_max = 64 * 1024;

  // `knock_fd` gets Wakeup::payload when take() has something to do; it and `log` outlive the fetcher.
  static Result<std::unique_ptr<RecordFetcher>> open(const Cluster& cluster, telemetry::Logger& logger,
                                                     int knock_fd);
  RecordFetcher(const RecordFetcher&) = delete;
  RecordFetcher& operator=(const RecordFetcher&) = delete;
  ~RecordFetcher();

  // Nothing comes from it before seek().
  void add(std::int32_t partition);
  void remove(std::int32_t partition);
  // Of a partition that was added; ErrorKind::unavailable, not_assigned, otherwise.
  Result<void> seek(std::int32_t partition, std::int64_t offset);
  // While all are paused, what was fetched ahead waits. Otherwise a paused partition is fetched anew after
  // resume().
  void pause(std::int32_t partition);
  void resume(std::int32_t partition);

  // Appends what has come: Records, whose views hold until the next call, and OffsetOutOfRange. At most
  // limits::poll_records_max records and, but for a few large ones, limits::poll_bytes_max bytes.
  void take(std::vector<consumer::LogEvent>& events);
  // What went wrong since the last call, if anything did. librdkafka goes on trying.
  [[nodiscard]] std::optional<Error> take_trouble();

 private:
  struct FetchPosition {
    std::optional<std::int64_t>
        position;  // of the next record that we have not handed out; none before seek()
    bool fetching = false;
    bool paused = false;
    bool moved = false;  // since the last take() began
    std::vector<consumer::RecordView>* records = nullptr;
  };

  RecordFetcher(Client client, const std::string& topic, int knock_fd);
  void start(std::int32_t partition, FetchPosition& place);
  void stop(std::int32_t partition, FetchPosition& place);
  [[nodiscard]] bool wants_more() const;
  void sort(const rd_kafka_message_s& message, std::vector<std::int32_t>& misplaced);
  void keep(const rd_kafka_message_s& message, FetchPosition& place);
  void failed(const rd_kafka_message_s& message, FetchPosition& place, std::vector<std::int32_t>& misplaced);
  void tell(std::vector<consumer::LogEvent>& events);

  Client client_;
  const std::string name_;
  TopicHandle topic_;
  QueueHandle queue_;

  std::map<std::int32_t, std::vector<consumer::RecordView>>
      records_;  // of the last take(), whoever has left since
  std::map<std::int32_t, FetchPosition> places_;
  std::optional<Error> trouble_;
  Arena shelf_;
  std::size_t taken_bytes_ = 0;  // by the take() under way
};

}  // namespace weir::kafka
