// A dimension that is no longer in DIMENSIONS keeps its row: its number must not name another dimension while
// rows of it stand in activity_windows.
#include "commit/dimension_registration.hpp"

#include <algorithm>
#include <string>

namespace weir::commit {
namespace {

using tally::Dimension;
using tally::KnownDimension;

// A name with two sources would mix two meanings in one dimension, so an operator must choose another name.
std::unexpected<Error> another_source(const KnownDimension& known, const std::string& wanted) {
  return fail(ErrorKind::invalid, code_another_source,
              "the dimension " + known.name + " is counted from " + known.source +
                  " in this database (table activity_dimensions), not from " + wanted +
                  ": give the new source another name in DIMENSIONS, or use another database");
}

// Adds the built-in dimensions that have no row yet, or a row that differs from this version's table. Fails
// if a name is that of an own dimension already.
Result<void> add_built_in(std::span<const KnownDimension> known, std::vector<KnownDimension>& to_write) {
  for (KnownDimension& row : tally::built_in_known_dimensions()) {
    const auto same_name = std::ranges::find(known, row.name, &KnownDimension::name);
    if (same_name != known.end() && same_name->dimension != row.dimension)
      return another_source(*same_name, row.source + ", as the built-in dimension of that name");
    if (same_name == known.end() || *same_name != row) to_write.push_back(std::move(row));
  }
  return {};
}

// Returns the number of the next own dimension: one more than the largest in any row, plus the `added` ones.
// Rows are never deleted, so no number is used twice.
Dimension next_number(std::span<const KnownDimension> known, std::size_t added) {
  std::size_t next = tally::index_of(tally::first_own_dimension);
  for (const KnownDimension& row : known) next = std::max(next, tally::index_of(row.dimension) + 1);
  return static_cast<Dimension>(std::min(next + added, std::size_t{limits::own_dimension_number_max}));
}

}  // namespace

Result<DimensionRegistration> plan_registration(std::span<const KnownDimension> known,
                                                std::span<const tally::OwnDimension> wanted, WallTime now) {
  DimensionRegistration plan;
  if (auto built_in = add_built_in(known, plan.to_write); !built_in) return propagate(built_in);
  std::size_t added = 0;
  for (const auto& [name, source] : wanted) {
    const std::string source_text = to_text(source);
    const auto row = std::ranges::find(known, name, &KnownDimension::name);
    if (row != known.end()) {
      if (row->source != source_text) return another_source(*row, source_text);
      plan.counted.push_back({row->dimension, source});
      continue;
    }
    const Dimension number = next_number(known, added);
    if (number == tally::last_own_dimension)
      return fail(ErrorKind::invalid, code_dimensions_full,
                  "the dimension " + name + " is new, and this database knows as many names as it can " +
                      "(table activity_dimensions): use a name that it knows, or another database");
    ++added;
    plan.to_write.push_back({number, name, source_text, now});
    plan.counted.push_back({number, source});
  }
  return plan;
}

}  // namespace weir::commit
