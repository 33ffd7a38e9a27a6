// Histogram of how long the event log took to report the receipts of an append.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "telemetry/exposition.hpp"

namespace weir::intake {

// Thread-safe without a lock. A reader may see an observation in the sum before it sees it in its bucket.
class AppendDurations {
 public:
  // Upper bounds of the buckets in seconds. The last bucket has none.
  static constexpr std::array<double, 13> seconds_max{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,    0.25,  0.5,    1,     2.5,  10};

  void observe(std::chrono::nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    const auto bucket = std::ranges::lower_bound(seconds_max, seconds) - seconds_max.begin();
    counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    nanoseconds_.fetch_add(static_cast<std::uint64_t>(duration.count()), std::memory_order_relaxed);
  }

  // Adds the metric weir_intake_append_duration_seconds.
  void collect(telemetry::Exposition& into) const {
    std::array<std::uint64_t, seconds_max.size() + 1> counts{};
    for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) counts[bucket] = counts_[bucket];
    into.histogram("weir_intake_append_duration_seconds",
                   "Time from an append to the event log until the log reports its receipts.", seconds_max,
                   counts, static_cast<double>(nanoseconds_) / 1e9);
  }

 private:
  std::array<std::atomic<std::uint64_t>, seconds_max.size() + 1> counts_{};
  std::atomic<std::uint64_t> nanoseconds_{0};
};

}  // namespace weir::intake
