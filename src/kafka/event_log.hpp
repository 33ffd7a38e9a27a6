// The event log in Kafka. An idempotent producer writes every record with acks=all. The receipt of a record
// is its delivery report and nothing else.
//
// Two threads run beside librdkafka's. The reporter polls the producer and completes the requests. The other
// one watches the topic (topic_watch.hpp). While the topic is not reachable, append() refuses events at once
// instead of queueing them for seconds.
//
// If a request is open for longer than append_timeout, the reporter replaces the producer and purges the old
// one with all its open records. A smaller step would risk that brokers write a record twice
// (Producer::purge).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/producer.hpp"
#include "kafka/topic_watch.hpp"

namespace weir::kafka {

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
  // Of one produce request to a broker; librdkafka retries.
  std::chrono::milliseconds request_timeout{3000};
};

// The codes of receipts that are not_kept or unknown. log_away: the topic is not reachable. log_full:
// waiting_bytes_max is exceeded. log_stopping: stop() was called. errors.hpp documents the others.
inline constexpr std::array<std::string_view, 14> failure_codes{
    "log_away",           "log_full",         "log_stopping",   "kafka_fatal",       "timed_out",
    "broker_unavailable", "topic_unknown",    "not_authorised", "not_authenticated", "not_enough_replicas",
    "broker_disk",        "record_too_large", "record_refused", "kafka_error"};

// Counts records for metrics, unless a member says otherwise. Each member is correct by itself; two members
// may be from different moments.
struct EventLogCounts {
  std::atomic<std::uint64_t> published{0};
  // By the index in failure_codes. `unknown` counts those of them whose receipt is unknown.
  std::array<std::atomic<std::uint64_t>, failure_codes.size()> failed{};
  std::atomic<std::uint64_t> unknown{0};
  // Producers.
  std::atomic<std::uint64_t> producers_replaced{0};
  // Records without a delivery report, and their bytes as waiting_bytes_max counts them.
  std::atomic<std::int64_t> waiting_records{0};
  std::atomic<std::int64_t> waiting_bytes{0};
  // Completed requests that were given to librdkafka, and the sum of their durations.
  std::atomic<std::uint64_t> appends{0};
  std::atomic<std::uint64_t> append_micros{0};
};

// Implements intake::EventLog. All functions but stop() may be called from any thread. The receipts:
//   kept      All in-sync replicas have the record (acks=all).
//   not_kept  The record was never sent, or the broker rejected it.
//   unknown   The record was sent, and the broker did not respond before the producer was purged.
class KafkaEventLog final : public intake::EventLog {
 public:
  // Does not wait for the brokers. Fails only if the settings are wrong (see make_conf). `logger` must
  // outlive the log.
  static Result<std::unique_ptr<KafkaEventLog>> open(EventLogOptions options, telemetry::Logger& logger);
  // stop(0 ms).
  ~KafkaEventLog() override;

  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

  // Waits until the topic is reachable. Returns false after `timeout`.
  bool await_up(std::chrono::milliseconds timeout) { return watch_->await_up(timeout); }
  [[nodiscard]] TopicState topic() const { return watch_->state(); }
  [[nodiscard]] const EventLogCounts& counts() const { return counts_; }

  // Refuses new events, waits up to `timeout` for open requests, and purges the others. Returns when all
  // requests are completed. Must be called from one thread.
  void stop(std::chrono::milliseconds timeout);

 private:
  struct Request;
  // One record of a request. Its address is the ticket.
  struct Slot;
  // Why records failed last, and when.
  struct Failure {
    std::string reason;
    MonoTime at;
  };

  KafkaEventLog(EventLogOptions options, telemetry::Logger& logger, std::unique_ptr<TopicWatch> watch);
  [[nodiscard]] ProducerOptions producer_options() const;
  [[nodiscard]] std::optional<Error> refusal(std::int64_t waiting_bytes) const;
  void send(Request& request);

  // The reporter runs these. apply_receipt(), complete() and deliver() may also run in append().
  void run_reporter();
  void on_events(const Producer::ProducerEvents& events);
  void apply_receipt(Slot& slot, intake::Receipt receipt, int error);
  [[nodiscard]] Error failure_of(std::span<const Slot> slots) const;
  void complete(std::unique_ptr<Request> request);
  void deliver(std::unique_ptr<Request> request, intake::Receipts receipts);
  void count(const Request& request, const intake::Receipts& receipts);
  void record_outcome(const intake::Receipts& receipts);
  [[nodiscard]] std::chrono::milliseconds poll_timeout() const;
  [[nodiscard]] bool is_overdue();
  void replace_producer(std::string_view why);

  const EventLogOptions options_;
  telemetry::Logger& logger_;
  const std::unique_ptr<TopicWatch> watch_;
  EventLogCounts counts_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> open_requests_{0};
  std::atomic<std::int64_t> latency_ms_{0};
  // Whether failure_ is set, without the lock.
  std::atomic<bool> has_failure_{false};
  // The producer has a fatal error and is not replaced yet.
  std::atomic<bool> producer_failed_{false};

  // Senders hold the lock shared. Only the reporter replaces the producer.
  std::shared_mutex producer_mutex_;
  std::shared_ptr<Producer> producer_;

  mutable std::mutex mutex_;
  // Notified when open_requests_ becomes 0 after stop().
  std::condition_variable drained_;
  // Empty once a later record is kept.
  std::optional<Failure> failure_;

  std::mutex open_since_mutex_;
  // When each open request was appended, ascending.
  std::list<MonoTime> open_since_;

  // Only the reporter uses it: the purged records had exceeded append_timeout.
  bool purging_overdue_ = false;

  std::thread reporter_;
};

}  // namespace weir::kafka
