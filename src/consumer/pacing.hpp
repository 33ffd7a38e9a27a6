// When a flush is due, how large a transaction may be, and when a failed call is repeated.
//
// Plain state without I/O; each object belongs to one thread. Time is the monotonic clock and is a parameter.
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

struct PacingSettings {
  // FLUSH_INTERVAL_SEC: a flush is due this long after the first pending event.
  std::chrono::milliseconds flush_interval{1000};
  // FLUSH_MIN_INTERVAL_MS: from the start of one flush to the start of the next.
  std::chrono::milliseconds flush_min_interval{200};
  // BATCH_SIZE: a flush is due as soon as this many events are pending.
  std::int64_t batch_size = 100;
};

// Decides when the next flush starts. The caller reports what is pending and when flushes start and end.
//
// Frequent flushes keep the results fresh, but each has a fixed cost. So the interval to the next flush is at
// least four times the duration of the last one. This limits flushing to a fifth of the time. This stretch is
// limited to stretch_max.
class Pacing {
 public:
  static constexpr std::chrono::milliseconds stretch_max{1000};

  explicit Pacing(PacingSettings settings) : settings_(settings) {}

  // Replaces the settings. They hold from the next call of flush_due_at() on, also for what waits already.
  void set_settings(PacingSettings settings) { settings_ = settings; }

  // Reports what waits for a flush now. Call it after each change.
  //   events   events that no flush contains yet
  //   overdue  other events waited for the dead letter topic and can be written now: due at the minimum
  //            interval
  //   full     a partition has as much as one flush may write: due at once, without any interval
  void set_pending(std::int64_t events, MonoTime now, bool overdue = false, bool full = false) {
    if (!full) full_since_.reset();
    if (full && !full_since_) full_since_ = now;
    if (!overdue) overdue_since_.reset();
    if (overdue && !overdue_since_) overdue_since_ = now;
    events_ = events;
    if (events == 0) first_event_at_.reset();
    if (events > 0 && !first_event_at_) first_event_at_ = now;
  }

  // Returns when the next flush should start, assuming that no more events arrive; nullopt if nothing waits.
  [[nodiscard]] std::optional<MonoTime> flush_due_at() const {
    if (full_since_) return full_since_;
    if (!first_event_at_ && !overdue_since_) return std::nullopt;
    MonoTime wanted = overdue_since_.value_or(MonoTime::max());
    if (first_event_at_) {
      const bool batch_is_complete = events_ >= settings_.batch_size;
      wanted = std::min(wanted,
                        batch_is_complete ? *first_event_at_ : *first_event_at_ + settings_.flush_interval);
    }
    if (!started_at_ || !stretched_) return wanted;
    return std::max(wanted,
                    *started_at_ + std::max<MonoTime::duration>(settings_.flush_min_interval, *stretched_));
  }

  // A flush was handed to the writer.
  void on_flush_started(MonoTime now) { started_at_ = now; }
  // That flush was committed. Its duration sets the minimum interval to the next one.
  void on_flush_committed(MonoTime now) {
    stretched_ = std::min<MonoTime::duration>(4 * (now - *started_at_), stretch_max);
  }

 private:
  PacingSettings settings_;
  std::int64_t events_ = 0;
  std::optional<MonoTime> first_event_at_;
  std::optional<MonoTime> overdue_since_;
  std::optional<MonoTime> full_since_;
  std::optional<MonoTime> started_at_;
  // The interval that the duration of the last flush asks for; nothing before the first one.
  std::optional<MonoTime::duration> stretched_;
};

// The rows and bytes that one transaction may write. A timeout of the store halves the bounds. They double
// again after raise_after commits in a row, up to the configured maximum.
class TransactionSize {
 public:
  static constexpr std::size_t rows_min = 8;
  static constexpr std::size_t bytes_min = 64 * limits::KiB;
  static constexpr int raise_after = 50;

  explicit TransactionSize(commit::RowBounds max) : max_(max), current_(max) {}

  // Returns the bounds for the next transaction.
  [[nodiscard]] const commit::RowBounds& current() const { return current_; }
  // The store ended a transaction of this size because it took too long.
  void on_timeout(const commit::RowBounds& size) {
    current_.rows = std::clamp(size.rows / 2, std::min(rows_min, current_.rows), current_.rows);
    current_.bytes = std::clamp(size.bytes / 2, std::min(bytes_min, current_.bytes), current_.bytes);
    commits_ = 0;
  }
  // A transaction was committed. After raise_after of them in a row the bounds double.
  void on_committed() {
    if (++commits_ < raise_after) return;
    commits_ = 0;
    current_ = {std::min(2 * current_.rows, max_.rows), std::min(2 * current_.bytes, max_.bytes)};
  }

 private:
  commit::RowBounds max_;
  commit::RowBounds current_;
  // Commits in a row without a timeout.
  int commits_ = 0;
};

// Delays between the tries of a call: 100, 400, 1,600 ms, then 1,600 ms each time without end.
class Retries {
 public:
  static constexpr std::array delays{std::chrono::milliseconds{100}, std::chrono::milliseconds{400},
                                     std::chrono::milliseconds{1600}};

  // Returns the delay before the next try.
  [[nodiscard]] std::chrono::milliseconds after_failure() {
    const std::size_t at = std::min(failures_, delays.size() - 1);
    ++failures_;
    return delays[at];
  }
  // The call succeeded: the next failure starts with the first delay again.
  void on_success() { failures_ = 0; }

  // The last try failed.
  [[nodiscard]] bool is_failing() const { return failures_ > 0; }
  // More tries in a row failed than there are delays.
  [[nodiscard]] bool is_exhausted() const { return failures_ > delays.size(); }

 private:
  // Failures in a row.
  std::size_t failures_ = 0;
};

// Delays between the tries to reach the database when the process starts: 10 tries. The first delay is 0.5 s,
// each following one is twice as long, at most 10 s; 55.5 s in all.
class StartRetries {
 public:
  static constexpr int tries_max = 10;
  static constexpr std::chrono::milliseconds first_delay{500};
  static constexpr std::chrono::milliseconds delay_max{10'000};

  // Returns the delay before the next try; nullopt after the last one: stop trying.
  [[nodiscard]] std::optional<std::chrono::milliseconds> after_failure() {
    if (++failures_ >= tries_max) return std::nullopt;
    return std::exchange(delay_, std::min(2 * delay_, delay_max));
  }
  // Returns the number of tries that failed.
  [[nodiscard]] int failures() const { return failures_; }

 private:
  int failures_ = 0;
  std::chrono::milliseconds delay_ = first_delay;
};

}  // namespace weir::consumer
