// The event log in Kafka: every record goes to the topic with acks=all by an idempotent producer, and what a
// client is told comes from the delivery report and from nothing else.
//
// Two threads of its own beside librdkafka's: one takes delivery reports home in batches and answers the
// requests; the other watches the topic (topic_watch.hpp). While the topic cannot be reached, what is
// appended is refused at once instead of being held for seconds; that ends by itself.
//
// A request that has waited for answer_timeout ends the producer: all that is open is given up with it, for
// nothing less keeps every record from standing twice (Producer::give_up), and another takes its place.
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
  std::int32_t partitions = 12;   // of the topic, when it must be made
  bool make_letters_too = false;  // see TopicWatchOptions
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  std::size_t event_bytes_max = limits::event_bytes_default;
  std::size_t waiting_bytes_max = limits::in_flight_bytes_max;
  std::chrono::milliseconds answer_timeout{9000};   // below the 10 s within which a client is answered
  std::chrono::milliseconds request_timeout{3000};  // of one try
};

// Why records were not, or not surely, kept: the codes of KafkaEventLog's receipts.
inline constexpr std::array<std::string_view, 14> failure_codes{
    "log_away",    "log_full",         "log_stopping",   "kafka_fatal",       "timed_out",
    "broker_away", "topic_unknown",    "not_authorised", "not_authenticated", "not_enough_replicas",
    "broker_disk", "record_too_large", "record_refused", "kafka_error"};

// For metrics; each is right by itself. Records, not requests, where nothing else is said.
struct EventLogCounts {
  std::atomic<std::uint64_t> published{0};
  std::array<std::atomic<std::uint64_t>, failure_codes.size()> failed{};  // by failure_codes
  std::atomic<std::uint64_t> unknown{0};                                  // of those that failed
  std::atomic<std::uint64_t> renewed{0};         // producers that took the place of one that was given up
  std::atomic<std::int64_t> waiting_records{0};  // handed to librdkafka and not reported yet
  std::atomic<std::int64_t> waiting_bytes{0};    // as they count against waiting_bytes_max
  std::atomic<std::uint64_t> answered{0};        // requests that were handed to librdkafka, and…
  std::atomic<std::uint64_t> answer_micros{0};   // …how long their answers took, together
};

// Fills intake::EventLog. What its receipts mean here:
//   kept      all in-sync replicas have it (acks=all)
//   not_kept  never sent, or refused by the broker
//   unknown   sent, and no answer came before the producer was given up
// Their codes are failure_codes.
class KafkaEventLog final : public intake::EventLog {
 public:
  // Does not wait for the brokers. Fails only with wrong settings. `log` must outlive it.
  static Result<std::unique_ptr<KafkaEventLog>> open(EventLogOptions options, telemetry::Logger& logger);
  ~KafkaEventLog() override;  // stop(0 ms)

  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

  // Whether the topic is there, after at most `patience`.
  bool await_up(std::chrono::milliseconds patience) { return watch_->await_up(patience); }
  [[nodiscard]] TopicState topic() const { return watch_->state(); }
  [[nodiscard]] const EventLogCounts& counts() const { return counts_; }

  // Takes nothing more, waits at most `patience` for what is under way, gives up the rest (not_kept if it was
  // never sent, else unknown), and returns when everything is answered.
  void stop(std::chrono::milliseconds patience);

 private:
  struct Request;
  struct Slot;  // one record of a request; its address is the ticket
  struct Failure {
    std::string reason;
    MonoTime at;
  };

  KafkaEventLog(EventLogOptions options, telemetry::Logger& logger, std::unique_ptr<TopicWatch> watch);
  [[nodiscard]] ProducerOptions producer_options() const;
  [[nodiscard]] std::optional<Error> obstacle(std::int64_t waiting_bytes) const;
  void send(Request& request);

  // The reporting thread (answer() also a thread that appends, when nothing could be sent).
  void report();
  void take(const Producer::ProducerEvents& news);
  void settle(Slot& slot, intake::Receipt receipt, int error);
  [[nodiscard]] Error why_of(std::span<const Slot> slots) const;
  void answer(std::unique_ptr<Request> request);
  void hand_over(std::unique_ptr<Request> request, intake::Receipts receipts);
  void count(const Request& request, const intake::Receipts& receipts);
  void note(const intake::Receipts& receipts);
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
  std::atomic<bool> troubled_{false};  // trouble_ is set
  std::atomic<bool> broken_{false};    // the producer failed for good, and no other is there yet

  // Those who send share it; the reporting thread alone puts another producer there.
  std::shared_mutex producer_mutex_;
  std::shared_ptr<Producer> producer_;

  mutable std::mutex mutex_;
  std::condition_variable ended_;   // open_requests_ fell to 0 while stopping
  std::optional<Failure> trouble_;  // why records failed last, until one is kept

  std::mutex ages_mutex_;
  std::list<MonoTime> ages_;  // when each request that is open was handed in, the oldest first

  bool gives_up_overdue_ = false;  // the reporting thread's only: what comes home purged had waited too long

  std::thread reporter_;
};

}  // namespace weir::kafka
