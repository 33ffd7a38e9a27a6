#include "sqlite/event_log.hpp"

#include "intake/testing/event_log_contract.hpp"
#include "sqlite/testing/fake_vfs.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::sqlite {
namespace {

using intake::Receipt;
using intake::StoredRecord;
using intake::event_log_contract::Answers;
using intake::event_log_contract::append_and_wait;
using intake::event_log_contract::request;

class EmbeddedWorld final : public intake::EventLogFixture {
 public:
  EmbeddedWorld() { reopen(); }

  intake::EventLog& log() override { return under_test_.log(); }
  void reopen() override {
    auto opened = under_test_.open();
    ASSERT_TRUE(opened) << opened.error().text;
  }
  std::vector<StoredRecord> stored_records() override {
    std::vector<StoredRecord> all;
    auto read = under_test_.everything();
    EXPECT_TRUE(read) << read.error().text;
    for (const auto& record : read.value()) all.push_back({record.key, record.value, record.replay_source});
    return all;
  }
  [[nodiscard]] std::size_t waiting_bytes_max() const override { return 256 * limits::KiB; }

 private:
  LogUnderTest under_test_{{.waiting_bytes_max = 256 * limits::KiB}};
};

std::unique_ptr<intake::EventLogFixture> make_embedded_world() { return std::make_unique<EmbeddedWorld>(); }

}  // namespace
}  // namespace weir::sqlite

namespace weir::intake {
INSTANTIATE_TEST_SUITE_P(Embedded, EventLogContract, testing::Values(&sqlite::make_embedded_world));
}  // namespace weir::intake

namespace weir::sqlite {
namespace {

constexpr std::chrono::seconds soon{30};

RecordTime at(std::int64_t ms) { return RecordTime(std::chrono::milliseconds(1'764'000'000'000 + ms)); }

// Blocks the writer's thread inside of a receipt callback, so that the next appends share a commit.
class WriterGate {
 public:
  intake::ReceiptCallback hold() {
    return [this](intake::Receipts) {
      std::unique_lock lock(mutex_);
      reached_ = true;
      changed_.notify_all();
      changed_.wait_for(lock, soon, [this] { return open_; });
    };
  }
  void wait_until_reached() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, soon, [this] { return reached_; }));
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
  bool open_ = false;
};

class EmbeddedLogTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = under_test_.open();
    ASSERT_TRUE(opened) << opened.error().text;
  }
  EmbeddedLog& log() { return under_test_.log(); }
  Receipt append(const std::string& value) { return append_and_wait(log(), {{"user", value, {}}}).all; }
  std::int64_t number(std::string_view sql) {
    auto database = Database::open(under_test_.file(), {.kind = event_log_file});
    EXPECT_TRUE(database);
    return database->number(sql).value_or(-1);
  }

  std::vector<RecordTime> times() {
    std::vector<RecordTime> times;
    auto all = under_test_.everything();
    EXPECT_TRUE(all);
    if (all)
      for (const auto& record : *all) times.push_back(record.time);
    return times;
  }

  LogUnderTest under_test_;
};

TEST_F(EmbeddedLogTest, SharesOneCommitAmongConcurrentAppends) {
  WriterGate gate;
  Answers answers;
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  for (int i = 0; i < 100; ++i) log().append(request({{"user", std::to_string(i), {}}}), answers.expect(i));
  gate.open();
  ASSERT_EQ(answers.all().size(), 100U);
  EXPECT_EQ(number("SELECT count(*) FROM segments"), 2);
  EXPECT_EQ(number("SELECT records FROM segments WHERE first_offset = 1"), 100);
}

TEST_F(EmbeddedLogTest, CutsALargeCommitIntoSegments) {
  std::vector<StoredRecord> records;
  for (int i = 0; i < 9000; ++i) records.push_back({"user", std::to_string(i), {}});
  ASSERT_EQ(append_and_wait(log(), records).all, Receipt::kept);
  EXPECT_EQ(number("SELECT count(*) FROM segments"), 3);
  auto all = under_test_.everything();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 9000U);
  for (std::size_t i = 0; i < all->size(); ++i) {
    EXPECT_EQ((*all)[i].offset, static_cast<std::int64_t>(i));
    EXPECT_EQ((*all)[i].value, std::to_string(i));
  }
}

