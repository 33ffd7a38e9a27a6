// What is gathered of one partition between two flushes.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "tally/event_values.hpp"
#include "tally/sketch.hpp"
#include "tally/user_set.hpp"
#include "tally/window.hpp"
#include "tally/window_name.hpp"

namespace weir::tally {

// What the gathered events add to one row of one window; the row's partition is the tally's.
struct WindowDelta {
  Granularity granularity = Granularity::minute;
  Dimension dimension = Dimension::total;
  WindowStart start;
  std::string value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  Sketch users;
  std::uint32_t same_hash =
      0;  // the Tally's own: 1 + the index of another delta whose name has the same hash; 0: none
};

// An event as a tally needs it.
struct CountedEvent {
  EventTime at;
  bool is_page_view = false;
  EventValues values;  // in each dimension that is counted
};

// A value, used by one thread at a time; hand it on by moving. No clock: an event's window is its own time's,
// its lateness is judged by the time of its record, so that reading the log a second time counts alike.
//
// An event touches its minute only; hours and days are made by rolling minutes up (merge.hpp). An event that
// is more than `minute_retention` older than its record finds its minute pruned: it goes straight to its hour
// and day, and minutes are then complete only from the end of its hour on. Memory: about 150 bytes a delta,
// and its users.
class Tally {
 public:
  // 0 days: minutes are kept for ever.
  explicit Tally(std::chrono::days minute_retention) : minute_retention_(minute_retention) {}

  // Counts an event; `user_hash` is murmur3(user_id).low. At most 0.4 µs for the built-in dimensions, where
  // the values have been seen.
  void add(const CountedEvent& event, std::uint64_t user_hash, RecordTime record_time);

  // In the order in which the values came, which is the order in which a full window lets them in.
  [[nodiscard]] std::span<const WindowDelta> deltas() const { return deltas_; }
  // From where on the minutes are complete, if an event was too old for them.
  [[nodiscard]] std::optional<WindowStart> minute_horizon() const { return minute_horizon_; }

  // At most what all this takes of memory, to be bounded by its owner.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

  [[nodiscard]] bool empty() const { return events_ == 0; }
  [[nodiscard]] std::int64_t events() const { return events_; }
  [[nodiscard]] std::int64_t page_views() const { return page_views_; }
  // All users of these events, exactly, for user_activity_metrics.
  [[nodiscard]] const UserSet& users() const { return users_; }

 private:
  // Of the values of one event, under the process's key.
  using ValueHashes = std::array<std::uint64_t, event_values_max>;
  struct KeptHash {  // keyed already
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash; }
  };

  void add_to_window(Granularity granularity, WindowStart start, const CountedEvent& event,
                     const ValueHashes& hashes, std::uint64_t user_hash);
  WindowDelta& delta_of(const WindowName& name, std::uint64_t value_hash);

  std::chrono::days minute_retention_;
  std::vector<WindowDelta> deltas_;
  // Finds a delta by its name's hash: the index of the last one that was added with it.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t, KeptHash> by_hash_;
  std::optional<WindowStart> minute_horizon_;
  std::int64_t events_ = 0;
  std::int64_t page_views_ = 0;
  UserSet users_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace weir::tally
