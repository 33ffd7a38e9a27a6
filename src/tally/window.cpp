#include "tally/window.hpp"

#include "base/ensure.hpp"

namespace weir::tally {
namespace {

constexpr std::array<std::string_view, 3> granularity_names{"minute", "hour", "day"};
constexpr std::array<std::string_view, 4> dimension_names{"total", "activity_type", "page", "referrer"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto* found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view name_of(Granularity granularity) {
  return granularity_names[static_cast<std::size_t>(granularity)];
}

std::string_view name_of(Dimension dimension) { return dimension_names[static_cast<std::size_t>(dimension)]; }

std::optional<Granularity> granularity_named(std::string_view name) {
  return find_name<Granularity>(granularity_names, name);
}

std::optional<Dimension> dimension_named(std::string_view name) {
  return find_name<Dimension>(dimension_names, name);
}

WindowStart window_of(Granularity granularity, EventTime moment) {
  switch (granularity) {
    case Granularity::minute:
      return std::chrono::floor<std::chrono::minutes>(moment);
    case Granularity::hour:
      return std::chrono::floor<std::chrono::hours>(moment);
    case Granularity::day:
      return std::chrono::time_point_cast<std::chrono::seconds>(
          std::chrono::floor<std::chrono::days>(moment));
  }
  assertion_failed("a granularity is minute, hour or day", std::source_location::current());
}

WindowStart window_end(Granularity granularity, WindowStart start) {
  switch (granularity) {
    case Granularity::minute:
      return start + std::chrono::minutes{1};
    case Granularity::hour:
      return start + std::chrono::hours{1};
    case Granularity::day:
      return start + std::chrono::days{1};
  }
  assertion_failed("a granularity is minute, hour or day", std::source_location::current());
}

std::int32_t& StoredValues::of(Dimension dimension) {
  ensure(dimension != Dimension::total, "total is not capped");
  if (dimension == Dimension::activity_type) return activity_type;
  return dimension == Dimension::page ? page : referrer;
}

}  // namespace weir::tally
