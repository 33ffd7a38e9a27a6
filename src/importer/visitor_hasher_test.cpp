#include "importer/visitor_hasher.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "importer/running_hash.hpp"
#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

TEST(VisitorHasher, NamesPairsOfAddressAndAgent) {
  const VisitorHasher visitors("0123456789abcdef");
  std::string scratch;
  const std::string one = visitors.user_id("10.0.0.1", "Mozilla", scratch);
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(visitors.user_id("10.0.0.1", "Mozilla", scratch), one);
  EXPECT_NE(visitors.user_id("10.0.0.1", "Chrome", scratch), one);
  EXPECT_NE(visitors.user_id("10.0.0.2", "Mozilla", scratch), one);
  EXPECT_NE(visitors.user_id("10.0.0.1M", "ozilla", scratch), one);
}

TEST(VisitorHasher, GivesOtherNamesUnderAnotherSalt) {
  const VisitorHasher one("0123456789abcdef");
  const VisitorHasher other("0123456789abcdeg");
  std::string scratch;
  EXPECT_NE(one.user_id("a", "b", scratch), other.user_id("a", "b", scratch));
  EXPECT_NE(one.fingerprint(), other.fingerprint());
}

TEST(Salt, IsCreatedOnceAndForItsOwnerOnly) {
  const TempDir folder;
  const std::filesystem::path file = folder.path() / "salt";
  const auto made = read_or_create_salt(file);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->size(), 32U);
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(*read_or_create_salt(file), *made);
  EXPECT_EQ(*read_salt(file), *made);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Salt, IsRefusedIfItIsMissingOrTooShort) {
  const TempDir folder;
  EXPECT_EQ(read_salt(folder.path() / "salt").error().code, "salt_unreadable");
  std::ofstream(folder.path() / "salt") << "short";
  EXPECT_TRUE(
      read_or_create_salt(folder.path() / "salt").error().text.ends_with("5 bytes: expected at least 16"));
  EXPECT_EQ(read_or_create_salt(folder.path() / "no" / "salt").error().code, "salt_unreadable");
}

}  // namespace
}  // namespace weir::importer
