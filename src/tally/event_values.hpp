// Reads the values of an event in all counted dimensions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "activity/user_activity.hpp"
#include "tally/dimension.hpp"

namespace weir::tally {

struct EventValue {
  Dimension dimension = Dimension::total;
  std::string_view text;
};

// At most event_values_max values. Each dimension occurs once, and total is the first.
using EventValues = std::span<const EventValue>;

// Reads the values of events. Not thread-safe. A result is valid until the next call of read() and while the
// activity lives.
class EventValueReader {
 public:
  // `counted`: the own dimensions, at most limits::own_dimensions_max.
  explicit EventValueReader(std::span<const CountedDimension> counted = {});

  // Pass these members of metadata to Decoder::decode(). read() requires an activity that was decoded so.
  [[nodiscard]] std::span<const std::string> metadata_members() const { return members_; }

  // Returns the values in the built-in dimensions, then those in the own dimensions.
  //
  // The value of an own dimension is the text of its source, as UTF-8 without U+0000. It has at most
  // limits::own_value_bytes_max bytes and is cut between characters. It is (none) if the source is absent or
  // empty, or is neither a string nor a number nor a boolean. Query parameters are percent-decoded. If a
  // parameter occurs several times, the first one counts.
  [[nodiscard]] EventValues read(const activity::UserActivity& activity);

 private:
  struct OfMember {
    Dimension dimension = first_own_dimension;
    std::size_t member = 0;  // in members_
    std::string storable;
  };
  struct OfParameter {
    Dimension dimension = first_own_dimension;
    std::string name;
    std::string_view raw;  // the value in the current event, still encoded; null data(): it has none
    std::string decoded;
    std::string storable;
  };

  [[nodiscard]] static std::string_view value_of(OfMember& own, const activity::UserActivity& activity);
  [[nodiscard]] static std::string_view value_of(OfParameter& own);
  // Sets `raw` of each parameter in one pass over the query of `url`.
  void find_parameters(std::string_view url);

  std::vector<OfMember> of_members_;
  std::vector<OfParameter> of_parameters_;
  std::vector<std::string> members_;
  std::string name_;  // buffer for the decoded name of a parameter
  std::array<std::string, built_in_dimension_count> buffers_;
  std::array<EventValue, event_values_max> values_;
};

// Converts the text of an API filter to the stored value of an own dimension: cuts it as read() does.
[[nodiscard]] std::string own_filter_value(std::string_view text);

}  // namespace weir::tally
