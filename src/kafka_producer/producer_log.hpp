// An EventLog in Kafka that writes with Producer: one ProducerLoop for each io thread of the HTTP server. The
// service uses it if this producer supports all KAFKA_PROPERTY_ variables that are set (security.hpp).
// Otherwise it uses kafka::KafkaEventLog, which writes with librdkafka. Both have the same contract
// (intake/event_log.hpp) and the same counters (kafka/event_log_state.hpp).
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "intake/event_log.hpp"
#include "kafka/event_log_state.hpp"
#include "kafka_producer/producer_loop.hpp"
#include "kafka_producer/security.hpp"

namespace weir::kafka_producer {

// Returns the reason for which this producer does not support the options, or an empty text if it does.
[[nodiscard]] std::string reason_against(const kafka::EventLogOptions& options);

// append() and health() are thread-safe.
class ProducerLog final : public intake::EventLog {
 public:
  // Returns without waiting for brokers. Fails only if a setting is invalid, or a file of TLS cannot be used.
  // Requires that reason_against() is empty. `logger` must outlive the log.
  [[nodiscard]] static Result<std::unique_ptr<ProducerLog>> open(kafka::EventLogOptions options,
                                                                 telemetry::Logger& logger);
  ~ProducerLog() override;

  // Creates a loop for one more io thread. The log owns the loop and must outlive the thread. Call this
  // before the first append().
  [[nodiscard]] http::IoTask* make_loop();

  // On an io thread with a loop, the records go to this loop, and `receive` is called on the same thread. On
  // any other thread they go to the first loop that runs, and `receive` is called on the thread of that loop.
  // If no loop runs, the receipt is not_kept with the code log_stopping.
  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override { return state_.health(); }

  [[nodiscard]] bool await_up(std::chrono::milliseconds patience) { return watch_->await_up(patience); }
  [[nodiscard]] const kafka::EventLogCounts& counts() const { return state_.counts(); }

  // Refuses all later appends. Open requests are answered at the latest when the loops stop with their
  // threads.
  void stop() { state_.stop(); }

 private:
  ProducerLog(kafka::EventLogOptions options, Security security, std::unique_ptr<tls::ClientContext> tls,
              telemetry::Logger& logger, std::unique_ptr<kafka::TopicWatch> watch);

  void refuse(Error why, std::size_t records, std::int64_t cost, intake::ReceiptCallback receive);
  void on_answer(Answer answer);
  void on_failure(const ConnectionFailure& failure);

  const kafka::EventLogOptions options_;
  const Security security_;
  const std::unique_ptr<tls::ClientContext> tls_;  // null: plain connections
  const std::unique_ptr<kafka::TopicWatch> watch_;
  kafka::EventLogState state_;
  std::deque<ProducerLoop> loops_;  // complete before the first append()
};

}  // namespace weir::kafka_producer
