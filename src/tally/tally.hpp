// Counts the events of one partition between two flushes.
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

// The counts to add to one window row. The partition of the row is the partition of the tally.
struct WindowDelta {
  Granularity granularity = Granularity::minute;
  Dimension dimension = Dimension::total;
  WindowStart start;
  std::string value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  Sketch users;
  // For Tally only: 1 + the index of the next delta whose name has the same hash; 0: there is none.
  std::uint32_t same_hash = 0;
};

// The input of Tally::add().
struct CountedEvent {
  EventTime at;
  bool is_page_view = false;
  EventValues values;  // one for each counted dimension
};

// A value type; one thread at a time may use it. Move it to pass it to another thread.
//
// The result depends on the log only, not on a clock: an event counts in the window of its own time, and its
// age is measured at the time of its record. Therefore a second read of the log gives the same counts.
//
// add() counts an event in its minute. A later roll-up adds minutes to hours and days (merge.hpp). If an
// event is more than `minute_retention` older than its record, its minute may be pruned already. Such an
// event counts in its hour and its day directly, and minutes are complete only from the end of that hour on.
// Memory: about 150 bytes a delta, and its users.
class Tally {
 public:
  // 0 days: minutes are never pruned.
  explicit Tally(std::chrono::days minute_retention) : minute_retention_(minute_retention) {}

  // Counts an event. `user_hash` is murmur3(user_id).low. Costs at most 0.4 µs for the built-in dimensions if
  // the tally has these values already. Requires at most event_values_max values.
  void add(const CountedEvent& event, std::uint64_t user_hash, RecordTime record_time);

  // Returns the deltas in the order of their first events. A full window stores values in this order.
  [[nodiscard]] std::span<const WindowDelta> deltas() const { return deltas_; }
  // Returns the time from which on the minutes are complete, or nothing if no event was too old for its
  // minute.
  [[nodiscard]] std::optional<WindowStart> minute_horizon() const { return minute_horizon_; }

  // Returns an upper bound of the allocated memory. The owner limits it by a flush.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

  [[nodiscard]] bool empty() const { return events_ == 0; }
  [[nodiscard]] std::int64_t events() const { return events_; }
  [[nodiscard]] std::int64_t page_views() const { return page_views_; }
  // Returns the exact set of all users of these events, for user_activity_metrics.
  [[nodiscard]] const UserSet& users() const { return users_; }

 private:
  // The hashes of one event's values, under the key of the process.
  using ValueHashes = std::array<std::uint64_t, event_values_max>;
  // The identity: the keys of by_hash_ are keyed hashes already.
  struct KeptHash {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash; }
  };

  void add_to_window(Granularity granularity, WindowStart start, const CountedEvent& event,
                     const ValueHashes& hashes, std::uint64_t user_hash);
  WindowDelta& delta_of(const WindowName& name, std::uint64_t value_hash);

  std::chrono::days minute_retention_;
  std::vector<WindowDelta> deltas_;
  // The hash of a name to 1 + the index of the newest delta with this hash.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t, KeptHash> by_hash_;
  std::optional<WindowStart> minute_horizon_;
  std::int64_t events_ = 0;
  std::int64_t page_views_ = 0;
  UserSet users_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace weir::tally
