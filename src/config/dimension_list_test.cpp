#include "config/dimension_list.hpp"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

using tally::DimensionSource;
using enum DimensionSource::Kind;

TEST(DimensionList, NamesDimensionsAndTheirSources) {
  const auto list = parse_dimension_list(
      "country=metadata.country,plan=metadata.plan, campaign = query.utm_campaign ,eq=metadata.a=b");
  ASSERT_TRUE(list) << list.error();
  EXPECT_EQ(*list, (std::vector<tally::OwnDimension>{{"country", {metadata, "country"}},
                                                     {"plan", {metadata, "plan"}},
                                                     {"campaign", {query, "utm_campaign"}},
                                                     {"eq", {metadata, "a=b"}}}));
}

TEST(DimensionList, CanHaveTwoNamesOfOneSource) {
  EXPECT_TRUE(parse_dimension_list("a=metadata.x,b=metadata.x"));
}

TEST(DimensionList, HasAtMostEightEntries) {
  std::string list = "d1=metadata.d";
  for (int number = 2; number <= 8; ++number) list += ",d" + std::to_string(number) + "=metadata.d";
  EXPECT_TRUE(parse_dimension_list(list));
  EXPECT_EQ(parse_dimension_list(list + ",d9=metadata.d").error(), "'d9=metadata.d': it is one more than 8");
}

TEST(DimensionList, IsRefusedWithTheEntryAndTheReason) {
  struct Case {
    std::string text, why;
  };
  const std::string name_rule = "the name must begin with a letter";
  const std::string source_rule = "the source must be metadata.<member> or query.<parameter>";
  for (const auto& [text, why] : {
           Case{"country", "'country': there is no '='"},
           Case{"a=metadata.a,", "'': there is no '='"},
           Case{"Country=metadata.country", "'Country=metadata.country': " + name_rule},
           Case{"=metadata.a", name_rule},
           Case{"9a=metadata.a", name_rule},
           Case{"a-b=metadata.a", name_rule},
           Case{"abcdefghijklmnopqrstuvwxyzabcdefg=metadata.a", name_rule},
           Case{"page=metadata.page", "built-in dimension"},
           Case{"total=metadata.total", "built-in dimension"},
           Case{"activity_type=metadata.x", "built-in dimension"},
           Case{"from=metadata.from", "a parameter of the API"},
           Case{"limit=metadata.limit", "a parameter of the API"},
           Case{"tz=metadata.tz", "a parameter of the API"},
           Case{"key=metadata.key", "a parameter of the API"},
           Case{"a=country", source_rule},
           Case{"a=metadata.", source_rule},
           Case{"a=query.", source_rule},
           Case{"a=header.x", source_rule},
           Case{"a=", source_rule},
           Case{"a=metadata." + std::string(300, 'x'), source_rule},
           Case{"a=metadata.a,a=metadata.b", "'a=metadata.b': the name is given twice"},
       }) {
    const auto list = parse_dimension_list(text);
    ASSERT_FALSE(list) << text;
    EXPECT_NE(list.error().find(why), std::string::npos) << text << ": " << list.error();
  }
}

}  // namespace
}  // namespace weir::config
