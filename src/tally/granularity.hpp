// The granularities by which events are counted. SQL, API names, texts, array sizes and the arithmetic of
// windows are derived from the table `granularities`. The limits of all windows are in UTC.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"

namespace weir::tally {

// The databases store these numbers, so the number of a granularity never changes.
enum class Granularity : std::uint8_t { minute, hour, day };

struct GranularityDescriptor {
  Granularity granularity;
  std::string_view name;  // in the database and the API; its view is activity_<name>s
  std::chrono::seconds width;
};

// From fine to coarse. Each width is a multiple of the one before it.
inline constexpr std::array granularities{
    GranularityDescriptor{Granularity::minute, "minute", std::chrono::minutes{1}},
    GranularityDescriptor{Granularity::hour, "hour", std::chrono::hours{1}},
    GranularityDescriptor{Granularity::day, "day", std::chrono::days{1}},
};

// The size of arrays that have one element for each granularity, in the order of the numbers.
inline constexpr std::size_t granularity_count = granularities.size();

// Returns the index of a granularity in the table and in such arrays.
[[nodiscard]] constexpr std::size_t index_of(Granularity granularity) {
  return static_cast<std::size_t>(granularity);
}

inline constexpr auto all_granularities = [] {
  std::array<Granularity, granularity_count> all{};
  for (std::size_t at = 0; at < granularity_count; ++at) all[at] = granularities[at].granularity;
  return all;
}();
inline constexpr auto granularity_names = [] {
  std::array<std::string_view, granularity_count> all{};
  for (std::size_t at = 0; at < granularity_count; ++at) all[at] = granularities[at].name;
  return all;
}();

// Events are counted in windows of the finest granularity. A roll-up adds these windows to the coarser ones.
inline constexpr Granularity finest_granularity = all_granularities.front();
inline constexpr Granularity coarsest_granularity = all_granularities.back();
inline constexpr std::span<const Granularity> coarser_granularities = std::span(all_granularities).subspan(1);

static_assert(
    [] {
      for (std::size_t at = 0; at < granularity_count; ++at) {
        if (index_of(granularities[at].granularity) != at) return false;
        if (at > 0 && granularities[at].width % granularities[at - 1].width != std::chrono::seconds::zero())
          return false;
      }
      return true;
    }(),
    "the table is in the order of the numbers, and each window is a whole number of finer ones");

[[nodiscard]] constexpr std::string_view name_of(Granularity granularity) {
  return granularities[index_of(granularity)].name;
}

// Returns the granularity with this name, or nothing.
[[nodiscard]] constexpr std::optional<Granularity> granularity_named(std::string_view name) {
  const auto found = std::ranges::find(granularities, name, &GranularityDescriptor::name);
  if (found == granularities.end()) return std::nullopt;
  return found->granularity;
}

[[nodiscard]] constexpr std::chrono::seconds width_of(Granularity granularity) {
  return granularities[index_of(granularity)].width;
}

// Returns the start of the window that contains `moment`, also before 1970. Requires a moment between the
// years 0000 and 9999 that `Unit` can represent. Costs one division, or none if the granularity is a
// constant.
template <class Unit>
[[nodiscard]] constexpr WindowStart floor_time_to(Granularity granularity,
                                                  std::chrono::sys_time<Unit> moment) {
  const Unit since_epoch = moment.time_since_epoch();
  auto windows = since_epoch / Unit(width_of(granularity));
  if (since_epoch < windows * Unit(width_of(granularity))) --windows;
  return WindowStart(windows * width_of(granularity));
}
[[nodiscard]] constexpr WindowStart floor_to(Granularity granularity, WindowStart moment) {
  return floor_time_to(granularity, moment);
}
[[nodiscard]] constexpr WindowStart floor_to(Granularity granularity, EventTime moment) {
  return floor_time_to(granularity, moment);
}

// Returns the first start of a window that is >= `moment`.
[[nodiscard]] constexpr WindowStart ceil_to(Granularity granularity, WindowStart moment) {
  const WindowStart start = floor_to(granularity, moment);
  return start == moment ? start : start + width_of(granularity);
}

// Returns the exclusive end of the window that starts at `start`: the start of the next window.
[[nodiscard]] constexpr WindowStart window_end(Granularity granularity, WindowStart start) {
  return start + width_of(granularity);
}

}  // namespace weir::tally
