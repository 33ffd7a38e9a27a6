// How a record becomes a dead letter, and how its copy reaches the dead letter topic.
//
//   Partition rejects a record ─▶ make_dead_letter() ─▶ the pending batch; the flush writes its row
//                                         └─▶ PendingDlqWrites ─▶ make_dlq_copy() ─▶ DeadLetterTopic::send()
//
// A batch is flushed only when each of its dead letters has its copy on the topic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "commit/pending_batch.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/pacing.hpp"

namespace weir::consumer {

// Copies the record, for its views end with the next poll(). The caller or the flush sets `at`.
[[nodiscard]] commit::DeadLetter make_dead_letter(std::int32_t partition, const RecordView& record,
                                                  Error why);

// Returns the copy for the dead letter at `offset`, which must be in `batch`, as a dead letter or as a failed
// replay. `topic` is the log's topic. The caller sets the ticket's generation.
[[nodiscard]] DeadLetterTopic::Copy make_dlq_copy(const std::string& topic, std::int32_t partition,
                                                  const commit::PendingBatch& batch, std::int64_t offset);

// The dead letters of one partition whose copy is not acknowledged. Plain state without I/O; one thread.
class PendingDlqWrites {
 public:
  // The record at `offset` became a dead letter. Its copy is to be sent.
  void add(std::int64_t offset) {
    pending_.insert(offset);
    to_send_.push_back(offset);
  }

  // Returns the offsets to send now. After a failure, all unsent offsets wait together for the delay of
  // Retries.
  [[nodiscard]] std::vector<std::int64_t> take_due(MonoTime now) {
    if (is_failing() && now < retry_at_) return {};
    return std::exchange(to_send_, {});
  }
  // Returns when take_due() will return offsets that it does not return now; nullopt if none is unsent.
  [[nodiscard]] std::optional<MonoTime> retry_at() const {
    return to_send_.empty() ? std::nullopt : std::optional(retry_at_);
  }

  // The copy of `offset` has ended. An offset that is not pending is ignored.
  void on_result(std::int64_t offset, const std::optional<Error>& failure, MonoTime now) {
    if (!pending_.contains(offset)) return;
    if (!failure) {
      pending_.erase(offset);
      if (to_send_.empty()) retries_.on_success();
      return;
    }
    // Several copies may fail within one delay: they count as one failure.
    if (!is_failing() || now >= retry_at_) retry_at_ = now + retries_.after_failure();
    to_send_.push_back(offset);
    reason_ = failure->text;
  }

  // All dead letters before `offset` have their copy, so a batch that ends there can be written.
  [[nodiscard]] bool none_before(std::int64_t offset) const {
    return pending_.empty() || *pending_.begin() >= offset;
  }
  // Returns the number of dead letters without an acknowledged copy.
  [[nodiscard]] std::size_t size() const { return pending_.size(); }
  // The last copies failed.
  [[nodiscard]] bool is_failing() const { return retries_.is_failing(); }
  // Returns the text of the last failure. It has a meaning only while is_failing().
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  // Offsets whose copy is not acknowledged.
  std::set<std::int64_t> pending_;
  // Those of pending_ that are not in flight.
  std::vector<std::int64_t> to_send_;
  Retries retries_;
  MonoTime retry_at_;
  std::string reason_;
};

}  // namespace weir::consumer
