// The values that one event has in the dimensions that are counted.
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

// At most event_values_max of them, each dimension once, total first.
using EventValues = std::span<const EventValue>;

// Reads the values of events. For one thread; the views of a result live until the next call, and while the
// activity lives.
class EventValueReader {
 public:
  // `counted`: the own dimensions, at most limits::own_dimensions_max.
  explicit EventValueReader(std::span<const CountedDimension> counted = {});

  // The members of metadata that the activity must have been decoded with (Decoder::decode).
  [[nodiscard]] std::span<const std::string> metadata_members() const { return members_; }

  // The value of an own dimension is the text of its source, as UTF-8 without U+0000 and at most
  // limits::own_value_bytes_max bytes long (cut between characters); (none) where the source is absent,
  // empty, or no string, number or boolean.
  [[nodiscard]] EventValues read(const activity::UserActivity& activity);

 private:
  struct Own {
    Dimension dimension = first_own_dimension;
    bool of_query = false;
    std::size_t member = 0;  // in members_
    std::string parameter;   // of the query
    std::string decoded;
    std::string storable;
  };

  [[nodiscard]] std::string_view value_of(Own& own, const activity::UserActivity& activity) const;

  std::vector<Own> own_;
  std::vector<std::string> members_;
  std::array<std::string, built_in_dimension_count> buffers_;
  std::array<EventValue, event_values_max> values_;
};

// The value of a parameter of the query of a URL, percent-decoded; a view into `url` or of `buffer`. Of a
// parameter that is repeated, the first; empty if there is none.
[[nodiscard]] std::string_view query_parameter(std::string_view url, std::string_view name,
                                               std::string& buffer);

// What a filter of the API names in an own dimension, as it is stored.
[[nodiscard]] std::string own_filter_value(std::string_view asked);

}  // namespace weir::tally
