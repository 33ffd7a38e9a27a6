// When a flush is due, by monotonic time alone, and when something that failed is tried again.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "commit/metrics_store.hpp"

namespace weir::consumer {

struct PacingRules {
  std::chrono::milliseconds flush_interval{1000};     // at the latest so long after the first that waits
  std::chrono::milliseconds flush_min_interval{200};  // from the start of one to the start of the next
  std::int64_t batch_size = 100;                      // as soon as so many wait
};

// Frequent flushes make numbers fresh and cost the same however few events they carry: one that takes long
// makes the next wait four times as long, so that at most a fifth of the time goes into flushing, but no
// longer than a second.
class Pacing {
 public:
  static constexpr std::chrono::milliseconds stretch_max{1000};

  explicit Pacing(PacingRules rules) : rules_(rules) {}

  // So many events are gathered and not handed to a flush. `overdue`: others were to be flushed before, and
  // could not be until now; they wait for no interval and no batch any more. `full`: some gathered as much as
  // one flush may write; a flush is due whenever the last one began.
  void gathered(std::int64_t events, MonoTime now, bool overdue = false, bool full = false) {
    if (!full) full_since_.reset();
    if (full && !full_since_) full_since_ = now;
    if (!overdue) overdue_since_.reset();
    if (overdue && !overdue_since_) overdue_since_ = now;
    waiting_ = events;
    if (events == 0) first_at_.reset();
    if (events > 0 && !first_at_) first_at_ = now;
  }

  // When the next flush is to start, if nothing else is gathered; nothing while nothing waits.
  [[nodiscard]] std::optional<MonoTime> due_at() const {
    if (full_since_) return full_since_;
    if (!first_at_ && !overdue_since_) return std::nullopt;
    MonoTime wanted = overdue_since_.value_or(MonoTime::max());
    if (first_at_)
      wanted =
          std::min(wanted, waiting_ >= rules_.batch_size ? *first_at_ : *first_at_ + rules_.flush_interval);
    return started_at_ ? std::max(wanted, *started_at_ + spacing_) : wanted;
  }

  void started(MonoTime now) { started_at_ = now; }
  void ended(MonoTime now) {
    const auto stretched = std::min<MonoTime::duration>(4 * (now - *started_at_), stretch_max);
    spacing_ = std::max<MonoTime::duration>(rules_.flush_min_interval, stretched);
  }

 private:
  PacingRules rules_;
  std::int64_t waiting_ = 0;
  std::optional<MonoTime> first_at_;
  std::optional<MonoTime> overdue_since_;
  std::optional<MonoTime> full_since_;
  std::optional<MonoTime> started_at_;
  MonoTime::duration spacing_{0};
};

// How much one transaction may write: less after the store ended one because it took too long, and slowly
// more again.
class TransactionSize {
 public:
  static constexpr std::size_t rows_min = 8;
  static constexpr std::size_t bytes_min = 64 * limits::KiB;
  static constexpr int raise_after = 50;  // transactions in a row that were committed

  explicit TransactionSize(commit::RowBounds most) : most_(most), now_(most) {}

  [[nodiscard]] const commit::RowBounds& now() const { return now_; }
  // A transaction of this size did; the next ones have at most half of it.
  void took_too_long(const commit::RowBounds& size) {
    now_.rows = std::clamp(size.rows / 2, std::min(rows_min, now_.rows), now_.rows);
    now_.bytes = std::clamp(size.bytes / 2, std::min(bytes_min, now_.bytes), now_.bytes);
    committed_ = 0;
  }
  void committed() {
    if (++committed_ < raise_after) return;
    committed_ = 0;
    now_ = {std::min(2 * now_.rows, most_.rows), std::min(2 * now_.bytes, most_.bytes)};
  }

 private:
  commit::RowBounds most_;
  commit::RowBounds now_;
  int committed_ = 0;
};

// 100, 400, 1,600 ms, and then every 1,600 ms for as long as it takes.
class Retries {
 public:
  static constexpr std::array delays{std::chrono::milliseconds{100}, std::chrono::milliseconds{400},
                                     std::chrono::milliseconds{1600}};

  [[nodiscard]] std::chrono::milliseconds after_failure() {
    const std::size_t at = std::min(failures_, delays.size() - 1);
    ++failures_;
    return delays[at];
  }
  void succeeded() { failures_ = 0; }

  [[nodiscard]] bool failing() const { return failures_ > 0; }
  // All the quick tries have failed.
  [[nodiscard]] bool exhausted() const { return failures_ > delays.size(); }

 private:
  std::size_t failures_ = 0;
};

// What a process tries at its start, as the first question to its database: 10 tries, with 0.5 s between the
// first two, twice as long each time, at most 10 s; 55.5 s in all, if the tries themselves take no time.
class StartRetries {
 public:
  static constexpr int tries_max = 10;
  static constexpr std::chrono::milliseconds first_delay{500};
  static constexpr std::chrono::milliseconds delay_max{10'000};

  // How long to wait before the next try; nothing after the last: give up.
  [[nodiscard]] std::optional<std::chrono::milliseconds> after_failure() {
    if (++failures_ >= tries_max) return std::nullopt;
    return std::exchange(delay_, std::min(2 * delay_, delay_max));
  }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  int failures_ = 0;
  std::chrono::milliseconds delay_ = first_delay;
};

}  // namespace weir::consumer
