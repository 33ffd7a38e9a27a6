// DIMENSIONS for benchmarks: each reads a member or a parameter that Events has with OwnSources::present.
#pragma once

#include <vector>

#include "bench/events.hpp"
#include "tally/dimension.hpp"

namespace weir::bench {

inline std::vector<tally::CountedDimension> own_dimensions(std::size_t count,
                                                           tally::DimensionSource::Kind kind) {
  std::vector<tally::CountedDimension> dimensions;
  for (std::size_t number = 0; number < count; ++number) {
    const bool of_query = kind == tally::DimensionSource::Kind::query;
    dimensions.push_back({tally::Dimension(tally::index_of(tally::first_own_dimension) + number),
                          {kind, of_query ? parameter_name(number) : member_name(number)}});
  }
  return dimensions;
}

}  // namespace weir::bench
