#include "commit/dimension_registration.hpp"

#include <array>
#include <gtest/gtest.h>

namespace weir::commit {
namespace {

using tally::Dimension;
using tally::KnownDimension;

constexpr WallTime now{std::chrono::milliseconds{1'764'000'000'123}};

tally::OwnDimension own(const std::string& name, const std::string& source) {
  return {name, tally::parse_dimension_source(source).value()};
}

TEST(DimensionRegistration, WritesTheBuiltInRowsOfAnEmptyTable) {
  const auto plan = plan_registration({}, {}, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->to_write, tally::built_in_known_dimensions());
}

TEST(DimensionRegistration, CompletesBuiltInRowsThatHaveNoSource) {
  auto known = tally::built_in_known_dimensions();
  known[1].source.clear();
  const auto plan = plan_registration(known, {}, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->to_write, std::vector{tally::built_in_known_dimensions()[1]});
}

TEST(DimensionRegistration, WritesNothingWhereAllIsKnown) {
  auto known = tally::built_in_known_dimensions();
  known.push_back({Dimension{18}, "country", "metadata.country", now - std::chrono::hours{1}});
  const auto plan = plan_registration(known, std::array{own("country", "metadata.country")}, now);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->to_write.empty());
  ASSERT_EQ(plan->counted.size(), 1U);
  EXPECT_EQ(plan->counted[0].dimension, Dimension{18});
}

TEST(DimensionRegistration, GivesANewNameTheNextNumberAndTheTime) {
  auto known = tally::built_in_known_dimensions();
  known.push_back({Dimension{18}, "left_out", "metadata.x", now});
  const auto plan = plan_registration(
      known, std::array{own("country", "metadata.country"), own("plan", "query.plan")}, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->to_write, (std::vector{KnownDimension{Dimension{19}, "country", "metadata.country", now},
                                         KnownDimension{Dimension{20}, "plan", "query.plan", now}}));
}

TEST(DimensionRegistration, RefusesANameThatIsBuiltInByNow) {
  auto known = tally::built_in_known_dimensions();
  const std::string name = known.back().name;
  known.back().name = "former";
  known.push_back({Dimension{16}, name, "metadata.x", now});
  const auto plan = plan_registration(known, {}, now);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, code_another_source);
  EXPECT_NE(plan.error().text.find("metadata.x"), std::string::npos);
}

TEST(DimensionRegistration, EndsWhereNoNumberIsLeft) {
  auto known = tally::built_in_known_dimensions();
  known.push_back({Dimension{253}, "d253", "metadata.x", now});
  EXPECT_TRUE(plan_registration(known, std::array{own("one", "metadata.x")}, now));
  const auto plan =
      plan_registration(known, std::array{own("one", "metadata.x"), own("two", "metadata.x")}, now);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, code_dimensions_full);
  EXPECT_EQ(plan.error().kind, ErrorKind::invalid);
  EXPECT_TRUE(plan_registration(known, std::array{own("d253", "metadata.x")}, now))
      << "what is known goes on";
}

}  // namespace
}  // namespace weir::commit
