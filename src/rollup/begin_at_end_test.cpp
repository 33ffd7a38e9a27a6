#include "rollup/begin_at_end.hpp"

#include "rollup/fake_world.hpp"

namespace weir::rollup {
namespace {

const Error away{Move::peer, "log_away", "the fake log does not answer"};

class BeginAtEnd : public testing::Test {
 protected:
  BeginAtEnd() {
    for (int i = 0; i < 5; ++i) append(0);
    append(1);
  }

  void append(std::int32_t partition) { topic_.append(partition, {{}, "anna", "{}", {}}); }
  Result<void> begin() { return begin_at_end(reader_, store_, WallTime{}); }
  [[nodiscard]] std::int64_t start_of(std::int32_t partition) const {
    return database_.ledgers.at(partition).start_offset;
  }

  FakeTopic topic_{3};
  FakeDatabase database_;
  FakeLogReader reader_{topic_};
  FakeMetricsStore store_{database_, "the-group"};
};

TEST_F(BeginAtEnd, CountsEveryPartitionFromWhereItEndsNow) {
  ASSERT_TRUE(begin().has_value());
  EXPECT_EQ(start_of(0), 5);
  EXPECT_EQ(start_of(1), 1);
  EXPECT_EQ(start_of(2), 0);
}

TEST_F(BeginAtEnd, LeavesATopicThatWasBegunBefore) {
  ASSERT_TRUE(begin().has_value());
  append(0);
  ASSERT_TRUE(begin().has_value());
  EXPECT_EQ(start_of(0), 5);
}

TEST_F(BeginAtEnd, BeginsNothingUnlessItSawEveryEnd) {
  for (int sound = 0; sound < 3; ++sound) {
    reader_.fail_next(FakeLogReader::Call::bounds, away);
    EXPECT_FALSE(begin().has_value());
    EXPECT_TRUE(database_.ledgers.empty());
  }
  database_.faults = [](StoreStep) { return Fault::refused; };
  EXPECT_FALSE(begin().has_value());
  EXPECT_TRUE(database_.ledgers.empty());
}

}  // namespace
}  // namespace weir::rollup
