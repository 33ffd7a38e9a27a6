// What is counted for what: the names of a number, and the row that keeps it.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "tally/dimension.hpp"
#include "tally/granularity.hpp"
#include "tally/stored_values.hpp"

namespace weir::tally {

// The name of a row. Rows belong to a partition, so no two processes write the same one.
struct WindowKey {
  Granularity granularity = Granularity::minute;
  Dimension dimension = Dimension::total;
  WindowStart start;
  std::int32_t partition = 0;
  std::string value;

  friend auto operator<=>(const WindowKey&, const WindowKey&) = default;
  friend bool operator==(const WindowKey&, const WindowKey&) = default;
};

// A row of activity_windows as it stands in the store: absolute numbers, never differences.
struct WindowRow {
  WindowKey key;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  // Minute rows only: how much of the counts stands in the hour and day rows already. The remainder is what
  // the views, the API and the next roll-up add.
  std::int64_t rolled_events = 0;
  std::int64_t rolled_page_views = 0;
  // The order in which the values of a window came, from 1; 0 for total and (other). A roll-up lets values
  // into the hour and the day in this order.
  std::int32_t place = 0;
  StoredValues stored;  // total rows only
  std::string users;    // HyperLogLog in the storage format of the hll extension (sketch.hpp)
  // On the way in only, and no part of the row's value: false if `users` is as it stands in the store
  // already, so that a store may leave the column (and its TOAST) alone.
  bool users_changed = true;

  friend bool operator==(const WindowRow& left, const WindowRow& right) {
    return left.key == right.key && left.events == right.events && left.page_views == right.page_views &&
           left.rolled_events == right.rolled_events && left.rolled_page_views == right.rolled_page_views &&
           left.place == right.place && left.stored == right.stored && left.users == right.users;
  }
};

}  // namespace weir::tally
