// What an event log in Kafka knows of itself, whichever client writes: how much waits, what its receipts were, whether
// the topic can be reached, and why records failed last. Any thread may call everything here.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/event_log.hpp"
#include "kafka/topic_watch.hpp"
#include "telemetry/logger.hpp"

namespace weir::kafka {

// The error of a number of librdkafka or of the protocol (they share one range): error_of() in errors.hpp.
[[nodiscard]] Error error_of_code(int code, std::string_view action);

class EventLogState {
 public:
  // `watch` and `logger` must outlive it.
  EventLogState(std::string topic, std::size_t waiting_bytes_max, TopicWatch& watch,
                telemetry::Logger& logger);

  // What a request of these records counts against the bound on waiting bytes.
  [[nodiscard]] static std::int64_t cost_of(const intake::EventBatch& events);

  // Counts the request as waiting. Returns why it must be refused at once, if it must; answered() is called all the same.
  [[nodiscard]] std::optional<Error> admit(std::size_t records, std::int64_t cost);

  // The request has its receipts. `took` is empty if it was refused by admit().
  void answered(const intake::Receipts& receipts, std::size_t records, std::int64_t cost,
                std::optional<std::chrono::nanoseconds> took);

  void stop() { stopping_ = true; }  // from now on admit() refuses with log_stopping
  [[nodiscard]] intake::LogHealth health() const;
  [[nodiscard]] const EventLogCounts& counts() const { return counts_; }

 private:
  struct Failure {
    std::string reason;
    MonoTime at;
  };

  void count(const intake::Receipts& receipts, std::size_t records);
  void log_change(const intake::Receipts& receipts);

  const std::string topic_;
  const std::int64_t waiting_bytes_max_;
  TopicWatch& watch_;
  telemetry::Logger& logger_;
  EventLogCounts counts_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> latency_ms_{0};
  std::atomic<bool> has_failure_{false};

  mutable std::mutex mutex_;
  std::optional<Failure> failure_;  // why records failed last, until one is kept
};

}  // namespace weir::kafka
