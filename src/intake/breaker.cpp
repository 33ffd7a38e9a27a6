#include "intake/breaker.hpp"

#include <algorithm>
#include <array>

namespace weir::intake {

std::optional<Breaker::Epoch> Breaker::pass(MonoTime now) {
  if (const auto term = pass_if_closed()) return term;
  const std::scoped_lock lock(mutex_);
  const Epoch term = term_.load(std::memory_order_relaxed);
  if (is_closed(term)) return term;
  if (now < until_) return std::nullopt;
  probing_ = true;
  until_ = now + settings_.probe_patience;
  term_.store(term + 2, std::memory_order_relaxed);  // an earlier probe has no say any more
  return term + 2;
}

Breaker::Change Breaker::judge(Epoch term, Verdict verdict, MonoTime now) {
  if (is_closed(term) && verdict == Verdict::good) {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
    return Change::none;
  }
  if (is_closed(term) && verdict == Verdict::neither) return Change::none;
  const std::scoped_lock lock(mutex_);
  if (term != term_.load(std::memory_order_relaxed)) return Change::none;
  if (is_closed(term)) {
    if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < settings_.failures_to_open)
      return Change::none;
    pause_ = settings_.pause_first;
    open(now);
    return Change::opened;
  }
  switch (verdict) {
    case Verdict::good:
      probing_ = false;
      failures_.store(0, std::memory_order_relaxed);
      term_.store(term + 1, std::memory_order_relaxed);
      return Change::closed;
    case Verdict::bad:
      pause_ = std::min(2 * pause_, settings_.pause_max);
      open(now);
      return Change::none;
    case Verdict::neither:
      probing_ = false;
      until_ = now;  // it has told nothing: the next one goes
      return Change::none;
  }
  return Change::none;
}

void Breaker::open(MonoTime now) {
  probing_ = false;
  until_ = now + pause_;
  const Epoch term = term_.load(std::memory_order_relaxed);
  term_.store(is_closed(term) ? term + 1 : term + 2, std::memory_order_relaxed);
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
