// A window row and its key: the counts of one value of one dimension in one window of one partition.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "tally/dimension.hpp"
#include "tally/granularity.hpp"
#include "tally/stored_values.hpp"

namespace weir::tally {

// The key of a row. Each row belongs to a partition, so two processes never write the same row.
struct WindowKey {
  Granularity granularity = Granularity::minute;
  Dimension dimension = Dimension::total;
  WindowStart start;
  std::int32_t partition = 0;
  std::string value;

  friend auto operator<=>(const WindowKey&, const WindowKey&) = default;
  friend bool operator==(const WindowKey&, const WindowKey&) = default;
};

// A row of activity_windows in the store. Its counts are absolute numbers, not differences.
struct WindowRow {
  WindowKey key;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  // In minute rows only: the part of the counts that the hour and day rows include already. The rest is
  // pending roll-up. The views and the API add it to hours and days, and the next roll-up writes it there.
  std::int64_t rolled_events = 0;
  std::int64_t rolled_page_views = 0;
  // The rank of the value among the values of its dimension in the window, in the order of their first
  // events, from 1. 0 for total and (other). A roll-up stores values in the hour and the day in this order.
  // The column is `place`.
  std::int32_t arrival_rank = 0;
  StoredValues stored;  // in total rows only
  std::string users;    // HyperLogLog in the storage format of the hll extension (sketch.hpp)
  // For writes only: false if `users` equals the stored column. Then a store need not write the column (and
  // its TOAST data in PostgreSQL).
  bool users_changed = true;

  // users_changed is not compared.
  friend bool operator==(const WindowRow& left, const WindowRow& right) {
    return left.key == right.key && left.events == right.events && left.page_views == right.page_views &&
           left.rolled_events == right.rolled_events && left.rolled_page_views == right.rolled_page_views &&
           left.arrival_rank == right.arrival_rank && left.stored == right.stored &&
           left.users == right.users;
  }
};

}  // namespace weir::tally
