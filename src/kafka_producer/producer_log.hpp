// The event log in Kafka, written by our own producer: one ProducerLoop for each io thread of the HTTP
// server. Used where the connection is plaintext and no KAFKA_PROPERTY_ asks for something else;
// kafka::KafkaEventLog (librdkafka) is used otherwise. Both keep the same promises (intake/event_log.hpp) and
// count the same (kafka/event_log_state.hpp).
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "intake/event_log.hpp"
#include "kafka/event_log_state.hpp"
#include "kafka_producer/producer_loop.hpp"

namespace weir::kafka_producer {

// Why the options cannot be served by this producer; empty if they can.
[[nodiscard]] std::string reason_against(const kafka::EventLogOptions& options);

class ProducerLog final : public intake::EventLog {
 public:
  // Does not wait for the brokers. Fails only with wrong settings. `logger` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<ProducerLog>> open(kafka::EventLogOptions options,
                                                                 telemetry::Logger& logger);
  ~ProducerLog() override;

  // A loop for one more io thread. It belongs to this object, which must outlive the thread. Call it before
  // append().
  [[nodiscard]] http::IoTask* make_loop();

  // On an io thread that runs one of the loops, the answer comes on the same thread. From any other thread
  // the records go to the first loop that runs; where none does, they are not_kept (log_stopping).
  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override { return state_.health(); }

  [[nodiscard]] bool await_up(std::chrono::milliseconds patience) { return watch_->await_up(patience); }
  [[nodiscard]] const kafka::EventLogCounts& counts() const { return state_.counts(); }

  // Refuses everything from now on. What is open is answered when the loops stop with their threads.
  void stop() { state_.stop(); }

 private:
  ProducerLog(kafka::EventLogOptions options, telemetry::Logger& logger,
              std::unique_ptr<kafka::TopicWatch> watch);

  void refuse(Error why, std::size_t records, std::int64_t cost, intake::ReceiptCallback receive);
  void on_answer(Answer answer);

  const kafka::EventLogOptions options_;
  const std::unique_ptr<kafka::TopicWatch> watch_;
  kafka::EventLogState state_;
  std::deque<ProducerLoop> loops_;  // complete before the first append()
};

}  // namespace weir::kafka_producer
