#include "app/control_file.hpp"

#include <array>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/replay_sender.hpp"
#include "sqlite/testing/temporary_folder.hpp"

namespace weir::app {
namespace {

TEST(ControlFile, IsReadAsItWasWrittenAndOnlyByItsOwner) {
  const sqlite::TestFolder folder;
  EXPECT_FALSE(read_control_file(folder.path()).has_value());
  const std::string token = make_control_token();
  for (int run = 0; run < 2; ++run)
    ASSERT_TRUE(write_control_file(folder.path(), {"https://127.0.0.1:8080", token, "ab12"}).has_value());
  const auto control = read_control_file(folder.path());
  ASSERT_TRUE(control.has_value());
  EXPECT_EQ(control->url, "https://127.0.0.1:8080");
  EXPECT_EQ(control->fingerprint, "ab12");
  EXPECT_EQ(control->token, token);
  struct stat found{};
  ASSERT_EQ(stat((folder.path() / "weir.control").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  remove_control_file(folder.path());
  EXPECT_FALSE(read_control_file(folder.path()).has_value());
}

TEST(ControlFile, IsNotReadInPart) {
  const sqlite::TestFolder folder;
  for (const char* text : {"", "http://127.0.0.1:8080\n", "http://127.0.0.1:8080\nabc\n"}) {
    std::ofstream(folder.path() / "weir.control") << text;
    EXPECT_FALSE(read_control_file(folder.path()).has_value()) << text;
  }
}

TEST(ControlFile, HasAnotherTokenInEachRun) { EXPECT_NE(make_control_token(), make_control_token()); }

TEST(ReplayBatch, HasKeyValueAndSourceOfEachDeadLetter) {
  report::DeadLetterRow with;
  with.partition = 3;
  with.offset = 44;
  with.key = "user";
  with.value = std::string("\0{", 2);
  report::DeadLetterRow without;
  without.offset = 1;
  const std::array rows{with, without};
  const intake::EventBatch batch = replay_batch("the-topic", rows);
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.key(batch.records[0]), "user");
  EXPECT_EQ(batch.value(batch.records[0]), std::string_view("\0{", 2));
  ASSERT_EQ(batch.records[0].headers.size(), 1U);
  EXPECT_EQ(batch.records[0].headers[0].name, "weir.replay");
  EXPECT_EQ(batch.records[0].headers[0].value, "the-topic/3/44");
  EXPECT_EQ(batch.key(batch.records[1]), "");
  EXPECT_EQ(batch.value(batch.records[1]), "");
  EXPECT_EQ(batch.records[1].headers[0].value, "the-topic/0/1");
}

}  // namespace
}  // namespace weir::app
