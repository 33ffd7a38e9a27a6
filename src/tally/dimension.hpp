// The dimensions by which events are counted: the built-in ones, and those that DIMENSIONS adds.
//
// `built_in_dimensions` is the one table of the built-in ones. SQL, caps, API names, texts, the lists of
// `weir stats` and of the page, and array sizes are derived from it. A new one is a new enumerator and a new
// line in the table.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "activity/user_activity.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "tally/dimension_values.hpp"

namespace weir::tally {

// The number of each stands in the database: it never changes. `total` has one value, the empty one. Numbers
// from first_own_dimension on belong to the dimensions of DIMENSIONS; activity_dimensions assigns them.
enum class Dimension : std::uint8_t { total, activity_type, page, referrer };
inline constexpr Dimension first_own_dimension{16};
inline constexpr Dimension last_own_dimension{limits::own_dimension_number_max};

[[nodiscard]] constexpr std::size_t index_of(Dimension dimension) {
  return static_cast<std::size_t>(dimension);
}
[[nodiscard]] constexpr bool is_built_in(Dimension dimension) { return dimension < first_own_dimension; }

// The part of an activity that a built-in dimension reads. The result is a view into the activity, of static
// storage, or of `buffer`.
using ValueOf = std::string_view (*)(const activity::UserActivity& activity, std::string& buffer);
// The stored value that a filter of the API names (contract §4).
using FilterValue = std::string (*)(std::string_view asked);

struct DimensionDescriptor {
  Dimension dimension;
  std::string_view name;     // in the database and the API
  std::string_view source;   // in GET /api/v1/dimensions
  bool is_capped;            // a window stores at most limits::values_per_window_max values of it
  bool ranks_by_page_views;  // the default `sort` of its top list is page_views, else events
  ValueOf value_of;
  FilterValue filter_value;
};

// In the order in which lists show them.
inline constexpr std::array built_in_dimensions{
    DimensionDescriptor{Dimension::total, "total", "", false, false,
                        [](const activity::UserActivity&, std::string&) { return std::string_view(); },
                        [](std::string_view) { return std::string(); }},
    DimensionDescriptor{Dimension::page, "page", "metadata.page_url", true, true,
                        [](const activity::UserActivity& activity, std::string&) {
                          return page_of(activity.metadata.page_url);
                        },
                        page_filter},
    DimensionDescriptor{Dimension::referrer, "referrer", "metadata.referrer", true, true,
                        [](const activity::UserActivity& activity, std::string& buffer) {
                          return referrer_of(activity.metadata.referrer, buffer);
                        },
                        referrer_filter},
    DimensionDescriptor{
        Dimension::activity_type, "activity_type", "activity_type", true, false,
        [](const activity::UserActivity& activity, std::string&) { return activity.activity_type; },
        [](std::string_view asked) { return std::string(asked); }},
};
inline constexpr std::size_t built_in_dimension_count = built_in_dimensions.size();

// The values that one event has at most: one for each dimension that is counted.
inline constexpr std::size_t event_values_max = built_in_dimension_count + limits::own_dimensions_max;

inline constexpr auto all_dimensions = [] {  // built in
  std::array<Dimension, built_in_dimension_count> all{};
  for (std::size_t at = 0; at < all.size(); ++at) all[at] = built_in_dimensions[at].dimension;
  return all;
}();

static_assert(
    [] {
      std::array<bool, built_in_dimension_count> seen{};
      for (const DimensionDescriptor& each : built_in_dimensions) {
        const std::size_t index = index_of(each.dimension);
        if (index >= seen.size() || seen[index] || !is_built_in(each.dimension)) return false;
        seen[index] = true;
      }
      return built_in_dimensions.front().dimension == Dimension::total;
    }(),
    "each built-in dimension has one line in the table, and total is the first");

// Requires a built-in dimension.
[[nodiscard]] constexpr const DimensionDescriptor& descriptor_of(Dimension dimension) {
  return *std::ranges::find(built_in_dimensions, dimension, &DimensionDescriptor::dimension);
}
[[nodiscard]] constexpr std::string_view name_of(Dimension dimension) {
  return descriptor_of(dimension).name;
}

// The built-in dimension of that name.
[[nodiscard]] constexpr std::optional<Dimension> dimension_named(std::string_view name) {
  const auto found = std::ranges::find(built_in_dimensions, name, &DimensionDescriptor::name);
  if (found == built_in_dimensions.end()) return std::nullopt;
  return found->dimension;
}

// The name of a built-in dimension, or "dimension 16": for messages that have only the number.
[[nodiscard]] std::string label_of(Dimension dimension);

// Where the value of an own dimension comes from: a member of metadata, or a parameter of the query of
// metadata.page_url.
struct DimensionSource {
  enum class Kind : std::uint8_t { metadata, query };
  Kind kind = Kind::metadata;
  std::string name;  // of the member or the parameter, unescaped

  friend bool operator==(const DimensionSource&, const DimensionSource&) = default;
};

// "metadata.country", "query.utm_campaign". Nothing if the text is neither.
[[nodiscard]] std::optional<DimensionSource> parse_dimension_source(std::string_view text);
[[nodiscard]] std::string to_text(const DimensionSource& source);

// Whether a name has the form of an own dimension's: [a-z][a-z0-9_]{0,31}.
[[nodiscard]] bool is_dimension_name(std::string_view name);

// An entry of DIMENSIONS.
struct OwnDimension {
  std::string name;
  DimensionSource source;

  friend bool operator==(const OwnDimension&, const OwnDimension&) = default;
};

// An own dimension that this process counts, with the number that the store assigned.
struct CountedDimension {
  Dimension dimension = first_own_dimension;
  DimensionSource source;

  friend bool operator==(const CountedDimension&, const CountedDimension&) = default;
};

// A row of activity_dimensions.
struct KnownDimension {
  Dimension dimension = Dimension::total;
  std::string name;
  std::string source;
  std::optional<WallTime> since;  // nothing for built-in ones: they were always counted

  friend bool operator==(const KnownDimension&, const KnownDimension&) = default;
};

// The rows of the built-in dimensions, in the order of the table.
[[nodiscard]] std::vector<KnownDimension> built_in_known_dimensions();

}  // namespace weir::tally
