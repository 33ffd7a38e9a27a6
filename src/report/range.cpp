#include "report/range.hpp"

#include <algorithm>

#include "base/ensure.hpp"

namespace weir::report {

namespace {

using tally::Granularity;

// Requires a granularity that is not the finest.
Granularity finer_than(Granularity granularity) {
  return tally::all_granularities[tally::index_of(granularity) - 1];
}

// Covers [from, to), which lies on windows of `finest`.
void cover_into(std::vector<WindowRun>& pieces, WindowStart from, WindowStart to, Granularity coarsest,
                Granularity finest, const Horizons& horizons) {
  if (from >= to) return;
  if (coarsest == finest) {
    pieces.push_back({finest, from, to});
    return;
  }
  const auto complete_from = std::chrono::ceil<std::chrono::seconds>(horizons.of(coarsest));
  const auto inner_from = ceil_to(coarsest, std::max(from, complete_from));
  const auto inner_to = floor_to(coarsest, to);
  if (inner_from >= inner_to) {
    cover_into(pieces, from, to, finer_than(coarsest), finest, horizons);
    return;
  }
  cover_into(pieces, from, inner_from, finer_than(coarsest), finest, horizons);
  pieces.push_back({coarsest, inner_from, inner_to});
  cover_into(pieces, inner_to, to, finer_than(coarsest), finest, horizons);
}

}  // namespace

UsedRange round_outward(const AskedRange& asked, const Horizons& horizons) {
  const auto from = std::chrono::floor<std::chrono::seconds>(asked.from);
  const auto to = std::chrono::ceil<std::chrono::seconds>(asked.to);
  for (const auto granularity : tally::all_granularities) {
    const auto start = floor_to(granularity, from);
    if (granularity == tally::coarsest_granularity || start >= horizons.of(granularity))
      return {start, ceil_to(granularity, to), granularity};
  }
  assertion_failed("the coarsest granularity ends the loop", std::source_location::current());
}

AskedRange range_before(const UsedRange& range) {
  constexpr WindowStart first_shown{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
  return {std::max(first_shown, range.from - (range.to - range.from)), range.from};
}

std::vector<WindowRun> decompose(const UsedRange& range, Granularity coarsest, const Horizons& horizons) {
  std::vector<WindowRun> pieces;
  cover_into(pieces, range.from, range.to, std::max(coarsest, range.finest), range.finest, horizons);
  return pieces;
}

std::size_t windows_in(const UsedRange& range, Granularity granularity) {
  const auto span = ceil_to(granularity, range.to) - floor_to(granularity, range.from);
  return static_cast<std::size_t>(span / width_of(granularity));
}

}  // namespace weir::report
