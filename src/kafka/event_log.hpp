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
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka/event_log_state.hpp"
#include "kafka/producer.hpp"
#include "kafka/topic_watch.hpp"

namespace weir::kafka {

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
  [[nodiscard]] intake::LogHealth health() const override { return state_.health(); }

  // Waits until the topic is reachable. Returns false after `timeout`.
  bool await_up(std::chrono::milliseconds timeout) { return watch_->await_up(timeout); }
  // See TopicWatch::state().
  [[nodiscard]] TopicState topic() const { return watch_->state(); }
  [[nodiscard]] const EventLogCounts& counts() const { return state_.counts(); }

  // Refuses new events, waits up to `timeout` for open requests, and purges the others. Returns when all
  // requests are completed. Must be called from one thread.
  void stop(std::chrono::milliseconds timeout);

 private:
  struct Request;
  // One record of a request. Its address is the ticket.
  struct Slot;

  KafkaEventLog(EventLogOptions options, telemetry::Logger& logger, std::unique_ptr<TopicWatch> watch);
  [[nodiscard]] ProducerOptions producer_options() const;
  [[nodiscard]] std::optional<Error> admit(const Request& request);
  void send(Request& request);

  // The reporter runs these. apply_receipt(), complete() and deliver() may also run in append().
  void run_reporter();
  void on_events(const Producer::ProducerEvents& events);
  void apply_receipt(Slot& slot, intake::Receipt receipt, int error);
  [[nodiscard]] Error failure_of(std::span<const Slot> slots) const;
  void complete(std::unique_ptr<Request> request);
  // `took` is empty if the request was refused.
  void deliver(std::unique_ptr<Request> request, intake::Receipts receipts,
               std::optional<std::chrono::nanoseconds> took);
  [[nodiscard]] std::chrono::milliseconds poll_timeout() const;
  [[nodiscard]] bool is_overdue();
  void replace_producer(std::string_view why);

  const EventLogOptions options_;
  telemetry::Logger& logger_;
  const std::unique_ptr<TopicWatch> watch_;
  EventLogState state_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> open_requests_{0};
  // The producer has a fatal error and is not replaced yet.
  std::atomic<bool> producer_failed_{false};

  // Senders hold the lock shared. Only the reporter replaces the producer.
  std::shared_mutex producer_mutex_;
  std::shared_ptr<Producer> producer_;

  // Notified when open_requests_ becomes 0 after stop().
  std::mutex drained_mutex_;
  std::condition_variable drained_;

  std::mutex open_since_mutex_;
  // When each open request was appended, ascending.
  std::list<MonoTime> open_since_;

  // Only the reporter uses it: the purged records had exceeded append_timeout.
  bool purging_overdue_ = false;

  std::thread reporter_;
};

}  // namespace weir::kafka
