// The dimensions by which events are counted: the built-in ones and the own dimensions, which the setting
// DIMENSIONS adds.
//
// `built_in_dimensions` describes each built-in dimension once. SQL, caps, API names, texts, the lists of
// `weir stats` and of the page, and array sizes are derived from it. To add one, add an enumerator and a line
// to this table.
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

// The databases store these numbers, so the number of a dimension never changes. `total` has one value, the
// empty text. Numbers >= first_own_dimension belong to own dimensions. The store assigns them and keeps them
// in activity_dimensions.
enum class Dimension : std::uint8_t { total, activity_type, page, referrer };
inline constexpr Dimension first_own_dimension{16};
inline constexpr Dimension last_own_dimension{limits::own_dimension_number_max};

[[nodiscard]] constexpr std::size_t index_of(Dimension dimension) {
  return static_cast<std::size_t>(dimension);
}
[[nodiscard]] constexpr bool is_built_in(Dimension dimension) { return dimension < first_own_dimension; }

// Returns the value of an activity in a built-in dimension. The result is a view into the activity, into
// static storage or into `buffer`.
using ValueOf = std::string_view (*)(const activity::UserActivity& activity, std::string& buffer);
// Converts the text of an API filter to the stored value that it means (contract §4).
using FilterValue = std::string (*)(std::string_view text);

struct DimensionDescriptor {
  Dimension dimension;
  std::string_view name;     // in the database and the API
  std::string_view source;   // in the answer of GET /api/v1/dimensions
  bool is_capped;            // a window stores at most limits::values_per_window_max values of it
  bool ranks_by_page_views;  // the default `sort` of its top list: page_views if true, else events
  ValueOf value_of;
  FilterValue filter_value;
};

// In the order in which the API, the page and `weir stats` list them. `total` is the first.
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
        [](std::string_view text) { return std::string(text); }},
};
inline constexpr std::size_t built_in_dimension_count = built_in_dimensions.size();

// The maximum number of values of one event: one for each counted dimension.
inline constexpr std::size_t event_values_max = built_in_dimension_count + limits::own_dimensions_max;

// The built-in dimensions in the order of the table.
inline constexpr auto all_dimensions = [] {
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

// Returns the built-in dimension with this name, or nothing.
[[nodiscard]] constexpr std::optional<Dimension> dimension_named(std::string_view name) {
  const auto found = std::ranges::find(built_in_dimensions, name, &DimensionDescriptor::name);
  if (found == built_in_dimensions.end()) return std::nullopt;
  return found->dimension;
}

// Returns the name of a built-in dimension, or a text like "dimension 16". For messages of code that knows
// only the number.
[[nodiscard]] std::string label_of(Dimension dimension);

// The source of an own dimension's values: a member of metadata, or a query parameter of metadata.page_url.
struct DimensionSource {
  enum class Kind : std::uint8_t { metadata, query };
  Kind kind = Kind::metadata;
  std::string name;  // of the member or the parameter, unescaped

  friend bool operator==(const DimensionSource&, const DimensionSource&) = default;
};

// Parses "metadata.country" or "query.utm_campaign". Returns nothing if the text has another prefix or no
// name.
[[nodiscard]] std::optional<DimensionSource> parse_dimension_source(std::string_view text);
// The inverse of parse_dimension_source().
[[nodiscard]] std::string to_text(const DimensionSource& source);

// Returns true if the name is valid for an own dimension: [a-z][a-z0-9_]{0,31}.
[[nodiscard]] bool is_dimension_name(std::string_view name);

// An entry of the setting DIMENSIONS.
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
  std::optional<WallTime> since;  // the first registration; nothing for a built-in dimension

  friend bool operator==(const KnownDimension&, const KnownDimension&) = default;
};

// Returns the rows of the built-in dimensions in the order of the table.
[[nodiscard]] std::vector<KnownDimension> built_in_known_dimensions();

}  // namespace weir::tally
