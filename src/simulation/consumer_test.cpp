// The Consumer's bounds, pauses, deadlines and exit codes, on a simulated cluster.
#include "consumer/consumer.hpp"

#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using namespace consumer;  // what is under test

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConsumerTest : public testing::Test {
 protected:
  void start(std::vector<std::int32_t> partitions = {0}) {
    process_ = cluster_.start_process(settings_);
    process_->log().assign(std::move(partitions));
    process_->run_until_idle();
  }

  void append(int events, std::int32_t partition = 0) {
    for (int i = 0; i < events; ++i)
      cluster_.append(partition, {.user = "anna", .page = "/", .at = cluster_.now().wall});
  }

  // Each event has a page, and so a row, of its own.
  void append_pages(int events, std::int32_t partition = 0) {
    for (int i = 0; i < events; ++i)
      cluster_.append(partition, {.page = "/" + std::to_string(pages_++), .at = cluster_.now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      cluster_.advance(milliseconds{100});
      process_->run_until_idle();
    }
  }

  void set_store_fault(commit::Fault fault) {
    cluster_.database.faults = [fault](commit::StoreStep) { return fault; };
  }

  [[nodiscard]] Status status() const { return process_->consumer().status(); }
  [[nodiscard]] std::int64_t read_count(std::int32_t partition = 0) const {
    return cluster_.database.ledgers.at(partition).read;
  }

  ConsumerSettings settings_ = fast_settings();
  SimulatedCluster cluster_{{.partitions = 2, .consumer = settings_}};
  int pages_ = 0;
  std::unique_ptr<SimulatedProcess> process_;
};

TEST_F(ConsumerTest, ReportsItsPhase) {
  process_ = cluster_.start_process();
  EXPECT_EQ(status().phase, Phase::starting);
  start();
  EXPECT_EQ(status().phase, Phase::live);
  append(30);
  pass(seconds{5});
  start();  // a new process rebuilds the dedupe window
  process_->log().records_a_poll_max(1);
  EXPECT_EQ(status().phase, Phase::catching_up);
  pass(seconds{5});
  EXPECT_EQ(status().phase, Phase::live);
  process_->consumer().stop();
  EXPECT_EQ(status().phase, Phase::draining);
  process_->run_until_idle();
  EXPECT_EQ(status().phase, Phase::stopped);
}

TEST_F(ConsumerTest, WaitsForASilentLogOnceInEachIteration) {
  process_ = cluster_.start_process();
  process_->log().assign({0, 1});
  process_->log().fail_next(FakeLogReader::Call::bounds, {ErrorKind::unavailable, "timed_out", "no answer"},
                            2);
  const auto failed = [&](std::size_t partition) {
    return !status().partitions.at(partition).reason.empty();
  };
  process_->run_iteration();
  EXPECT_TRUE(failed(0));
  EXPECT_FALSE(failed(1)) << "not asked yet";
  process_->run_iteration();
  EXPECT_TRUE(failed(1));
  pass(seconds{5});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(ConsumerTest, PausesWhileTheStoreIsUnavailableAndLosesNothing) {
  start();
  set_store_fault(commit::Fault::refused);
  append(10);
  pass(milliseconds{1000});
  EXPECT_FALSE(status().store_up);
  EXPECT_FALSE(status().paused) << "only after three quick retries";
  pass(seconds{5});
  EXPECT_TRUE(status().paused);
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0});
  append(500);
  pass(std::chrono::minutes{10});
  EXPECT_LT(status().backlog_events, 60) << "the backlog is bounded";
  EXPECT_NE(status().store_reason, "");

  set_store_fault(commit::Fault::none);
  pass(seconds{40});
  EXPECT_TRUE(status().store_up);
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(read_count(), 510);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, PausesWhenTheBacklogHasTooManyEvents) {
  start();
  append(300);
  for (int i = 0; i < 40; ++i) process_->run_iteration();  // the writer does not run
  EXPECT_GE(status().backlog_events, 60);
  EXPECT_LE(status().backlog_events, 60 + 7);
  EXPECT_TRUE(status().paused);
  pass(seconds{30});
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(read_count(), 300);
}

