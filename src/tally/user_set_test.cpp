#include "tally/user_set.hpp"

#include <gtest/gtest.h>
#include <random>
#include <unordered_set>

namespace weir::tally {
namespace {

std::unordered_set<std::uint64_t> members_of(const UserSet& set) {
  std::unordered_set<std::uint64_t> members;
  set.for_each([&](std::uint64_t hash) { EXPECT_TRUE(members.insert(hash).second) << "visited twice"; });
  return members;
}

TEST(UserSet, HoldsEachInsertedHashOnceAtEachSize) {
  std::mt19937_64 random(1);
  UserSet set;
  std::unordered_set<std::uint64_t> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t hash = random() % 8'000;  // includes 0, repeated and adjacent numbers
    EXPECT_EQ(set.contains(hash), expected.contains(hash));
    ASSERT_EQ(set.insert(hash), expected.insert(hash).second);
    ASSERT_EQ(set.size(), expected.size());
  }
  EXPECT_EQ(members_of(set), expected);
}

TEST(UserSet, HoldsTheHashThatMarksFreeSlots) {
  for (const std::size_t others : {0U, 1U, 2U, 3U, 100U}) {
    UserSet set;
    for (std::size_t i = 1; i <= others; ++i) set.insert(i);
    EXPECT_FALSE(set.contains(0));
    EXPECT_TRUE(set.insert(0));
    EXPECT_FALSE(set.insert(0));
    for (std::size_t i = 1; i <= others; ++i) set.insert(1000 + i);
    EXPECT_TRUE(set.contains(0));
    EXPECT_EQ(set.size(), 2 * others + 1);
    EXPECT_EQ(members_of(set).size(), 2 * others + 1);
  }
}

TEST(UserSet, KeepsItsMembersInReserve) {
  UserSet set;
  for (const std::uint64_t hash : {0U, 5U, 9U}) set.insert(hash);
  set.reserve(1000);
  EXPECT_EQ(members_of(set), (std::unordered_set<std::uint64_t>{0, 5, 9}));
}

}  // namespace
}  // namespace weir::tally
