// `epoch_` carries the state for the path without a lock: its parity tells whether the breaker is closed.
// Everything else changes under the mutex. A result counts only if its epoch is still the current one, so
// results of earlier states cannot move the breaker.
#include "intake/breaker.hpp"

#include <algorithm>
#include <array>

namespace weir::intake {

std::optional<Breaker::Epoch> Breaker::pass(MonoTime now) {
  if (const auto epoch = pass_if_closed()) return epoch;
  const std::scoped_lock lock(mutex_);
  const Epoch epoch = epoch_.load(std::memory_order_relaxed);
  if (is_closed(epoch)) return epoch;
  if (now < until_) return std::nullopt;
  // This request is the probe. A new epoch makes the result of an earlier probe, which is late, not count.
  probing_ = true;
  until_ = now + settings_.probe_timeout;
  epoch_.store(epoch + 2, std::memory_order_relaxed);
  return epoch + 2;
}

Breaker::Change Breaker::on_result(Epoch epoch, AppendResult result, MonoTime now) {
  if (is_closed(epoch) && result == AppendResult::success) {
    // A store only if there is something to reset: the cache line stays shared between the io threads.
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
    return Change::none;
  }
  if (is_closed(epoch) && result == AppendResult::ignored) return Change::none;
  const std::scoped_lock lock(mutex_);
  if (epoch != epoch_.load(std::memory_order_relaxed)) return Change::none;
  if (is_closed(epoch)) {
    if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < settings_.failures_to_open)
      return Change::none;
    pause_ = settings_.pause_first;
    open(now);
    return Change::opened;
  }
  // The result of the probe.
  switch (result) {
    case AppendResult::success:
      probing_ = false;
      failures_.store(0, std::memory_order_relaxed);
      epoch_.store(epoch + 1, std::memory_order_relaxed);
      return Change::closed;
    case AppendResult::failure:
      pause_ = std::min(2 * pause_, settings_.pause_max);
      open(now);
      return Change::none;
    case AppendResult::ignored:
      probing_ = false;
      until_ = now;  // nothing was learned about the log, so the next request tries at once
      return Change::none;
  }
  return Change::none;
}

void Breaker::open(MonoTime now) {
  probing_ = false;
  until_ = now + pause_;
  const Epoch epoch = epoch_.load(std::memory_order_relaxed);
  epoch_.store(is_closed(epoch) ? epoch + 1 : epoch + 2, std::memory_order_relaxed);
}

Breaker::State Breaker::state(MonoTime now) const {
  if (is_closed()) return State::closed;
  const std::scoped_lock lock(mutex_);
  return probing_ || now >= until_ ? State::half_open : State::open;
}

std::chrono::seconds Breaker::retry_after(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  return std::max(std::chrono::seconds{1}, std::chrono::ceil<std::chrono::seconds>(until_ - now));
}

std::string_view name_of(Breaker::State state) {
  constexpr std::array<std::string_view, 3> names{"closed", "open", "half_open"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace weir::intake