TEST_F(EmbeddedLogTest, KeepsTheTimeWhileTheClockIsSlightlySteppedBack) {
  for (const int ms : {50, 20, 20, 70}) {
    under_test_.clock().set(at(ms));
    append("x");
  }
  under_test_.clock().set(at(70 - 10'000));
  ASSERT_TRUE(under_test_.open());
  append("x");
  EXPECT_EQ(times(), (std::vector{at(50), at(50), at(50), at(70), at(70)}));
}

TEST_F(EmbeddedLogTest, Fault41TakesTheTimeOfTheClockAfterALargeStep) {
  constexpr std::int64_t day = 86'400'000;
  for (const std::int64_t step : {10 * day, -10 * day, 1461 * day}) {
    under_test_.recreate_file();
    ASSERT_TRUE(under_test_.open());
    for (const std::int64_t ms : {std::int64_t{0}, step, step + 1, std::int64_t{2}}) {
      under_test_.clock().set(at(ms));
      append("x");
    }
    EXPECT_EQ(times(), (std::vector{at(0), at(step), at(step + 1), at(2)}));
    under_test_.clock().set(at(3));
    ASSERT_TRUE(under_test_.open());
    append("x");
    EXPECT_EQ(times().back(), at(3));
  }
}

TEST_F(EmbeddedLogTest, Fault41LogsAStepOfTheClock) {
  append("x");
  under_test_.clock().step(std::chrono::days{10});
  append("x");
  EXPECT_EQ(under_test_.logger().await("stepped ahead"),
            "warn the clock was stepped ahead; new records get the clock's time by_seconds=864000");
  under_test_.clock().step(-std::chrono::days{10});
  append("x");
  EXPECT_EQ(under_test_.logger().await("behind the newest"),
            "warn the clock is behind the newest record of the event log; new records get the clock's time "
            "by_seconds=864000");
}

TEST_F(EmbeddedLogTest, Fault41DeletesSegmentsFromTheFutureWithTheNextOldOne) {
  constexpr std::int64_t ahead = 1'000'000;
  for (const std::int64_t ms :
       {std::int64_t{0}, ahead, ahead, std::int64_t{1}, ahead, std::int64_t{20'000}}) {
    under_test_.clock().set(at(ms));
    append("x");
  }
  const auto start_after_pruning = [this](std::int64_t ms) {
    log().prune_before(INT64_MAX, at(ms));
    append("retention runs after this commit");
    append("and before this one");
    return number("SELECT min(first_offset) FROM segments");
  };
  EXPECT_EQ(start_after_pruning(1), 1)
      << "the age of those from the future is unknown until an old one follows";
  EXPECT_EQ(start_after_pruning(2), 4) << "then they are older than it";
  EXPECT_EQ(start_after_pruning(20'000), 4);
}

TEST_F(EmbeddedLogTest, Fault42RefusesAppendsWhileItIsBlocked) {
  append("x");
  log().block("events.db was deleted");
  EXPECT_FALSE(log().health().up);
  EXPECT_EQ(log().health().reason, "events.db was deleted");
  const auto refused = append_and_wait(log(), {{"user", "y", {}}});
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "log_blocked");
  log().block("");
  EXPECT_TRUE(log().health().up);
  EXPECT_EQ(append_and_wait(log(), {{"user", "y", {}}}).all, Receipt::kept);
}

TEST_F(EmbeddedLogTest, HasAUniqueId) {
  const std::string id = log().health().log_id;
  EXPECT_EQ(id.size(), 32U);
  LogUnderTest other;
  ASSERT_TRUE(other.open());
  EXPECT_NE(other.log().health().log_id, id);
}

TEST_F(EmbeddedLogTest, LimitsTheBytesThatWait) {
  WriterGate gate;
  Answers answers;
  under_test_.options().waiting_bytes_max = 1000;
  ASSERT_TRUE(under_test_.open());
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  for (int i = 0; i < 3; ++i) log().append(request({{"user", std::string(396, 'x'), {}}}), answers.expect(i));
  gate.open();
  EXPECT_EQ(answers.of(0).all, Receipt::kept);
  EXPECT_EQ(answers.of(1).all, Receipt::kept);
  EXPECT_EQ(answers.of(2).all, Receipt::not_kept);
  EXPECT_EQ(answers.of(2).why.code, "log_full");
  EXPECT_EQ(append(std::string(900, 'x')), Receipt::kept);
}

TEST_F(EmbeddedLogTest, SplitsTheQueueIntoCommitsOfBoundedSize) {
  under_test_.options().commit_bytes_max = 100;
  ASSERT_TRUE(under_test_.open());
  WriterGate gate;
  Answers answers;
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  for (int i = 0; i < 4; ++i) log().append(request({{"user", std::string(46, 'x'), {}}}), answers.expect(i));
  log().append(request({{"user", std::string(1000, 'x'), {}}}), answers.expect(4));
  gate.open();
  for (const auto& [place, receipts] : answers.all()) EXPECT_EQ(receipts.all, Receipt::kept);
  EXPECT_EQ(number("SELECT count(*) FROM segments"), 4);
}

TEST_F(EmbeddedLogTest, CommitsItsQueueWhenItStops) {
  WriterGate gate;
  Answers answers;
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  for (int i = 0; i < 10; ++i) log().append(request({{"user", "queued", {}}}), answers.expect(i));
  std::thread stopping([this] { log().stop(std::chrono::seconds(10)); });
  gate.open();
  stopping.join();
  for (const auto& [place, receipts] : answers.all()) EXPECT_EQ(receipts.all, Receipt::kept);
  const auto late = append_and_wait(log(), {{"user", "late", {}}});
  EXPECT_EQ(late.all, Receipt::not_kept);
  EXPECT_EQ(late.why.code, "log_stopping");
  EXPECT_EQ(log().health().reason, "draining");
  EXPECT_EQ(std::filesystem::file_size(under_test_.file().string() + "-wal"), 0U);
}

TEST_F(EmbeddedLogTest, RefusesItsQueueAfterTheDeadlineOfStop) {
  WriterGate gate;
  Answers answers;
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  log().append(request({{"user", "queued", {}}}), answers.expect(0));
  std::thread stopping([this] { log().stop(std::chrono::milliseconds(0)); });
  eventually([this] { return log().health().reason == "draining"; });
  gate.open();
  stopping.join();
  EXPECT_EQ(answers.of(0).all, Receipt::not_kept);
  EXPECT_EQ(answers.of(0).why.code, "log_stopping");
}

TEST_F(EmbeddedLogTest, PrunesWholeSegmentsThatAreReadAndOld) {
  for (int i = 0; i < 10; ++i) {
    under_test_.clock().set(at(i));
    ASSERT_EQ(append_and_wait(log(), {{"a", "x", {}}, {"b", "y", {}}}).all, Receipt::kept);
  }
  struct Case {
    std::int64_t offset;
    std::int64_t ms;
    std::int64_t start;
  };
  const auto start = [this] { return number("SELECT min(first_offset) FROM segments"); };
  for (const auto& [offset, ms, wanted] :
       {Case{0, 1000, 0}, {1, 1000, 0}, {20, 0, 0}, {5, 1000, 4}, {20, 3, 6}, {3, 2, 6}, {20, 1000, 20}}) {
    log().prune_before(offset, at(ms));
    append("retention runs after this commit");
    append("and before this one");
    EXPECT_EQ(start(), wanted) << offset << " " << ms;
  }
  const std::int64_t end = log().health().end;
  log().prune_before(INT64_MAX, RecordTime::max());
  eventually([&] { return start() == end - 1; });
  ASSERT_TRUE(under_test_.open());
  EXPECT_EQ(log().health().end, end) << "the newest segment stays, so the end is known";
}

TEST_F(EmbeddedLogTest, KeepsItsWalWithinBounds) {
  under_test_.options().checkpoint_bytes = 256 * limits::KiB;
  ASSERT_TRUE(under_test_.open());
  for (int i = 0; i < 200; ++i) ASSERT_EQ(append(std::string(20'000, 'x')), Receipt::kept);
  EXPECT_LT(std::filesystem::file_size(under_test_.file().string() + "-wal"), limits::MiB);
}

TEST_F(EmbeddedLogTest, ReportsALockedFileAndRecovers) {
  under_test_.options().busy_timeout = std::chrono::milliseconds(1);
  under_test_.options().probe_interval = std::chrono::milliseconds(1);
  ASSERT_TRUE(under_test_.open());
  auto other = Database::open(under_test_.file(), {.kind = event_log_file});
  ASSERT_TRUE(other && other->begin());
  const auto refused = append_and_wait(log(), {{"user", "x", {}}});
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, code_busy);
  EXPECT_FALSE(log().health().up);
  EXPECT_NE(log().health().reason, "");
  other->rollback();
  eventually([this] { return log().health().up; });
  EXPECT_EQ(append("y"), Receipt::kept);
}

TEST_F(EmbeddedLogTest, RefusesALogWhoseNewestSegmentIsDamaged) {
  ASSERT_EQ(append("x"), Receipt::kept);
  under_test_.close();
  {
    auto database = Database::open(under_test_.file(), {.kind = event_log_file});
    ASSERT_TRUE(database->run("UPDATE segments SET body = zeroblob(100)"));
  }
  auto opened = under_test_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, code_segment_damaged);
  EXPECT_EQ(opened.error().kind, ErrorKind::internal);
}

class EmbeddedLogOnABadDisk : public EmbeddedLogTest {
 protected:
  void SetUp() override {
    under_test_.options().vfs = disk_.name();
    under_test_.options().probe_interval = std::chrono::milliseconds(1);
    EmbeddedLogTest::SetUp();
    ASSERT_EQ(append("before"), Receipt::kept);
  }
  void TearDown() override { under_test_.close(); }

  FakeVfs disk_;
};

TEST_F(EmbeddedLogOnABadDisk, RefusesAppendsOnAFullDiskAndRecovers) {
  disk_.inject({.call = FakeVfs::Call::write, .nth = 2, .no_space = true, .for_good = true});
  const auto refused = append_and_wait(log(), {{"user", std::string(20'000, 'x'), {}}});
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, code_disk_full);
  EXPECT_EQ(refused.why.kind, ErrorKind::unavailable);
  EXPECT_FALSE(log().health().up);
  EXPECT_EQ(append("still"), Receipt::not_kept);
  disk_.clear_fault();
  eventually([this] { return log().health().up; });
  EXPECT_EQ(append("after"), Receipt::kept);
  EXPECT_EQ(under_test_.everything()->size(), 2U);
  EXPECT_TRUE(under_test_.fatal().empty());
}

TEST_F(EmbeddedLogOnABadDisk, ReportsUnknownAfterAFailedWrite) {
  disk_.inject({.call = FakeVfs::Call::write, .nth = 2});
  const auto unknown = append_and_wait(log(), {{"user", "x", {}}});
  EXPECT_EQ(unknown.all, Receipt::unknown);
  EXPECT_EQ(unknown.why.code, code_disk_failed);
  EXPECT_EQ(append("after"), Receipt::kept);
  EXPECT_TRUE(under_test_.fatal().empty());
}

TEST_F(EmbeddedLogOnABadDisk, ReportsFatalAfterAFailedFsyncAndWritesNoMore) {
  WriterGate gate;
  Answers answers;
  log().append(request({{"user", "first", {}}}), gate.hold());
  gate.wait_until_reached();
  under_test_.options().commit_bytes_max = 1;
  disk_.inject({.call = FakeVfs::Call::sync});
  log().append(request({{"user", "fails", {}}}), answers.expect(0));
  gate.open();
  EXPECT_EQ(answers.of(0).all, Receipt::unknown);
  EXPECT_EQ(answers.of(0).why.code, code_fsync_failed);
  const auto after = append_and_wait(log(), {{"user", "after", {}}});
  EXPECT_EQ(after.all, Receipt::not_kept);
  EXPECT_EQ(after.why.code, "log_failed");
  EXPECT_FALSE(log().health().up);
  log().stop(soon);
  ASSERT_EQ(under_test_.fatal().size(), 1U);
  EXPECT_EQ(under_test_.fatal()[0].code, code_fsync_failed);
  EXPECT_EQ(disk_.count(FakeVfs::Call::sync), 1);
}

}  // namespace
}  // namespace weir::sqlite
