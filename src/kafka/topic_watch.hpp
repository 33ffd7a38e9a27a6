// How a topic is doing, without asking it: a thread with a small client of its own that looks every 2 s while
// somebody wants to know, every 10 s while nobody does, and every 0.5 s while the topic cannot be reached. It
// makes the topic first if that is missing. A look costs the cluster one metadata request and one ListOffsets
// a broker.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/client.hpp"
#include "kafka/topic.hpp"

namespace weir::kafka {

struct TopicWatchOptions {
  Cluster cluster;
  std::int32_t partitions = 12;   // of the topic, when it must be made
  bool make_letters_too = false;  // <topic>.dlq as well, if missing; that it cannot be made is only said
};

struct TopicState {
  bool up = false;
  Error trouble;           // while not up: starting, or why the last look failed
  std::string cluster_id;  // what follows is as last seen
  std::int32_t partitions = 0;
  std::int32_t replicas_min = 0;
  std::int64_t end = 0;                  // sum of the end offsets
  std::chrono::milliseconds latency{0};  // of the last good look
};

struct PartitionEnd {
  std::int32_t partition = 0;
  std::int64_t end = 0;
};

// Any thread may call. `log` hears of each change once, and of a topic with one replica.
class TopicWatch {
 public:
  // Begins to look; fails only with wrong settings (see make_conf). `log` must outlive it.
  static Result<std::unique_ptr<TopicWatch>> open(TopicWatchOptions options, telemetry::Logger& logger);
  TopicWatch(const TopicWatch&) = delete;
  TopicWatch& operator=(const TopicWatch&) = delete;
  ~TopicWatch();  // waits for a look under way: up to 2 s while the brokers are away

  [[nodiscard]] bool up() const { return up_.load(std::memory_order_relaxed); }
  // Never waits; counts as somebody wanting to know.
  [[nodiscard]] TopicState state();
  // The same, as an event log tells it; the latency is the last good look's.
  [[nodiscard]] intake::LogHealth health();
  // Whether it is up, after at most `patience`.
  bool await_up(std::chrono::milliseconds patience);

  // Another client lost all its brokers: not up until the next look, which is made at once, says otherwise.
  void lost();
  // Another client saw these offsets written: newer than the last look.
  void wrote(std::span<const PartitionEnd> ends);

 private:
  struct LastSeen {
    TopicMetadata facts;
    std::vector<std::int64_t> ends;
    std::chrono::milliseconds latency{0};
  };
  struct End {
    std::int64_t offset = 0;
    bool newer = false;  // written since the look under way began
  };

  TopicWatch(TopicWatchOptions options, Client client, telemetry::Logger& logger);
  void watch();
  Result<LastSeen> look();
  Result<std::vector<std::int64_t>> read_ends(std::int32_t partitions);
  Result<std::vector<std::int64_t>> await_ends(std::int32_t partitions, MonoTime until);
  void take(Result<LastSeen> sight, std::uint64_t losses);
  void tell(bool was_up, const std::optional<Error>& before);
  [[nodiscard]] std::chrono::milliseconds pause() const;

  const TopicWatchOptions options_;
  telemetry::Logger& logger_;

  std::atomic<bool> up_{false};

  // Under the mutex.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  TopicState state_{.trouble = {ErrorKind::unavailable, "starting", "starting"}};
  std::vector<End> ends_;
  bool asked_ = false;
  bool stopping_ = false;
  std::uint64_t losses_ = 0;

  // The thread's only.
  Client client_;
  bool ensured_ = false;

  std::thread thread_;
};

}  // namespace weir::kafka