TEST_F(ConsumerTest, DoesNotWaitForTheFlushIntervalWhileTheBacklogIsLarge) {
  settings_.commits.pacing = {
      .flush_interval = seconds{60}, .flush_min_interval = seconds{60}, .batch_size = 1000};
  start();
  append(300);  // five times what may wait
  pass(seconds{5});
  EXPECT_GE(read_count(), 270) << "all but less than half of the bound";
  pass(seconds{120});
  EXPECT_EQ(read_count(), 300);
}

TEST_F(ConsumerTest, PausesWhenTheBacklogHasTooManyDeadLetters) {
  start();
  for (int i = 0; i < 40; ++i) cluster_.append(0, {.kind = TestEvent::Kind::garbage});
  for (int i = 0; i < 20; ++i) process_->run_iteration();
  EXPECT_LE(status().backlog_events, 10 + 7);
  EXPECT_TRUE(status().paused);
  pass(seconds{30});
  EXPECT_EQ(read_count(), 40);
}

TEST_F(ConsumerTest, Fault40PausesWhenTheBacklogTakesTooMuchMemory) {
  settings_.backlog.tally_bytes = 200'000;
  start();
  for (int i = 0; i < 40; ++i)  // 80 KB of values, but few events
    cluster_.append(0, {.page = "/" + std::to_string(i) + std::string(2000, 'x'), .at = cluster_.now().wall});
  append_pages(400);
  for (int i = 0; i < 80; ++i) process_->run_iteration();  // the writer does not run
  EXPECT_LT(status().backlog_events, 300);
  EXPECT_TRUE(status().paused);
  pass(seconds{60});
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(read_count(), 440);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault40KeepsEachTransactionWithinItsBounds) {
  start({0, 1});
  std::size_t most = 0;
  cluster_.database.on_commit = [&](const commit::Changes& changes) {
    const auto pages = std::ranges::count_if(changes.windows, [](const tally::WindowRow& row) {
      return row.key.granularity == tally::Granularity::minute && row.key.dimension == tally::Dimension::page;
    });
    most = std::max(most, static_cast<std::size_t>(pages));
  };
  append_pages(300, 0);
  append_pages(300, 1);
  pass(seconds{200});
  EXPECT_EQ(read_count(0), 300);
  EXPECT_EQ(read_count(1), 300);
  EXPECT_GT(most, 20U);
  EXPECT_LE(most, settings_.commits.transaction.rows);
}

TEST_F(ConsumerTest, Fault40TakesSmallerStepsAfterAStatementTimeout) {
  settings_.commits.batch = {.rows = 1000, .bytes = limits::MiB};
  settings_.commits.transaction = settings_.commits.batch;
  settings_.commits.step = {.rows = 200, .bytes = limits::MiB};
  settings_.backlog.events = 1000;
  start();
  cluster_.database.rows_in_statement_max = 40;
  append_pages(200);
  pass(seconds{30});
  EXPECT_EQ(read_count(), 200);
  EXPECT_TRUE(status().store_up);
  EXPECT_EQ(status().partitions_assigned, 1);
  EXPECT_LE(status().store_retries, 10);
  EXPECT_EQ(status().transactions_abandoned, 0);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault40AbandonsATransactionThatTimesOutAndWritesSmallerOnes) {
  settings_.commits.batch = {.rows = 1000, .bytes = limits::MiB};
  settings_.commits.transaction = settings_.commits.batch;
  settings_.backlog.events = 1000;
  start();
  cluster_.database.rows_in_transaction_max = 300;
  append_pages(400);
  pass(seconds{120});
  EXPECT_EQ(read_count(), 400);
  EXPECT_TRUE(status().store_up);
  EXPECT_LT(status().store_retries, 30) << "a transaction that times out is not repeated unchanged";
  EXPECT_GT(status().transactions_abandoned, 0);
  pass(seconds{300});  // time for roll-ups
  EXPECT_TRUE(cluster_.all_rolled_up());
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault28FlushesAtTheSameIntervalWhenTheWallClockIsStepped) {
  start();
  std::int64_t expected = 0;
  const auto steps_until_flushed = [&](std::chrono::hours jump) {
    append(2);
    expected += 2;
    process_->run_until_idle();
    cluster_.step_wall_clock(jump);
    int steps = 0;
    for (; read_count() < expected && steps < 600; ++steps) pass(milliseconds{100});
    pass(seconds{5});  // the minimum interval has passed
    return steps;
  };
  using std::chrono::hours;
  const int steps = steps_until_flushed(hours{0});
  for (const hours jump : {hours{1}, hours{-1}, hours{-1}, hours{0}}) {
    const std::size_t rows = cluster_.database.flushes.size();
    EXPECT_EQ(steps_until_flushed(jump), steps) << jump.count() << " h";
    EXPECT_EQ(cluster_.database.flushes.size(), rows + 1) << "one flush for one batch";
  }
  EXPECT_EQ(cluster_.fault(), std::nullopt) << "each event is counted once, in its window";
}

