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
  // limits::own_value_bytes_max bytes long (cut between characters). It is (none) where the source is absent,
  // empty, or no string, number or boolean. A parameter of the query is percent-decoded; the first one of a
  // name counts.
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
    std::string_view raw;  // of the event that is being read; empty: it has none
    std::string decoded;
    std::string storable;
  };

  [[nodiscard]] static std::string_view value_of(OfMember& own, const activity::UserActivity& activity);
  [[nodiscard]] static std::string_view value_of(OfParameter& own);
  // Sets `raw` of each parameter, in one pass over the query.
  void find_parameters(std::string_view url);

  std::vector<OfMember> of_members_;
  std::vector<OfParameter> of_parameters_;
  std::vector<std::string> members_;
  std::string name_;  // of a parameter, decoded
  std::array<std::string, built_in_dimension_count> buffers_;
  std::array<EventValue, event_values_max> values_;
};

// What a filter of the API names in an own dimension, as it is stored.
[[nodiscard]] std::string own_filter_value(std::string_view asked);

}  // namespace weir::tally
