// Which numbers dimensions have: the rows of activity_dimensions, which all processes of a database share.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "tally/dimension.hpp"

namespace weir::commit {

// Codes of ErrorKind::invalid: a person must change DIMENSIONS.
inline constexpr std::string_view code_another_source = "another_source";    // a name has another source
inline constexpr std::string_view code_dimensions_full = "dimensions_full";  // no number is left

struct DimensionRegistration {
  std::vector<tally::KnownDimension> to_write;   // rows to insert, or to replace by their number
  std::vector<tally::CountedDimension> counted;  // `wanted` with its numbers, in that order
};

// Compares the rows that stand in activity_dimensions with the built-in dimensions and the `wanted` own ones.
// A name keeps its number; a new one gets the next. Pure: the caller reads and writes the rows in one
// transaction that no other process's registration runs beside.
//
// Errors: ErrorKind::invalid with code_another_source, which names both sources, or code_dimensions_full.
[[nodiscard]] Result<DimensionRegistration> plan_registration(std::span<const tally::KnownDimension> known,
                                                              std::span<const tally::OwnDimension> wanted,
                                                              WallTime now);

}  // namespace weir::commit
