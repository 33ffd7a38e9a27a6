// Keeps events out of the log until it is decided where counting begins (KAFKA_START=latest).
#pragma once

#include <atomic>

#include "intake/event_log.hpp"

namespace weir::app {

// Stands before the event log of a process that accepts events and begins at the topic's end. While the gate
// is closed every append is answered not_kept (log_away): an event that was accepted before the start offsets
// are stored could be left out, and it was promised. Any thread.
class StartGate final : public intake::EventLog {
 public:
  // `log` outlives the gate.
  explicit StartGate(intake::EventLog& log) : log_(log) {}

  // The start offsets of all partitions are stored. For good.
  void open() { open_ = true; }

  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

 private:
  intake::EventLog& log_;
  std::atomic<bool> open_{false};
};

}  // namespace weir::app
