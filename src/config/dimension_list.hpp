// DIMENSIONS: name=source,name=source (contract §7).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tally/dimension.hpp"

namespace weir::config {

// The entries in their order, or what is wrong with the first entry that is refused, quoting it. White space
// around an entry is passed over. Refused: no name=source, a name or source of another form, a name of a
// built-in dimension, of a parameter of the API or of an earlier entry, and more than
// limits::own_dimensions_max entries.
[[nodiscard]] std::expected<std::vector<tally::OwnDimension>, std::string> parse_dimension_list(
    std::string_view text);

// What an entry must be, in words.
[[nodiscard]] std::string dimension_list_expected();

}  // namespace weir::config
