#include "tally/stored_values.hpp"

#include <gtest/gtest.h>

namespace weir::tally {
namespace {

constexpr Dimension own{17};

TEST(StoredValues, AreCountedForEachCappedDimension) {
  StoredValues stored;
  stored.add_one(own);
  for (int i = 0; i < 2; ++i) stored.add_one(Dimension::page);
  EXPECT_EQ(stored.count(Dimension::page), 2);
  EXPECT_EQ(stored.count(own), 1);
  EXPECT_EQ(stored.count(Dimension::referrer), 0);
  EXPECT_EQ(stored, (StoredValues{{Dimension::page, 2}, {own, 1}}));
  EXPECT_DEATH(stored.add_one(Dimension::total), "total is not capped");
}

TEST(StoredValues, BoundTheRowsOfTheirWindow) {
  const auto built_in = static_cast<std::int64_t>(built_in_dimension_count);  // total, and each (other)
  EXPECT_EQ(StoredValues{}.rows_max(), built_in);
  EXPECT_EQ((StoredValues{{Dimension::page, 7}, {Dimension::referrer, 1}}).rows_max(), built_in + 8);
  EXPECT_EQ((StoredValues{{Dimension::page, 7}, {own, 3}}).rows_max(), built_in + 7 + 3 + 1);
}

TEST(StoredValues, AreEqualAfterEncodeAndDecode) {
  for (const StoredValues& stored :
       {StoredValues{}, StoredValues{{Dimension::page, 1000}},
        StoredValues{{last_own_dimension, 5}, {Dimension::activity_type, 1}, {own, 20}}}) {
    const auto again = StoredValues::decode(stored.encode());
    ASSERT_TRUE(again) << stored.encode();
    EXPECT_EQ(*again, stored);
  }
  EXPECT_EQ((StoredValues{{own, 20}, {Dimension::activity_type, 1}}).encode(), "1=1,17=20");
}

TEST(StoredValues, RefuseATextThatEncodeDoesNotWrite) {
  for (const char* const wrong : {"1", "1=", "=1", "1=1,", ",1=1", "1=0", "1=-1", "0=1", "256=1", "2=1,1=1",
                                  "1=1,1=1", "1=1;2=2", "1=1 ", " 1=1", "1=99999999999", "x"}) {
    const auto read = StoredValues::decode(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().code, "stored_values_broken");
    EXPECT_EQ(read.error().kind, ErrorKind::internal);
    EXPECT_NE(read.error().text.find(wrong), std::string::npos);
  }
}

}  // namespace
}  // namespace weir::tally
