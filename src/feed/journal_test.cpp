#include "feed/journal.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "feed/fake_input.hpp"

namespace weir::feed {
namespace {

using namespace std::chrono_literals;

const Identity identity{.first_piece = {.low = 1, .high = 2}, .bytes = 77};
const Intent first{.behind = {.bytes = 77, .hash = {.low = 3, .high = 4}, .lines = 5, .mid_line = true},
                   .first_line = 1,
                   .at = WallTime(1234567ms),
                   .log_end = 99};
const Totals totals{.events = 4,
                    .page_views = 3,
                    .unreadable = 1,
                    .rejected = 2,
                    .first = EventTime(-5ns),
                    .last = EventTime(8ns)};

class JournalTest : public testing::Test {
 protected:
  std::unique_ptr<Journal> open() {
    auto journal = Journal::open(file_, identity);
    EXPECT_TRUE(journal) << journal.error().text;
    return std::move(*journal);
  }
  std::string bytes() const {
    std::ostringstream out;
    out << std::ifstream(file_, std::ios::binary).rdbuf();
    return out.str();
  }
  void write(std::string_view text) const { std::ofstream(file_, std::ios::binary) << text; }

  FolderForTest folder_;
  std::filesystem::path file_ = folder_.path() / "a.journal";
};

TEST_F(JournalTest, RemembersARunAcrossProcesses) {
  {
    const auto journal = open();
    EXPECT_EQ(journal->run(), 0U);
    ASSERT_TRUE(journal->begin_run("salt"));
    ASSERT_TRUE(journal->intend(first));
    ASSERT_TRUE(journal->taken(totals));
    Intent second = first;
    second.behind.bytes = 100;
    ASSERT_TRUE(journal->intend(second));
  }
  const auto journal = open();
  EXPECT_EQ(journal->run(), 1U);
  EXPECT_EQ(journal->salt(), "salt");
  EXPECT_EQ(journal->place(), first.behind);
  EXPECT_EQ(journal->totals(), totals);
  ASSERT_TRUE(journal->open_intent());
  EXPECT_EQ(journal->open_intent()->behind.bytes, 100U);
  EXPECT_EQ(journal->open_intent()->at, first.at);
  EXPECT_EQ(journal->open_intent()->log_end, 99);
  EXPECT_EQ(journal->id_stem(), "00000000000000020000000000000001-1");
  EXPECT_EQ(Journal::identity_in(file_), identity);
}

TEST_F(JournalTest, ForgetsAnIntentThatCameToNothing) {
  const auto journal = open();
  ASSERT_TRUE(journal->begin_run("-"));
  ASSERT_TRUE(journal->intend(first));
  ASSERT_TRUE(journal->not_kept());
  EXPECT_FALSE(journal->open_intent());
  EXPECT_EQ(journal->place(), Place{});
}

TEST_F(JournalTest, BeginsEachRunFromTheFirstLine) {
  const auto journal = open();
  ASSERT_TRUE(journal->begin_run("a"));
  ASSERT_TRUE(journal->intend(first));
  ASSERT_TRUE(journal->taken(totals));
  ASSERT_TRUE(journal->begin_run("b"));
  EXPECT_EQ(journal->run(), 2U);
  EXPECT_EQ(journal->salt(), "b");
  EXPECT_EQ(journal->place(), Place{});
  EXPECT_EQ(journal->totals(), Totals{});
}

TEST_F(JournalTest, HasOneOwnerAtATime) {
  const auto journal = open();
  const auto other = Journal::open(file_, identity);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "input_busy");
}

// A process may be killed, and a machine lose its power, in the middle of any write.
TEST_F(JournalTest, LosesOnlyTheLastLineWhereverItIsTorn) {
  {
    const auto journal = open();
    ASSERT_TRUE(journal->begin_run("salt"));
    ASSERT_TRUE(journal->intend(first));
    ASSERT_TRUE(journal->taken(totals));
  }
  const std::string whole = bytes();
  std::vector<std::size_t> line_ends;
  for (std::size_t at = 0; at < whole.size(); ++at)
    if (whole[at] == '\n') line_ends.push_back(at + 1);
  ASSERT_EQ(line_ends.size(), 4U);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    write(std::string_view(whole).substr(0, cut));
    const auto journal = open();
    EXPECT_EQ(journal->run(), cut >= line_ends[1] ? 1U : 0U) << cut;
    EXPECT_EQ(journal->place().bytes, cut >= line_ends[3] ? 77U : 0U) << cut;
    EXPECT_EQ(journal->open_intent().has_value(), cut >= line_ends[2] && cut < line_ends[3]) << cut;
    ASSERT_TRUE(journal->begin_run("again"));
  }
  EXPECT_EQ(Journal::identity_in(file_), identity);
}

TEST_F(JournalTest, DropsALastLineOfRubbish) {
  {
    ASSERT_TRUE(open()->begin_run("salt"));
  }
  write(bytes() + "intent 1 2 3 00000000\n");
  EXPECT_EQ(open()->run(), 1U);
  EXPECT_EQ(bytes().find("intent"), std::string::npos);
}

TEST_F(JournalTest, IsRefusedWhenItIsDamagedInItsMiddle) {
  {
    const auto journal = open();
    ASSERT_TRUE(journal->begin_run("salt"));
    ASSERT_TRUE(journal->intend(first));
  }
  std::string damaged = bytes();
  damaged[damaged.find("salt")] = 'm';
  write(damaged);
  const auto journal = Journal::open(file_, identity);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, "journal_broken");
  EXPECT_EQ(bytes(), damaged) << "nothing of it may be lost";
}

TEST_F(JournalTest, IsNoneOfAnyOtherFile) {
  EXPECT_EQ(Journal::identity_in(file_), std::nullopt);
  write("something else\n");
  EXPECT_EQ(Journal::identity_in(file_), std::nullopt);
}

}  // namespace
}  // namespace weir::feed
