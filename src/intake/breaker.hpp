// Keeps requests away from a log that does not answer: better a 503 at once than one after ten seconds, and a
// log that comes back is not met by all that piled up.
//
//             failures_to_open in a row             pause is over: one request goes through
//    closed ─────────────────────────────▶ open ◀──────────────────────────────────────────▶ half open
//      ▲                                        it failed: the pause doubles, up to pause_max      │
//      └───────────────────────────────────────────────────────────────────────────────────────────┘
//                                              it was kept
//
// In a row means with no event kept in between, whatever the partition. What was sent before the breaker
// changed has no say any more when its answer comes. The one that goes through may be lost on its way, so it
// counts as lost after probe_patience, and the next one goes: the breaker is never stuck. Nothing that it
// refuses goes anywhere: it is answered, and forgotten.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace weir::intake {

struct BreakerSettings {
  int failures_to_open = 5;
  std::chrono::milliseconds pause_first{1000};
  std::chrono::milliseconds pause_max{10'000};
  std::chrono::milliseconds probe_patience{15'000};  // more than a log takes to answer, which is 10 s
};

// Time is handed in. Any thread may call; while it is closed nothing is locked, and a request costs two
// loads.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  enum class Verdict : std::uint8_t {
    good,     // the log kept something
    bad,      // it kept nothing, for a reason of its own or unknown
    neither,  // it was not asked, or the event is at fault
  };
  enum class Change : std::uint8_t { none, opened, closed };
  // Under which circumstances a request was let through.
  using Epoch = std::uint64_t;

  explicit Breaker(BreakerSettings settings = {}) : settings_(settings) {}

  [[nodiscard]] bool is_closed() const { return is_closed(term_.load(std::memory_order_relaxed)); }
  // Lets a request through, if closed. No time is needed for that.
  [[nodiscard]] std::optional<Epoch> pass_if_closed() const {
    const Epoch term = term_.load(std::memory_order_relaxed);
    return is_closed(term) ? std::optional(term) : std::nullopt;
  }
  // The same in any state: nothing if the request must be refused.
  [[nodiscard]] std::optional<Epoch> pass(MonoTime now);

  // For each request that was let through, what became of it. `good` costs next to nothing while closed.
  Change judge(Epoch term, Verdict verdict, MonoTime now);

  [[nodiscard]] State state(MonoTime now) const;
  // How long from now until a request may go through; at least a second, for Retry-After.
  [[nodiscard]] std::chrono::seconds retry_after(MonoTime now) const;

 private:
  static constexpr bool is_closed(Epoch term) { return term % 2 == 0; }

  void open(MonoTime now);  // under the lock

  const BreakerSettings settings_;
  std::atomic<Epoch> term_{0};  // even: closed; odd: not. Grows with every change and every probe
  std::atomic<int> failures_{0};

  mutable std::mutex mutex_;  // guards what follows, and the growth of term_
  std::chrono::milliseconds pause_{0};
  MonoTime until_;  // open: when the pause is over; half open: when the probe counts as lost
  bool probing_ = false;
};

// As a metric's label: "half_open"
[[nodiscard]] std::string_view name_of(Breaker::State state);

}  // namespace weir::intake
