// Which index the next blocking query has, and when it is sent. State without I/O. Source of the rules:
// https://developer.hashicorp.com/consul/api-docs/features/blocking, "Implementation Details".
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::consul {

// One thread.
class QueryState {
 public:
  static constexpr std::chrono::milliseconds first_delay{250};
  static constexpr std::chrono::milliseconds delay_max{5000};
  // Between the starts of two queries, so that a server that replies at once is not asked without a pause.
  static constexpr std::chrono::milliseconds interval_min{200};

  // `index` of the reply that is known already; 0: none.
  explicit QueryState(std::uint64_t index) : index_(index) {}

  // The index for the next query; 0: without one.
  [[nodiscard]] std::uint64_t index() const { return index_; }

  // A reply with this index has arrived. Returns whether the values may have changed. An index that goes
  // backwards (the agent was restored from a snapshot, or is another one) starts again without an index.
  bool on_reply(std::uint64_t index) {
    failures_ = 0;
    const bool changed = index != index_;
    index_ = index < index_ ? 0 : index;
    return changed;
  }

  // A query failed. Returns the delay before the next one: it doubles from first_delay to delay_max, less up
  // to a half by chance, so that many processes do not ask at the same moment. `chance` is from 0 to 1.
  [[nodiscard]] std::chrono::milliseconds on_failure(double chance) {
    const auto whole = std::min(delay_max, first_delay * (1 << std::min(failures_, 10)));
    ++failures_;
    const auto spread = static_cast<double>(whole.count()) * 0.5 * std::clamp(chance, 0.0, 1.0);
    return whole - std::chrono::milliseconds(static_cast<std::int64_t>(spread));
  }
  [[nodiscard]] bool is_failing() const { return failures_ > 0; }

 private:
  std::uint64_t index_;
  int failures_ = 0;  // in a row
};

}  // namespace weir::consul
