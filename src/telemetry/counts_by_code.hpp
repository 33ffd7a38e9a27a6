// Counters by error code (Error::code), for failures that have a small, fixed set of codes.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>

namespace weir::telemetry {

// Counts occurrences of each code since the process started.
//
// Thread-safe. Each call takes a mutex: count failures with it, not successful requests.
// Memory: one map entry for each code that occurred.
class CountsByCode {
 public:
  // Adds `more` occurrences of `code`. The text of `code` must have static storage: it is not copied. Codes
  // must come from a fixed set, because each one becomes a label value in /metrics.
  void add(std::string_view code, std::uint64_t more = 1) {
    const std::scoped_lock lock(mutex_);
    counts_[code] += more;
  }

  // Returns a copy of all counters, sorted by code.
  [[nodiscard]] std::map<std::string_view, std::uint64_t> all() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

  // Returns the counter of `code`; 0 if the code has not occurred.
  [[nodiscard]] std::uint64_t of(std::string_view code) const {
    const std::scoped_lock lock(mutex_);
    const auto found = counts_.find(code);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string_view, std::uint64_t> counts_;
};

}  // namespace weir::telemetry
