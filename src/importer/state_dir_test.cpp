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

class ShelfTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Journal>> journal_of(const std::string& text,
                                              std::string_view log_id = "log") const {
    const auto shelf = StateDir::open(folder_.path() / "state", log_id);
    EXPECT_TRUE(shelf);
    Source source(read_text(text, 5000));
    Chunker cutter(source, Framing::text_lines, {});
    const auto cut = cutter.next();
    return shelf->journal_of(source, {.first_piece = cut->behind.hash, .bytes = cut->behind.bytes});
  }
  Identity known(const std::string& text, std::string_view log_id = "log") const {
    auto journal = journal_of(text, log_id);
    EXPECT_TRUE(journal);
    EXPECT_TRUE((*journal)->run() > 0 || (*journal)->begin_run("-"));
    return (*journal)->identity();
  }

  FolderForTest folder_;
};

TEST_F(ShelfTest, KnowsAnInputAgainThatHasGrown) {
  const Identity small = known(log_of(300));
  EXPECT_EQ(known(log_of(300)), small);
  EXPECT_EQ(known(log_of(700)), small);
  EXPECT_EQ(known(log_of(5000)), small);
}

TEST_F(ShelfTest, TellsInputsApart) {
  const Identity one = known(log_of(300));
  EXPECT_NE(known(log_of(300, 60)), one);
  EXPECT_NE(known(log_of(299)), one);
}

TEST_F(ShelfTest, PrefersTheLongestOfTheInputsThatFit) {
  const Identity longer = known(log_of(900));
  const Identity shorter = known(log_of(100));
  EXPECT_NE(longer, shorter);
  EXPECT_EQ(known(log_of(5000)), longer);
  EXPECT_EQ(known(log_of(500)), shorter);
}

TEST_F(ShelfTest, KeepsLogsApart) {
  auto here = journal_of(log_of(10), "here");
  auto there = journal_of(log_of(10), "there/with a slash");
  ASSERT_TRUE(here && there);
  ASSERT_TRUE((*here)->begin_run("-"));
  EXPECT_EQ((*there)->run(), 0U);
}

TEST_F(ShelfTest, RefusesTheSameInputTwiceAtATime) {
  const auto running = journal_of(log_of(300));
  for (const int lines : {300, 700}) EXPECT_EQ(journal_of(log_of(lines)).error().code, "input_busy");
  EXPECT_TRUE(journal_of(log_of(300, 60)));
}

TEST_F(ShelfTest, IsItsOwnersAlone) {
  known(log_of(10));
  EXPECT_EQ(std::filesystem::status(folder_.path() / "state").permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(ShelfTest, LeavesTheModeOfAFolderThatWasThere) {
  const auto state = folder_.path() / "state";
  std::filesystem::create_directory(state);
  std::filesystem::permissions(state, std::filesystem::perms::all);
  known(log_of(10));
  EXPECT_EQ(std::filesystem::status(state).permissions(), std::filesystem::perms::all);
}

TEST_F(ShelfTest, SaysThatItsFolderCannotBeUsed) {
  std::ofstream(folder_.path() / "state") << "a file";
  EXPECT_EQ(StateDir::open(folder_.path() / "state", "log").error().code, "state_unusable");
}

TEST_F(ShelfTest, RefusesADatabaseThatIsNoImports) {
  const auto state = folder_.path() / "state";
  std::filesystem::create_directory(state);
  const std::string bytes(5000, 'x');
  std::ofstream(state / "import.db") << bytes;
  const auto shelf = StateDir::open(state, "log");
  ASSERT_FALSE(shelf);
  EXPECT_EQ(shelf.error().code, "state_unusable");
  EXPECT_TRUE(shelf.error().text.contains("--state DIR")) << shelf.error().text;
  EXPECT_EQ(std::filesystem::file_size(state / "import.db"), bytes.size()) << "nothing of it may be lost";
}

}  // namespace
}  // namespace weir::importer
