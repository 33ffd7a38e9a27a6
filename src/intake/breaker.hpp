// Circuit breaker between requests and the event log. While appends fail, clients get 503 at once instead of
// waiting for a timeout. A log that recovers does not receive all waiting clients at the same time.
//
//             failures_to_open in a row            the pause is over: one request tries
//    closed ────────────────────────────▶ open ◀────────────────────────────────────────▶ half open
//      ▲                                    it failed: the pause doubles, up to pause_max     │
//      └──────────────────────────────────────────────────────────────────────────────────────┘
//                                           it succeeded
//
// "In a row" means that no event was stored in between, in any partition. Results of requests that passed
// before the last change of state are ignored. If the request that tries reports no result within
// probe_timeout, the next request tries. So the breaker cannot stay open for ever.
//
// The breaker queues nothing: a refused request is answered and forgotten.
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
  // Must be longer than the log takes to report receipts, which is at most 10 s.
  std::chrono::milliseconds probe_timeout{15'000};
};

// Thread-safe. Reads no clock: the caller passes the time. While closed, a request costs two atomic loads and
// no lock.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  enum class AppendResult : std::uint8_t {
    success,  // the log has stored an event
    failure,  // it has stored none, or that is unknown, and the reason is its own
    ignored,  // the log was not asked, or the event is the reason
  };
  enum class Change : std::uint8_t { none, opened, closed };
  // Identifies the state in which a request passed. Pass it to on_result().
  using Epoch = std::uint64_t;

  explicit Breaker(BreakerSettings settings = {}) : settings_(settings) {}

  [[nodiscard]] bool is_closed() const { return is_closed(epoch_.load(std::memory_order_relaxed)); }
  // Returns the epoch if the breaker is closed; else nothing. For the usual case, which needs no time.
  [[nodiscard]] std::optional<Epoch> pass_if_closed() const {
    const Epoch epoch = epoch_.load(std::memory_order_relaxed);
    return is_closed(epoch) ? std::optional(epoch) : std::nullopt;
  }
  // Returns the epoch if the request may go to the log, in any state. Returns nothing if it must be refused.
  [[nodiscard]] std::optional<Epoch> pass(MonoTime now);

  // Reports the result of a request that has passed. Call it once for each of them. Returns the change of
  // state that the result has caused. `now` is not used for a success while closed.
  Change on_result(Epoch epoch, AppendResult result, MonoTime now);

  [[nodiscard]] State state(MonoTime now) const;
  // Returns the time until a request may pass, at least one second, for Retry-After.
  [[nodiscard]] std::chrono::seconds retry_after(MonoTime now) const;

 private:
  static constexpr bool is_closed(Epoch epoch) { return epoch % 2 == 0; }

  void open(MonoTime now);  // under the lock

  const BreakerSettings settings_;
  // Even: closed. Odd: open or half open. Increases with every change of state and every probe.
  std::atomic<Epoch> epoch_{0};
  std::atomic<int> failures_{0};  // in a row

  mutable std::mutex mutex_;  // guards what follows, and changes of epoch_
  std::chrono::milliseconds pause_{0};
  MonoTime until_;  // open: the end of the pause; half open: the end of probe_timeout
  bool probing_ = false;
};

// Returns the value of the metric's label, such as "half_open".
[[nodiscard]] std::string_view name_of(Breaker::State state);

}  // namespace weir::intake
