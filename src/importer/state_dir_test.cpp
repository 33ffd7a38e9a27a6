#include "importer/state_dir.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

std::string log_of(int lines, int seed = 0) {
  std::string text;
  for (int at = 0; at < lines; ++at) text += access_line(seed + at % 50, at);
  return text;
}

class StateDirTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Journal>> open_journal(const std::string& text,
                                                std::string_view log_id = "log") const {
    const auto opened = StateDir::open(folder_.path() / "state", log_id);
    EXPECT_TRUE(opened);
    Source source(read_from_string(text, 5000));
    Chunker chunker(source, Framing::text_lines, {});
    const auto chunk = chunker.next();
    return opened->open_journal(source, {.first_chunk = chunk->end.hash, .bytes = chunk->end.bytes});
  }
  Identity known(const std::string& text, std::string_view log_id = "log") const {
    auto journal = open_journal(text, log_id);
    EXPECT_TRUE(journal);
    EXPECT_TRUE((*journal)->run() > 0 || (*journal)->begin_run("-"));
    return (*journal)->identity();
  }

  TempDir folder_;
};

TEST_F(StateDirTest, RecognizesAnInputThatHasGrown) {
  const Identity small = known(log_of(300));
  EXPECT_EQ(known(log_of(300)), small);
  EXPECT_EQ(known(log_of(700)), small);
  EXPECT_EQ(known(log_of(5000)), small);
}

TEST_F(StateDirTest, DistinguishesInputs) {
  const Identity one = known(log_of(300));
  EXPECT_NE(known(log_of(300, 60)), one);
  EXPECT_NE(known(log_of(299)), one);
}

TEST_F(StateDirTest, PrefersTheLongestOfTheInputsThatFit) {
  const Identity longer = known(log_of(900));
  const Identity shorter = known(log_of(100));
  EXPECT_NE(longer, shorter);
  EXPECT_EQ(known(log_of(5000)), longer);
  EXPECT_EQ(known(log_of(500)), shorter);
}

TEST_F(StateDirTest, KeepsAJournalForEachLog) {
  auto here = open_journal(log_of(10), "here");
  auto there = open_journal(log_of(10), "there/with a slash");
  ASSERT_TRUE(here && there);
  ASSERT_TRUE((*here)->begin_run("-"));
  EXPECT_EQ((*there)->run(), 0U);
}

TEST_F(StateDirTest, RefusesASecondImportOfTheSameInput) {
  const auto running = open_journal(log_of(300));
  for (const int lines : {300, 700}) EXPECT_EQ(open_journal(log_of(lines)).error().code, "input_busy");
  EXPECT_TRUE(open_journal(log_of(300, 60)));
}

TEST_F(StateDirTest, IsAccessibleForItsOwnerOnly) {
  known(log_of(10));
  EXPECT_EQ(std::filesystem::status(folder_.path() / "state").permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(StateDirTest, KeepsTheModeOfAnExistingFolder) {
  const auto state = folder_.path() / "state";
  std::filesystem::create_directory(state);
  std::filesystem::permissions(state, std::filesystem::perms::all);
  known(log_of(10));
  EXPECT_EQ(std::filesystem::status(state).permissions(), std::filesystem::perms::all);
}

TEST_F(StateDirTest, ReportsAFolderThatCannotBeUsed) {
  std::ofstream(folder_.path() / "state") << "a file";
  EXPECT_EQ(StateDir::open(folder_.path() / "state", "log").error().code, "state_unusable");
}

TEST_F(StateDirTest, RefusesADatabaseOfAnotherKind) {
  const auto state = folder_.path() / "state";
  std::filesystem::create_directory(state);
  const std::string bytes(5000, 'x');
  std::ofstream(state / "import.db") << bytes;
  const auto opened = StateDir::open(state, "log");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "state_unusable");
  EXPECT_TRUE(opened.error().text.contains("--state DIR")) << opened.error().text;
  EXPECT_EQ(std::filesystem::file_size(state / "import.db"), bytes.size()) << "the file is left as it was";
}

}  // namespace
}  // namespace weir::importer
