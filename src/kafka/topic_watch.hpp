// Watches the state of a topic in a thread, so that asking for it costs nothing.
//
// The thread has a client of its own. It queries the cluster every 2 s while state() is called, and every 10
// s otherwise. While the topic is not reachable, it queries every 0.5 s. It creates the topic first, if that
// is missing. A query costs the cluster one Metadata request, and one ListOffsets request a broker.
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
#include "kafka/connection_failure.hpp"
#include "kafka/topic.hpp"

namespace weir::kafka {

struct TopicWatchOptions {
  Cluster cluster;
  // Of the topic, if it must be created.
  std::int32_t partitions = 12;
  // Create <topic>.dlq too, if it is missing. A failure is only logged.
  bool create_dlq_topic = false;
  // How long the topic stays up while brokers return its metadata but the leader of a partition does not
  // answer. Longer than Kafka takes to elect another leader: 9 s by default (broker.session.timeout.ms).
  std::chrono::milliseconds leader_grace{15'000};
};

// The topic is up from a query that reaches the leaders of all partitions until a query fails. A query that
// reaches a broker, but not each leader, counts as failed only after leader_grace: events of these partitions
// wait for another leader.
//
// While `up` is false, `error` says why: the code is `starting`, or that of the last query. If the query did
// not reach a broker, it is the reason for which a connection failed last: tls_failed or not_authenticated
// tell the operator more than timed_out. The members after
// it are from the last query that succeeded: `end` is the sum of the end offsets, `latency` the duration of
// the query.
struct TopicState {
  bool up = false;
  Error error;
  std::string cluster_id;
  std::int32_t partitions = 0;
  std::int32_t replicas_min = 0;
  std::int64_t end = 0;
  std::chrono::milliseconds latency{0};
};

// The offset after the last record of a partition.
struct PartitionEnd {
  std::int32_t partition = 0;
  std::int64_t end = 0;
};

// All functions may be called from any thread. Each change of the state is logged once, and a topic with one
// replica.
class TopicWatch {
 public:
  // Starts the thread. Fails only if the settings are wrong (see make_conf). `logger` must outlive the watch.
  static Result<std::unique_ptr<TopicWatch>> open(TopicWatchOptions options, telemetry::Logger& logger);
  TopicWatch(const TopicWatch&) = delete;
  TopicWatch& operator=(const TopicWatch&) = delete;
  // Waits for the current query: up to 2 s while the brokers are not reachable.
  ~TopicWatch();

  [[nodiscard]] bool up() const { return up_.load(std::memory_order_relaxed); }
  // Does not block. For the next interval the thread queries every 2 s.
  [[nodiscard]] TopicState state();
  // As state(), for EventLog::health().
  [[nodiscard]] intake::LogHealth health();
  // Waits until the topic is up. Returns false after `timeout`.
  bool await_up(std::chrono::milliseconds timeout);

  // Another client has lost all its brokers: `up` is false until the next query succeeds. It is made at once.
  void on_brokers_lost();
  // Another client has written records up to these end offsets, after the last query.
  void on_ends_written(std::span<const PartitionEnd> ends);

 private:
  // The result of a query.
  struct Snapshot {
    TopicMetadata metadata;
    std::vector<std::int64_t> ends;
    std::chrono::milliseconds latency{0};
  };
  struct End {
    std::int64_t offset = 0;
    // Written since the current query began.
    bool newer = false;
  };

  TopicWatch(TopicWatchOptions options, Client client, telemetry::Logger& logger);
  // The thread: query, apply, wait for the interval.
  void watch();
  // Creates the topic if necessary, and reads its metadata and its end offsets.
  Result<Snapshot> query();
  Result<std::vector<std::int64_t>> read_ends(std::int32_t partitions);
  Result<std::vector<std::int64_t>> await_ends(std::int32_t partitions, MonoTime until);
  // Makes the result of a query the state, unless the brokers were lost since the query began.
  void apply(Result<Snapshot> snapshot, std::uint64_t losses);
  // Returns true if the topic stays up after a query that failed with `error`. `alive`: records were written
  // during the query.
  [[nodiscard]] bool stays_up(const Error& error, bool alive) const;
  // Logs once that a query did not reach a leader, until one reaches all or the topic is not up.
  void log_wait_for_leader(const std::string& reason);
  // Logs a change from `was_up` and the error before it.
  void log_change(bool was_up, const std::optional<Error>& before);
  // The time until the next query. Requires the lock.
  [[nodiscard]] std::chrono::milliseconds interval() const;

  const TopicWatchOptions options_;
  telemetry::Logger& logger_;

  std::atomic<bool> up_{false};

  // mutex_ guards the members below, to the empty line. observed_: state() was called since the last query.
  // losses_: how often on_brokers_lost() was called.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  TopicState state_{.error = {ErrorKind::unavailable, "starting", "starting"}};
  std::vector<End> ends_;
  bool observed_ = false;
  bool stopping_ = false;
  std::uint64_t losses_ = 0;

  // Only thread_ uses them. ensured_: the topic exists, so it need not be created.
  Client client_;
  ConnectionFailure connection_failure_;
  bool ensured_ = false;
  // A broker has returned the metadata to the current query.
  bool answered_ = false;
  // When a query last reached all leaders, or records were written during it.
  MonoTime reached_at_ = MonoTime::min();
  // It is logged that a query did not reach a leader.
  bool awaits_leader_ = false;

  std::thread thread_;
};

}  // namespace weir::kafka
