#include "sqlite/log_reader.hpp"

#include "consumer/testing/log_reader_contract.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::sqlite {
namespace {

using intake::Receipt;
using intake::event_log_contract::append_and_wait;

class EmbeddedFixture final : public consumer::LogReaderFixture {
 public:
  EmbeddedFixture() {
    auto opened = under_test_.open();
    EXPECT_TRUE(opened) << opened.error().text;
    auto reader = EmbeddedLogReader::open(under_test_.file(), under_test_.log().commits());
    EXPECT_TRUE(reader) << reader.error().text;
    reader_ = std::move(*reader);
  }

  consumer::LogReader& reader() override { return *reader_; }
  void append(RecordTime time, const std::vector<consumer::WrittenRecord>& records) override {
    under_test_.clock().set(time);
    std::vector<intake::StoredRecord> all;
    for (const auto& record : records) all.push_back({record.key, record.value, record.replay_source});
    EXPECT_EQ(append_and_wait(under_test_.log(), all).all, Receipt::kept);
  }
  void prune_before(std::int64_t offset) override {
    const std::int64_t before = reader_->bounds(0)->start;
    under_test_.log().prune_before(offset, RecordTime::max());
    eventually([&] { return reader_->bounds(0)->start > before; });
  }

  LogUnderTest under_test_;

 private:
  std::unique_ptr<EmbeddedLogReader> reader_;
};

std::unique_ptr<consumer::LogReaderFixture> make_embedded_fixture() {
  return std::make_unique<EmbeddedFixture>();
}

}  // namespace
}  // namespace weir::sqlite

namespace weir::consumer {
INSTANTIATE_TEST_SUITE_P(Embedded, LogReaderContract, testing::Values(&sqlite::make_embedded_fixture));
}  // namespace weir::consumer

namespace weir::sqlite {
namespace {

constexpr std::chrono::milliseconds at_once{0};
constexpr RecordTime noon{std::chrono::milliseconds(1'764'000'000'000)};

TEST(EmbeddedLogReader, LimitsTheSizeOfAPoll) {
  EmbeddedFixture fixture;
  for (int i = 0; i < 12; ++i)
    fixture.append(noon, {{"user", std::string(limits::segment_bytes_max, 'x'), {}}, {"user", "small", {}}});
  ASSERT_TRUE(fixture.reader().poll(at_once));
  ASSERT_TRUE(fixture.reader().seek(0, 0));
  std::size_t records = 0;
  while (records < 24) {
    auto events = fixture.reader().poll(at_once);
    ASSERT_TRUE(events && !events->empty());
    std::size_t bytes = 0;
    for (const auto& record : std::get<consumer::Records>(events->front()).records) {
      bytes += record.value->size();
      ++records;
    }
    EXPECT_LT(bytes, limits::poll_bytes_max + 2 * limits::segment_bytes_max);
  }
}

TEST(EmbeddedLogReader, HoldsNoSnapshotBetweenPolls) {
  EmbeddedFixture fixture;
  for (int i = 0; i < 10; ++i)
    fixture.append(noon, {{"user", std::string(limits::segment_bytes_max, 'x'), {}}});
  ASSERT_TRUE(fixture.reader().poll(at_once));
  ASSERT_TRUE(fixture.reader().seek(0, 0));
  ASSERT_TRUE(fixture.reader().poll(at_once));
  ASSERT_TRUE(fixture.reader().record_identity(0, 3));
  auto other = Database::open(fixture.under_test_.file(), {.kind = event_log_file});
  ASSERT_TRUE(other);
  auto end = other->checkpoint(CheckpointMode::truncate);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->complete());
}

TEST(EmbeddedLogReader, StopsAtADamagedSegmentAndAtAMissingOne) {
  struct Case {
    std::string_view sql;
    std::string_view reason;
  };
  for (const auto& [sql, reason] :
       {Case{"UPDATE segments SET body = zeroblob(50) WHERE first_offset = 1", "check"},
        Case{"DELETE FROM segments WHERE first_offset = 1", "no record at offset 1"}}) {
    EmbeddedFixture fixture;
    for (int i = 0; i < 3; ++i) fixture.append(noon, {{"user", "x", {}}});
    auto other = Database::open(fixture.under_test_.file(), {.kind = event_log_file});
    ASSERT_TRUE(other && other->run(sql));
    ASSERT_TRUE(fixture.reader().poll(at_once));
    ASSERT_TRUE(fixture.reader().seek(0, 0));
    auto events = fixture.reader().poll(at_once);
    ASSERT_FALSE(events);
    EXPECT_EQ(events.error().kind, ErrorKind::internal);
    EXPECT_EQ(events.error().code, code_segment_damaged);
    EXPECT_NE(events.error().text.find(reason), std::string::npos) << events.error().text;
  }
}

TEST(EmbeddedLogReader, RefusesAFileThatDoesNotExist) {
  const TestFolder folder;
  auto reader = EmbeddedLogReader::open(folder / "none.db", std::make_shared<CommitSignal>(0));
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, code_cannot_open);
}

}  // namespace
}  // namespace weir::sqlite
