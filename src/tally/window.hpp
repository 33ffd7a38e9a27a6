// What is counted for what: the names of a number, and the row that keeps it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir::tally {

enum class Granularity : std::uint8_t { minute, hour, day };
inline constexpr std::array all_granularities{Granularity::minute, Granularity::hour, Granularity::day};

// `total` has one value, the empty one; the others have one value for each type, page path or referring host.
enum class Dimension : std::uint8_t { total, activity_type, page, referrer };
inline constexpr std::array all_dimensions{Dimension::total, Dimension::activity_type, Dimension::page,
                                           Dimension::referrer};

// As they stand in the database and in the API: "minute", "activity_type", …
[[nodiscard]] std::string_view name_of(Granularity granularity);
[[nodiscard]] std::string_view name_of(Dimension dimension);
[[nodiscard]] std::optional<Granularity> granularity_named(std::string_view name);
[[nodiscard]] std::optional<Dimension> dimension_named(std::string_view name);

// The window of a granularity that holds a moment, and the first moment behind that window. UTC, always.
[[nodiscard]] WindowStart window_of(Granularity granularity, EventTime moment);
[[nodiscard]] WindowStart window_end(Granularity granularity, WindowStart start);

// Values that stand for many or for none. A client's own value of the same text is counted with them.
inline constexpr std::string_view value_other = "(other)";      // beyond limits::values_per_window_max
inline constexpr std::string_view value_none = "(none)";        // no page
inline constexpr std::string_view value_direct = "(direct)";    // no referrer
inline constexpr std::string_view value_unknown = "(unknown)";  // a referrer whose host cannot be read

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

// How many values of each capped dimension a window has stored; kept in its `total` row, so that a flush
// knows without counting whether a new value may still come in.
struct StoredValues {
  std::int32_t activity_type = 0;
  std::int32_t page = 0;
  std::int32_t referrer = 0;

  [[nodiscard]] std::int32_t& of(Dimension dimension);
  friend bool operator==(const StoredValues&, const StoredValues&) = default;
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
