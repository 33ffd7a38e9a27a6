#include "consumer/testing/fake_log_reader.hpp"

#include "consumer/testing/log_reader_contract.hpp"

namespace weir::consumer {
namespace {

class FakeLogFixture final : public LogReaderFixture {
 public:
  FakeLogFixture() { reader_.assign({0}); }

  LogReader& reader() override { return reader_; }
  void append(RecordTime time, const std::vector<WrittenRecord>& records) override {
    for (const auto& record : records)
      topic_.append(0, {time, record.key, record.value, record.replay_source});
  }
  void prune_before(std::int64_t offset) override { topic_.prune_before(0, offset); }

 private:
  FakeTopic topic_{1};
  FakeLogReader reader_{topic_};
};

std::unique_ptr<LogReaderFixture> make_fake_fixture() { return std::make_unique<FakeLogFixture>(); }

INSTANTIATE_TEST_SUITE_P(Fake, LogReaderContract, testing::Values(&make_fake_fixture));

constexpr std::chrono::milliseconds at_once{0};
const Error away{ErrorKind::unavailable, "away", "scripted"};

template <class Event>
const Event* first_of(const Result<std::vector<LogEvent>>& events) {
  for (const auto& event : events.value())
    if (const auto* found = std::get_if<Event>(&event)) return found;
  return nullptr;
}

TEST(FakeLogReader, SharesOneTopicBetweenMembers) {
  FakeTopic topic(2);
  FakeLogReader first(topic);
  FakeLogReader second(topic);
  first.assign({0});
  second.assign({1});
  topic.append(0, {{}, "a", "zero", {}});
  topic.append(1, {{}, "b", "one", {}});
  for (auto* reader : {&first, &second}) ASSERT_TRUE(reader->poll(at_once));
  ASSERT_TRUE(first.seek(0, 0));
  ASSERT_TRUE(second.seek(1, 0));
  EXPECT_EQ(first.seek(1, 0).error().code, "not_assigned");
  const auto from_first = first.poll(at_once);
  const auto from_second = second.poll(at_once);
  EXPECT_EQ(first_of<Records>(from_first)->records[0].value, "zero");
  EXPECT_EQ(first_of<Records>(from_second)->records[0].value, "one");
}

TEST(FakeLogReader, KeepsARevokedPartitionUntilItIsReleased) {
  FakeTopic topic(1);
  FakeLogReader reader(topic);
  reader.assign({0});
  ASSERT_TRUE(reader.poll(at_once));
  ASSERT_TRUE(reader.seek(0, 0));
  topic.append(0, {{}, "a", "1", {}});
  reader.revoke({0});
  const auto events = reader.poll(at_once);
  EXPECT_NE(first_of<Revoked>(events), nullptr);
  EXPECT_EQ(first_of<Records>(events), nullptr);
  EXPECT_TRUE(reader.owned().contains(0));
  EXPECT_TRUE(reader.revoking().contains(0));
  reader.release(std::array{0});
  EXPECT_FALSE(reader.owned().contains(0));
}

TEST(FakeLogReader, RemovesALostPartitionAtOnce) {
  FakeTopic topic(1);
  FakeLogReader reader(topic);
  reader.assign({0});
  ASSERT_TRUE(reader.poll(at_once));
  ASSERT_TRUE(reader.seek(0, 0));
  topic.append(0, {{}, "a", "1", {}});
  reader.lose({0});
  const auto events = reader.poll(at_once);
  EXPECT_NE(first_of<Lost>(events), nullptr);
  EXPECT_EQ(first_of<Records>(events), nullptr);
  EXPECT_TRUE(reader.owned().empty());
}

TEST(FakeLogReader, FailsOnRequestWithoutLosingEvents) {
  using Call = FakeLogReader::Call;
  FakeTopic topic(1);
  FakeLogReader reader(topic);
  reader.assign({0});
  reader.fail_next(Call::poll, away, 2);
  EXPECT_FALSE(reader.poll(at_once));
  EXPECT_FALSE(reader.poll(at_once));
  const auto events = reader.poll(at_once);
  ASSERT_TRUE(events);
  EXPECT_NE(first_of<Assigned>(events), nullptr);
  for (const auto call : {Call::seek, Call::bounds, Call::record_identity}) reader.fail_next(call, away);
  EXPECT_FALSE(reader.seek(0, 0));
  EXPECT_FALSE(reader.bounds(0));
  EXPECT_FALSE(reader.record_identity(0, 0));
  EXPECT_TRUE(reader.seek(0, 0));
}

TEST(FakeLogReader, HasHolesAndTombstonesAndCanBeRecreated) {
  FakeTopic topic(1);
  FakeLogReader reader(topic);
  reader.assign({0});
  ASSERT_TRUE(reader.poll(at_once));
  ASSERT_TRUE(reader.seek(0, 0));
  topic.append_holes(0, 3);
  topic.append(0, {{}, "a", std::nullopt, {}});
  topic.append_holes(0, 2);
  const auto events = reader.poll(at_once);
  const auto* records = first_of<Records>(events);
  ASSERT_NE(records, nullptr);
  ASSERT_EQ(records->records.size(), 1U);
  EXPECT_EQ(records->records[0].offset, 3);
  EXPECT_FALSE(records->records[0].value);
  EXPECT_EQ(records->next_offset, 6);
  topic.append_holes(0, 1);
  const auto only_holes = reader.poll(at_once);
  records = first_of<Records>(only_holes);
  ASSERT_NE(records, nullptr);
  EXPECT_TRUE(records->records.empty());
  EXPECT_EQ(records->next_offset, 7);
  topic.recreate();
  EXPECT_EQ(topic.bounds(0).end, 0);
}

TEST(FakeLogReader, ReturnsNoMoreRecordsInAPollThanConfigured) {
  FakeTopic topic(1);
  FakeLogReader reader(topic);
  reader.assign({0});
  reader.records_a_poll_max(2);
  ASSERT_TRUE(reader.poll(at_once));
  ASSERT_TRUE(reader.seek(0, 0));
  for (int i = 0; i < 3; ++i) topic.append(0, {{}, "a", std::to_string(i), {}});
  const auto first = reader.poll(at_once);
  EXPECT_EQ(first_of<Records>(first)->records.size(), 2U);
  EXPECT_EQ(first_of<Records>(first)->next_offset, 2);
  const auto second = reader.poll(at_once);
  EXPECT_EQ(first_of<Records>(second)->records.size(), 1U);
  EXPECT_EQ(first_of<Records>(second)->next_offset, 3);
}

}  // namespace
}  // namespace weir::consumer
