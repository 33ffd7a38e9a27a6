// Refuses events until the start offsets of KAFKA_START=latest are stored.
#pragma once

#include <atomic>

#include "intake/event_log.hpp"

namespace weir::app {

// An EventLog that wraps the real one in a process that accepts events and consumes from the topic's end.
// Until open() it answers each append with not_kept (code log_away, so 503). Otherwise an event could be
// accepted before the start offsets are stored and then be skipped, although it was promised. Thread-safe.
class StartGate final : public intake::EventLog {
 public:
  // `log` must outlive the gate.
  explicit StartGate(intake::EventLog& log) : log_(log) {}

  // Passes all further appends to the log. Call it when the start offsets of all partitions are stored. There
  // is no way to close the gate again.
  void open() { open_ = true; }

  // As intake::EventLog specifies them. While the gate is closed, append() answers before it returns, and
  // health() is not up.
  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

 private:
  intake::EventLog& log_;
  std::atomic<bool> open_{false};
};

}  // namespace weir::app
