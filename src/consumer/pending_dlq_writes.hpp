// Which dead letters of a partition lack their copy (letter_copies.hpp), and when those whose copy failed are
// sent again. A machine without I/O; one thread.
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
#include "consumer/pacing.hpp"

namespace weir::consumer {

class PendingDlqWrites {
 public:
  void found(std::int64_t offset) {
    uncopied_.insert(offset);
    to_send_.push_back(offset);
  }

  // Those to be sent now. While copies fail, all that wait are sent together and no more often than Retries
  // says.
  [[nodiscard]] std::vector<std::int64_t> take_due(MonoTime now) {
    if (failing() && now < again_at_) return {};
    return std::exchange(to_send_, {});
  }
  // When take_due() will have something that it does not have now.
  [[nodiscard]] std::optional<MonoTime> again_at() const {
    return to_send_.empty() ? std::nullopt : std::optional(again_at_);
  }

  // A copy that was sent has ended.
  void ended(std::int64_t offset, const std::optional<Error>& failure, MonoTime now) {
    if (!uncopied_.contains(offset)) return;
    if (!failure) {
      uncopied_.erase(offset);
      if (to_send_.empty()) retries_.succeeded();
      return;
    }
    if (!failing() || now >= again_at_) again_at_ = now + retries_.after_failure();
    to_send_.push_back(offset);
    reason_ = failure->text;
  }

  [[nodiscard]] bool none_before(std::int64_t offset) const {
    return uncopied_.empty() || *uncopied_.begin() >= offset;
  }
  [[nodiscard]] std::size_t size() const { return uncopied_.size(); }
  [[nodiscard]] bool failing() const { return retries_.failing(); }
  // Of the last failure, while failing().
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::set<std::int64_t> uncopied_;    // not known to be copied…
  std::vector<std::int64_t> to_send_;  // …of which these are not under way
  Retries retries_;
  MonoTime again_at_;
  std::string reason_;
};

}  // namespace weir::consumer
