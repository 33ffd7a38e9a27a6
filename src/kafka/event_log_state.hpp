// What both event logs in Kafka share (KafkaEventLog, kafka_producer): their options, their counts, and the
// state that they report: what waits, whether the topic is reachable, and why records failed last.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/client.hpp"
#include "kafka/topic_watch.hpp"
#include "telemetry/logger.hpp"

namespace weir::kafka {

// As error_of() (errors.hpp), for a number: the error codes of librdkafka and of Kafka's protocol share one
// range.
[[nodiscard]] Error error_of_code(int code, std::string_view action);

struct EventLogOptions {
  Cluster cluster;
  // See TopicWatchOptions.
  std::int32_t partitions = 12;
  bool create_dlq_topic = false;
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  std::size_t event_bytes_max = limits::event_bytes_default;
  // Of all open requests, with 128 bytes for each record.
  std::size_t waiting_bytes_max = limits::in_flight_bytes_max;
  // Less than the 10 s after which an HTTP client gets its response.
  std::chrono::milliseconds append_timeout{9000};
  // Of one produce request to a broker, which is retried.
  std::chrono::milliseconds request_timeout{3000};
};

// The codes of receipts that are not_kept or unknown. log_away: the topic is not reachable. log_full:
// waiting_bytes_max is exceeded. log_stopping: stop() was called. errors.hpp documents the others.
inline constexpr std::array<std::string_view, 15> failure_codes{
    "log_away",          "log_full",           "log_stopping",        "kafka_fatal",
    "timed_out",         "broker_unavailable", "topic_unknown",       "not_authorised",
    "not_authenticated", "tls_failed",         "not_enough_replicas", "broker_disk",
    "record_too_large",  "record_refused",     "kafka_error"};

// The codes of connections that failed; errors.hpp documents them.
inline constexpr std::array<std::string_view, 3> connection_failure_codes{"broker_unavailable", "tls_failed",
                                                                          "not_authenticated"};

// Counts records for metrics, unless a member says otherwise. Each member is correct by itself; two members
// may be from different moments.
struct EventLogCounts {
  std::atomic<std::uint64_t> published{0};
  // By the index in failure_codes. `unknown` counts those of them whose receipt is unknown.
  std::array<std::atomic<std::uint64_t>, failure_codes.size()> failed{};
  std::atomic<std::uint64_t> unknown{0};
  // Producers.
  std::atomic<std::uint64_t> producers_replaced{0};
  // Records without a receipt, and their bytes as waiting_bytes_max counts them.
  std::atomic<std::int64_t> waiting_records{0};
  std::atomic<std::int64_t> waiting_bytes{0};
  // Connections that our own producer could not make or lost, by the index in connection_failure_codes.
  std::array<std::atomic<std::uint64_t>, connection_failure_codes.size()> connections_failed{};
  // Completed requests that were not refused, and the sum of their durations.
  std::atomic<std::uint64_t> appends{0};
  std::atomic<std::uint64_t> append_micros{0};
};

// All functions may be called from any thread.
class EventLogState {
 public:
  // `watch` and `logger` must outlive it.
  EventLogState(std::string topic, std::size_t waiting_bytes_max, TopicWatch& watch,
                telemetry::Logger& logger);

  // The bytes that a request counts as: its own, and record_cost for each record.
  static constexpr std::size_t record_cost = 128;
  [[nodiscard]] static std::int64_t cost_of(const intake::EventBatch& events);

  // Counts the request as waiting. Returns an error if the request must be refused: log_stopping, log_full,
  // log_away or the error of the topic. on_receipts() must be called in any case.
  [[nodiscard]] std::optional<Error> admit(std::size_t records, std::int64_t cost);

  // The request has its receipts. `took` is empty if it was refused.
  void on_receipts(const intake::Receipts& receipts, std::size_t records, std::int64_t cost,
                   std::optional<std::chrono::nanoseconds> took);
  // A connection of our own producer failed. `code` is one of connection_failure_codes. Writes a line of
  // level debug: TopicWatch logs the same once for all clients.
  void on_connection_failure(std::string_view code, const std::string& reason);
  void on_producer_replaced() { counts_.producers_replaced.fetch_add(1, std::memory_order_relaxed); }

  // From now on admit() refuses with log_stopping.
  void stop() { stopping_ = true; }
  // The topic's state. Also not up for 10 s after Kafka has rejected a record, or until it accepts one.
  [[nodiscard]] intake::LogHealth health() const;
  [[nodiscard]] const EventLogCounts& counts() const { return counts_; }

 private:
  struct Failure {
    std::string reason;
    MonoTime at;
  };

  void count(const intake::Receipts& receipts, std::size_t records);
  // Logs once, not for each request, that Kafka begins to reject records or accepts them again.
  void log_change(const intake::Receipts& receipts);

  const std::string topic_;
  const std::int64_t waiting_bytes_max_;
  TopicWatch& watch_;
  telemetry::Logger& logger_;
  EventLogCounts counts_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> latency_ms_{0};
  // Whether failure_ is set, without the lock.
  std::atomic<bool> has_failure_{false};

  // Why records failed last; empty once a later record is kept.
  mutable std::mutex mutex_;
  std::optional<Failure> failure_;
};

}  // namespace weir::kafka