// The interval of events that arrive during a flush starts when they arrive. It starts neither with that
// flush nor with its end.
TEST(ConsumerPacing, MeasuresTheIntervalFromTheFirstPendingEventAlsoDuringAFlush) {
  ConsumerSettings settings = fast_settings();
  settings.commits.pacing = {.flush_interval = seconds{3}, .flush_min_interval = milliseconds{200}};
  settings.commits.roll_up_quiet = std::chrono::hours{1};
  SimulatedCluster cluster({.partitions = 1, .consumer = settings});
  const std::unique_ptr<SimulatedProcess> process = cluster.start_process();
  process->log().assign({0});
  process->run_until_idle();
  const std::int64_t before = process->consumer().status().flushes;
  const auto flushes = [&] { return process->consumer().status().flushes - before; };
  const auto append = [&] {
    cluster.append(0, {.user = "anna", .page = "/", .at = cluster.now().wall});
    process->run_iteration();
  };
  append();
  cluster.advance(seconds{3});
  process->run_iteration();  // the flush starts…
  cluster.advance(milliseconds{500});
  append();
  cluster.advance(milliseconds{500});
  process->run_until_idle();  // …and ends
  EXPECT_EQ(flushes(), 1);
  cluster.advance(milliseconds{2400});
  process->run_until_idle();
  EXPECT_EQ(flushes(), 1) << "2.9 s after the event";
  cluster.advance(milliseconds{100});
  process->run_until_idle();
  EXPECT_EQ(flushes(), 2);
}

TEST_F(ConsumerTest, RetriesAndReportsWhenAnOperatorMustAct) {
  start();
  append(3);
  pass(seconds{3});
  EXPECT_FALSE(status().store_needs_operator);
  const std::int64_t read_before = read_count();
  set_store_fault(commit::Fault::refused_until_a_person_acts);
  append(2);
  pass(seconds{20});
  EXPECT_TRUE(status().store_needs_operator);
  EXPECT_FALSE(status().store_up);
  EXPECT_FALSE(process_->exit()) << "a restart would not help";
  EXPECT_LT(status().store_retries, 20) << "retries are delayed";
  EXPECT_EQ(read_count(), read_before);
  set_store_fault(commit::Fault::none);
  pass(seconds{5});
  EXPECT_TRUE(status().store_up);
  EXPECT_EQ(read_count(), read_before + 2);
}

TEST_F(ConsumerTest, RetriesWhenALedgerRowDoesNotAddUpAndCountsOnceItIsCorrected) {
  start();
  append(3);
  pass(seconds{3});
  process_.reset();
  cluster_.database.ledgers.at(0).tallied += 1;
  start();
  pass(seconds{5});
  EXPECT_TRUE(status().store_needs_operator);
  EXPECT_NE(status().store_reason.find("tallied 4"), std::string::npos) << status().store_reason;
  EXPECT_FALSE(process_->exit());
  cluster_.database.ledgers.at(0).tallied -= 1;
  append(2);
  pass(seconds{5});
  EXPECT_EQ(read_count(), 5);
}

TEST_F(ConsumerTest, ContinuesWithTheOtherPartitionsWhenOneLedgerRowDoesNotAddUp) {
  start({0, 1});
  append(3);
  pass(seconds{3});
  process_.reset();
  cluster_.database.ledgers.at(0).tallied += 1;
  start({0, 1});
  append(4, 1);
  pass(seconds{5});
  EXPECT_EQ(read_count(1), 4);
  EXPECT_TRUE(status().store_up) << "one invalid row is not a failure of the store";
  const std::vector<PartitionStatus> partitions = status().partitions;
  EXPECT_TRUE(partitions.at(0).needs_operator);
  EXPECT_NE(partitions.at(0).reason.find("does not add up"), std::string::npos) << partitions.at(0).reason;
  EXPECT_FALSE(partitions.at(1).needs_operator);
  cluster_.database.ledgers.at(0).tallied -= 1;
  pass(seconds{5});
  EXPECT_FALSE(status().partitions.at(0).needs_operator);
}

