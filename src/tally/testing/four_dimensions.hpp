// Values of events for tests whose expectations name every row.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "tally/event_values.hpp"

namespace weir::tally {

// Reads the values of total, page, referrer and activity_type only, so that the rows of a test do not change
// when the table of built-in dimensions grows. Not thread-safe; a result is valid until the next call.
class FourDimensions {
 public:
  EventValues read(const activity::UserActivity& activity) {
    constexpr std::array four{Dimension::total, Dimension::page, Dimension::referrer,
                              Dimension::activity_type};
    const auto end =
        std::ranges::copy_if(reader_.read(activity), values_.begin(), [&](const EventValue& value) {
          return std::ranges::find(four, value.dimension) != four.end();
        }).out;
    return {values_.begin(), end};
  }

 private:
  EventValueReader reader_;
  std::array<EventValue, 4> values_;
};

}  // namespace weir::tally
