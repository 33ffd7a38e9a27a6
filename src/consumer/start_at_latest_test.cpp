#include "consumer/start_at_latest.hpp"

#include "commit/testing/fake_metrics_store.hpp"
#include "consumer/testing/fake_log_reader.hpp"

namespace weir::consumer {
namespace {

const Error away{ErrorKind::unavailable, "log_away", "the fake log does not answer"};

class StartAtLatestTest : public testing::Test {
 protected:
  StartAtLatestTest() {
    for (int i = 0; i < 5; ++i) append(0);
    append(1);
  }

  void append(std::int32_t partition) { topic_.append(partition, {{}, "anna", "{}", {}}); }
  Result<std::int64_t> start() { return start_at_latest(reader_, store_, WallTime{}); }
  [[nodiscard]] const tally::LedgerRow& row(std::int32_t partition) const {
    return database_.ledgers.at(partition);
  }

  FakeTopic topic_{3};
  commit::FakeDatabase database_;
  FakeLogReader reader_{topic_};
  commit::FakeMetricsStore store_{database_, "the-group"};
};

TEST_F(StartAtLatestTest, StartsEachPartitionAtItsCurrentEnd) {
  ASSERT_TRUE(start().has_value());
  EXPECT_EQ(row(0).next_offset, 5);
  EXPECT_EQ(row(1).next_offset, 1);
  EXPECT_EQ(row(2).next_offset, 0);
}

TEST_F(StartAtLatestTest, RecordsTheOffsetsBeforeTheStartAsSkipped) {
  topic_.prune_before(0, 2);
  EXPECT_EQ(start().value(), 4);
  EXPECT_EQ(row(0).start_offset, 2);
  EXPECT_EQ(row(0).skipped, 3);
  EXPECT_EQ(row(0).counted_from, 5);
  EXPECT_EQ(row(2).skipped, 0);
  EXPECT_TRUE(row(0).adds_up() && row(1).adds_up() && row(2).adds_up());
}

TEST_F(StartAtLatestTest, StoresTheHashOfTheLastRecord) {
  ASSERT_TRUE(start().has_value());
  EXPECT_EQ(row(0).last_record_hash, reader_.record_identity(0, 4).value()->hash);
  EXPECT_EQ(row(2).last_record_hash, std::nullopt) << "it has no record";
}

TEST_F(StartAtLatestTest, DoesNothingIfTheTopicHasALedgerRow) {
  ASSERT_TRUE(start().has_value());
  append(0);
  EXPECT_EQ(start().value(), 0) << "nothing more is skipped";
  EXPECT_EQ(row(0).next_offset, 5);
}

TEST_F(StartAtLatestTest, WritesNoRowUnlessItKnowsEveryEnd) {
  for (int tries = 0; tries < 3; ++tries) {
    reader_.fail_next(FakeLogReader::Call::bounds, away);
    EXPECT_FALSE(start().has_value());
    EXPECT_TRUE(database_.ledgers.empty());
  }
  reader_.fail_next(FakeLogReader::Call::record_identity, away);
  EXPECT_FALSE(start().has_value());
  database_.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  EXPECT_FALSE(start().has_value());
  EXPECT_TRUE(database_.ledgers.empty());
}

}  // namespace
}  // namespace weir::consumer
