#include "report/scan.hpp"

#include <gtest/gtest.h>

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using tally::Granularity;

TEST(Scan, HasADistinctNumber) {
  for (std::size_t index = 0; index < Scan::count; ++index) EXPECT_EQ(index_of(scan_at(index)), index);
  EXPECT_EQ(scan_at(Scan::count - 1), (Scan{true, Scan::Values::many, true}));
}

TEST(Scan, LooksUpFewValuesAndSelectsMany) {
  WindowQuery query{.with_users = false};
  EXPECT_EQ(scan_for(query, false), (Scan{false, Scan::Values::all, false}));
  query.values.emplace(Scan::few_values_max, "value");
  EXPECT_EQ(scan_for(query, true), (Scan{true, Scan::Values::few, false}));
  query.values->emplace_back("one more");
  query.with_users = true;
  EXPECT_EQ(scan_for(query, false), (Scan{false, Scan::Values::many, true}));
}

TEST(Scan, ExcludesIncompleteWindows) {
  const WindowStart day{24h};
  Horizons horizons{};
  EXPECT_EQ(kept_part({Granularity::hour, day, day + 2h}, horizons),
            (WindowRun{Granularity::hour, day, day + 2h}));
  EXPECT_EQ(kept_part({Granularity::hour, day + 1s, day + 2h - 1s}, horizons),
            (WindowRun{Granularity::hour, day + 1h, day + 2h}))
      << "the windows that begin in the range";
  horizons.pruned_to[static_cast<std::size_t>(Granularity::hour)] = WallTime(day + 1h) + 1ms;
  EXPECT_EQ(kept_part({Granularity::hour, day, day + 9h}, horizons),
            (WindowRun{Granularity::hour, day + 2h, day + 9h}));
  const WindowRun none = kept_part({Granularity::hour, day, day + 1h}, horizons);
  EXPECT_GE(none.from, none.to);
}

}  // namespace
}  // namespace weir::report