TEST_F(ConsumerTest, FlushesBeforeItReleasesARevokedPartition) {
  start({0, 1});
  append(3, 0);
  append(3, 1);
  process_->run_iteration();
  process_->log().revoke({1});
  process_->run_until_idle();
  EXPECT_EQ(read_count(1), 3);
  EXPECT_EQ(process_->log().owned(), std::set<std::int32_t>{0});
  EXPECT_EQ(process_->consumer().partitions().count(1), 0U);
}

TEST_F(ConsumerTest, ReleasesARevokedPartitionAtOnceWhileTheStoreIsUnavailable) {
  start();
  append(3);
  process_->run_iteration();
  set_store_fault(commit::Fault::refused);
  pass(seconds{2});
  EXPECT_FALSE(status().store_up);
  process_->log().revoke({0});
  process_->run_until_idle();
  EXPECT_TRUE(process_->log().owned().empty());
  EXPECT_EQ(status().backlog_events, 0);
}

TEST_F(ConsumerTest, ReleasesARevokedPartitionInTimeThoughTheStoreHangs) {
  start();
  append(3);
  process_->run_iteration();
  process_->log().revoke({0});
  for (int i = 0; i < 49; ++i) {  // the writer hangs
    process_->run_iteration();
    cluster_.advance(milliseconds{100});
  }
  EXPECT_EQ(process_->log().owned(), std::set<std::int32_t>{0});
  cluster_.advance(milliseconds{200});
  process_->run_iteration();
  EXPECT_TRUE(process_->log().owned().empty());
  process_->run_until_idle();  // the late result is ignored
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, StartsNoTransactionForALostPartition) {
  start();
  append(3);
  process_->run_iteration();
  process_->log().lose({0});
  pass(seconds{10});
  EXPECT_EQ(read_count(), 0);
  EXPECT_EQ(status().backlog_events, 0);
}

TEST_F(ConsumerTest, OpensAPartitionAgainWhenItsFenceFails) {
  start();
  append(3);
  process_->run_iteration();
  cluster_.database.ledgers.at(0).version += 1;  // as the last commit of a former owner does
  cluster_.database.on_commit = [](const commit::Changes&) {};
  pass(seconds{5});
  EXPECT_EQ(status().fence_failures, 1);
  EXPECT_EQ(read_count(), 3);
}

TEST_F(ConsumerTest, DoesNotReadALogThatIsNotTheCountedOne) {
  start();
  append(5);
  pass(seconds{5});
  cluster_.topic.recreate();
  append(2);
  start();
  EXPECT_EQ(std::ranges::count(status().partitions, PartitionStatus::State::refused, &PartitionStatus::state),
            1);
  EXPECT_EQ(status().partitions.at(0).state, PartitionStatus::State::refused);
  pass(seconds{10});
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0});
  EXPECT_EQ(read_count(), 5);
}

TEST_F(ConsumerTest, WritesObservationsWhenNoRecordArrives) {
  start();
  pass(seconds{6});
  const WallTime first = cluster_.database.ledgers.at(0).observed.observed_at;
  pass(seconds{5});
  EXPECT_GT(cluster_.database.ledgers.at(0).observed.observed_at, first);
  EXPECT_TRUE(cluster_.database.flushes.empty()) << "an observation writes no row of user_activity_metrics";
}

TEST_F(ConsumerTest, ExitsWith1WhenTheStoreIsBroken) {
  start();
  set_store_fault(commit::Fault::broken);
  append(1);
  pass(seconds{2});
  ASSERT_TRUE(process_->exit().has_value());
  EXPECT_EQ(process_->exit()->exit_code, 1);
  EXPECT_TRUE(process_->consumer().is_finished());
}

}  // namespace
}  // namespace weir::simulation
