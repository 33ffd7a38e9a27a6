// Decides which partitions pause, so that what was read and is not stored yet stays within bounds.
//
// All partitions pause while the backlog of the process is too large, or while the metrics store is
// unavailable. A partition whose batch waits for the dead letter topic is bounded separately and pauses
// alone: it must not stop the others.
#pragma once

#include <cstdint>
#include <vector>

#include "commit/pending_batch.hpp"
#include "consumer/backlog_bounds.hpp"
#include "consumer/rebalance.hpp"

namespace weir::consumer {

// One thread: the consumer's.
class Backpressure {
 public:
  struct Change {
    std::int32_t partition = 0;
    // True: pause the partition. False: resume it.
    bool pause = false;
  };

  explicit Backpressure(const BacklogBounds& bounds) : bounds_(bounds) {}

  // Sets AssignedPartition::paused of each partition and returns those that changed. Call it at each tick.
  // `stopping`: no further record is processed, so all partitions pause.
  [[nodiscard]] std::vector<Change> update(AssignedPartitions& partitions, bool store_unavailable,
                                           bool stopping);

  // The whole process is paused: the backlog is too large, or the store is unavailable.
  [[nodiscard]] bool is_paused() const { return paused_; }
  // How often the process has paused.
  [[nodiscard]] std::int64_t pauses() const { return pauses_; }

 private:
  [[nodiscard]] bool is_too_large(const commit::Backlog& backlog, bool was_too_large,
                                  std::int64_t divided_by) const;

  BacklogBounds bounds_;
  bool backlog_too_large_ = false;
  bool paused_ = false;
  std::int64_t pauses_ = 0;
};

}  // namespace weir::consumer
