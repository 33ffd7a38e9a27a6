#include "importer/journal.hpp"

#include <gtest/gtest.h>

#include "importer/running_hash.hpp"
#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

using namespace std::chrono_literals;

const Identity identity{.first_chunk = {.low = 1, .high = 2}, .bytes = 77};
const Intent first{.end = {.bytes = 77, .hash = {.low = 3, .high = 4}, .lines = 5, .mid_line = true},
                   .first_line = 1,
                   .sent_at = WallTime(1234567ms),
                   .log_end = 99};
const Totals totals{.events = 4,
                    .page_views = 3,
                    .unreadable = 1,
                    .rejected = 2,
                    .first = EventTime(-5ns),
                    .last = EventTime(8ns)};

constexpr std::array state_migrations{sqlite::Migration{inputs_schema}};
constexpr sqlite::FileKind state_file{
    .name = "state of import", .application_id = 1, .migrations = state_migrations};

class JournalTest : public testing::Test {
 protected:
  // Opens the state as another process does.
  std::shared_ptr<OpenState> state(const std::string& log_id = "log") const {
    auto database =
        sqlite::Database::open(folder_.path() / "import.db", {.kind = state_file,
                                                              .mode = sqlite::OpenMode::create_or_migrate,
                                                              .busy_timeout = std::chrono::milliseconds(1)});
    EXPECT_TRUE(database) << database.error().text;
    return std::make_shared<OpenState>(OpenState{folder_.path(), log_id, std::move(*database)});
  }
  std::unique_ptr<Journal> open(const std::string& log_id = "log") const {
    const auto opened = state(log_id);
    auto insert = opened->database.prepare(
        "INSERT INTO inputs (log_id, first_piece, first_bytes) VALUES (?, ?, 77) ON CONFLICT DO NOTHING");
    const std::string hash = to_hex(identity.first_chunk);
    EXPECT_TRUE(insert->bind_text(1, log_id).bind_text(2, hash).run());
    auto journal = Journal::open(opened, identity);
    EXPECT_TRUE(journal) << journal.error().text;
    return std::move(*journal);
  }

  TempDir folder_;
};

TEST_F(JournalTest, KeepsARunAcrossProcesses) {
  {
    const auto journal = open();
    EXPECT_EQ(journal->run(), 0U);
    ASSERT_TRUE(journal->begin_run("salt"));
    ASSERT_TRUE(journal->record_intent(first));
    ASSERT_TRUE(journal->record_outcome(totals));
    Intent second = first;
    second.end.bytes = 100;
    ASSERT_TRUE(journal->record_intent(second));
  }
  const auto journal = open();
  EXPECT_EQ(journal->run(), 1U);
  EXPECT_EQ(journal->salt(), "salt");
  EXPECT_EQ(journal->position(), first.end);
  EXPECT_EQ(journal->totals(), totals);
  ASSERT_TRUE(journal->intent());
  EXPECT_EQ(journal->intent()->end.bytes, 100U);
  EXPECT_EQ(journal->intent()->sent_at, first.sent_at);
  EXPECT_EQ(journal->intent()->log_end, 99);
  EXPECT_EQ(journal->id_prefix(), "00000000000000020000000000000001-1");
}

TEST_F(JournalTest, StaysAtItsPositionAfterADiscardedIntent) {
  const auto journal = open();
  ASSERT_TRUE(journal->begin_run("-"));
  ASSERT_TRUE(journal->record_intent(first));
  ASSERT_TRUE(journal->discard_intent());
  EXPECT_FALSE(journal->intent());
  EXPECT_EQ(journal->position(), InputPosition{});
}

TEST_F(JournalTest, BeginsEachRunFromTheFirstLine) {
  const auto journal = open();
  ASSERT_TRUE(journal->begin_run("a"));
  ASSERT_TRUE(journal->record_intent(first));
  ASSERT_TRUE(journal->record_outcome(totals));
  ASSERT_TRUE(journal->begin_run("b"));
  EXPECT_EQ(journal->run(), 2U);
  EXPECT_EQ(journal->salt(), "b");
  EXPECT_EQ(journal->position(), InputPosition{});
  EXPECT_EQ(journal->totals(), Totals{});
}

TEST_F(JournalTest, HasOneOwnerAtATime) {
  {
    const auto journal = open();
    const auto other = Journal::open(state(), identity);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, "input_busy");
    EXPECT_EQ(open("another log")->run(), 0U) << "the same input in another log is another journal";
  }
  EXPECT_TRUE(Journal::open(state(), identity));
}

TEST_F(JournalTest, ChangesNothingWhenItCannotWrite) {
  const auto journal = open();
  ASSERT_TRUE(journal->begin_run("salt"));
  const auto other = state();
  ASSERT_TRUE(other->database.begin());  // longer than a journal waits for it
  EXPECT_EQ(journal->record_intent(first).error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(journal->intent());
  other->database.rollback();
  ASSERT_TRUE(journal->record_intent(first));
  EXPECT_EQ(journal->intent(), first);
}

}  // namespace
}  // namespace weir::importer
