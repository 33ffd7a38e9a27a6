#include "tally/dimension.hpp"

#include <gtest/gtest.h>

#include "tally/granularity.hpp"

namespace weir::tally {
namespace {

TEST(Dimension, IsFoundByItsName) {
  for (const Dimension dimension : all_dimensions) EXPECT_EQ(dimension_named(name_of(dimension)), dimension);
  EXPECT_EQ(name_of(Dimension::activity_type), "activity_type");
  EXPECT_EQ(dimension_named(""), std::nullopt);
  EXPECT_EQ(dimension_named("country"), std::nullopt);
}

TEST(Dimension, KeepsTheNumberThatDatabasesStore) {
  EXPECT_EQ(index_of(Dimension::total), 0U);
  EXPECT_EQ(index_of(Dimension::activity_type), 1U);
  EXPECT_EQ(index_of(Dimension::page), 2U);
  EXPECT_EQ(index_of(Dimension::referrer), 3U);
  EXPECT_EQ(index_of(first_own_dimension), 16U);
}

TEST(Dimension, HasANameThatIsValidForAnOwnDimension) {
  for (const Dimension dimension : all_dimensions) EXPECT_TRUE(is_dimension_name(name_of(dimension)));
}

TEST(Dimension, IsLabelledByItsNumberIfItIsNotBuiltIn) {
  EXPECT_EQ(label_of(Dimension::page), "page");
  EXPECT_EQ(label_of(first_own_dimension), "dimension 16");
}

TEST(DimensionName, IsLowerCaseAndShort) {
  for (const char* const name : {"a", "country", "utm_campaign", "x9", "abcdefghijklmnopqrstuvwxyz_01234"})
    EXPECT_TRUE(is_dimension_name(name)) << name;
  for (const char* const name : {"", "9x", "_x", "Country", "utm-campaign", "a b", "\u00e4", "a.b",
                                 "abcdefghijklmnopqrstuvwxyz_012345"})
    EXPECT_FALSE(is_dimension_name(name)) << name;
}

TEST(DimensionSource, IsParsedFromItsOwnText) {
  using enum DimensionSource::Kind;
  EXPECT_EQ(parse_dimension_source("metadata.country"), (DimensionSource{metadata, "country"}));
  EXPECT_EQ(parse_dimension_source("query.utm_campaign"), (DimensionSource{query, "utm_campaign"}));
  EXPECT_EQ(parse_dimension_source("metadata.a.b"), (DimensionSource{metadata, "a.b"}));
  for (const char* const text : {"metadata.country", "query.utm_campaign"})
    EXPECT_EQ(to_text(parse_dimension_source(text).value()), text);
  for (const char* const wrong : {"", "country", "metadata", "metadata.", "query.", "header.x", "Metadata.x"})
    EXPECT_EQ(parse_dimension_source(wrong), std::nullopt) << wrong;
}

TEST(KnownDimension, ListsEachBuiltInDimensionWithItsSource) {
  const auto known = built_in_known_dimensions();
  ASSERT_EQ(known.size(), built_in_dimension_count);
  for (const KnownDimension& each : known) {
    EXPECT_EQ(dimension_named(each.name), each.dimension);
    EXPECT_EQ(each.source.empty(), each.dimension == Dimension::total);
    EXPECT_EQ(each.since, std::nullopt);
  }
}

TEST(Granularity, IsFoundByItsName) {
  for (const Granularity granularity : all_granularities)
    EXPECT_EQ(granularity_named(name_of(granularity)), granularity);
  EXPECT_EQ(name_of(Granularity::minute), "minute");
  EXPECT_EQ(granularity_named("week"), std::nullopt);
}

}  // namespace
}  // namespace weir::tally
