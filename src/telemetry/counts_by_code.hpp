// How often each of a few known things happened, under their stable codes (Error::code): what is refused
// and lost has a number and a name.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>

namespace weir::telemetry {

// Any thread may call. Takes a lock: not for what happens with every good request.
class CountsByCode {
 public:
  // `code` lives as long as the program does, and comes from a small fixed set.
  void add(std::string_view code, std::uint64_t more = 1) {
    const std::scoped_lock lock(mutex_);
    counts_[code] += more;
  }

  [[nodiscard]] std::map<std::string_view, std::uint64_t> all() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

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
