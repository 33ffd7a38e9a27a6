// What the machine does that a story or a simulation would not show: bounds, pauses, deadlines, exit codes.
#include "consumer/consumer.hpp"

#include "simulation/cluster.hpp"

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConsumerTest : public testing::Test {
 protected:
  void start(std::vector<std::int32_t> partitions = {0}) {
    process_ = world_.start_process(settings_);
    process_->log().assign(std::move(partitions));
    process_->settle();
  }

  void append(int events, std::int32_t partition = 0) {
    for (int i = 0; i < events; ++i)
      world_.append(partition, {.user = "anna", .page = "/", .at = world_.now().wall});
  }

  // Each event in a row of its own.
  void append_pages(int events, std::int32_t partition = 0) {
    for (int i = 0; i < events; ++i)
      world_.append(partition, {.page = "/" + std::to_string(pages_++), .at = world_.now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      world_.advance(milliseconds{100});
      process_->settle();
    }
  }

  void store_is(commit::Fault fault) {
    world_.database.faults = [fault](commit::StoreStep) { return fault; };
  }

  [[nodiscard]] Status status() const { return process_->consumer().status(); }
  [[nodiscard]] std::int64_t counted(std::int32_t partition = 0) const {
    return world_.database.ledgers.at(partition).read;
  }

  ConsumerSettings settings_ = simulation::hurried_settings();
  simulation::SimulatedCluster world_{{.partitions = 2, .consumer = settings_}};
  int pages_ = 0;
  std::unique_ptr<simulation::SimulatedProcess> process_;
};

TEST_F(ConsumerTest, SaysInWhichPhaseItIs) {
  process_ = world_.start_process();
  EXPECT_EQ(status().phase, Phase::starting);
  start();
  EXPECT_EQ(status().phase, Phase::live);
  append(30);
  pass(seconds{5});
  start();  // another process after it: the window has to be read again
  process_->log().records_a_poll_max(1);
  EXPECT_EQ(status().phase, Phase::catching_up);
  pass(seconds{5});
  EXPECT_EQ(status().phase, Phase::live);
  process_->consumer().stop();
  EXPECT_EQ(status().phase, Phase::draining);
  process_->settle();
  EXPECT_EQ(status().phase, Phase::stopped);
}

TEST_F(ConsumerTest, WaitsForALogThatDoesNotAnswerOnceATurn) {
  process_ = world_.start_process();
  process_->log().assign({0, 1});
  process_->log().fail_next(FakeLogReader::Call::bounds, {ErrorKind::unavailable, "timed_out", "no answer"},
                            2);
  const auto failed = [&](std::size_t partition) {
    return !status().partitions.at(partition).reason.empty();
  };
  process_->run_turn();
  EXPECT_TRUE(failed(0));
  EXPECT_FALSE(failed(1)) << "not asked yet";
  process_->run_turn();
  EXPECT_TRUE(failed(1));
  pass(seconds{5});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(ConsumerTest, PausesWhenTheStoreStaysAwayAndLosesNothing) {
  start();
  store_is(commit::Fault::refused);
  append(10);
  pass(milliseconds{1000});
  EXPECT_FALSE(status().store_up);
  EXPECT_FALSE(status().paused) << "three quick tries first";
  pass(seconds{5});
  EXPECT_TRUE(status().paused);
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0});
  append(500);
  pass(std::chrono::minutes{10});
  EXPECT_LT(status().backlog_events, 60) << "memory is bounded";
  EXPECT_NE(status().store_reason, "");

  store_is(commit::Fault::none);
  pass(seconds{40});
  EXPECT_TRUE(status().store_up);
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(counted(), 510);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, PausesWhenTooMuchWaits) {
  start();
  append(300);
  for (int i = 0; i < 40; ++i) process_->run_turn();  // the writer does not come to its turn
  EXPECT_GE(status().backlog_events, 60);
  EXPECT_LE(status().backlog_events, 60 + 7);
  EXPECT_TRUE(status().paused);
  pass(seconds{30});
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(counted(), 300);
}

TEST_F(ConsumerTest, PausesWhenTooManyLettersWait) {
  start();
  for (int i = 0; i < 40; ++i) world_.append(0, {.kind = simulation::Told::Kind::garbage});
  for (int i = 0; i < 20; ++i) process_->run_turn();
  EXPECT_LE(status().backlog_events, 10 + 7);
  EXPECT_TRUE(status().paused);
  pass(seconds{30});
  EXPECT_EQ(counted(), 40);
}

TEST_F(ConsumerTest, Fault40PausesWhenGatheredWindowsTakeTooMuchMemory) {
  settings_.waiting_tally_bytes_max = 200'000;
  start();
  for (int i = 0; i < 40; ++i)  // 80 KB of values, but few events
    world_.append(0, {.page = "/" + std::to_string(i) + std::string(2000, 'x'), .at = world_.now().wall});
  append_pages(400);
  for (int i = 0; i < 80; ++i) process_->run_turn();  // the writer does not come to its turn
  EXPECT_LT(status().backlog_events, 300);
  EXPECT_TRUE(status().paused);
  pass(seconds{60});
  EXPECT_FALSE(status().paused);
  EXPECT_EQ(counted(), 440);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault40WritesNoMoreInOneTransactionThanItsBounds) {
  start({0, 1});
  std::size_t most = 0;
  world_.database.on_commit = [&](const commit::Changes& changes) {
    const auto pages = std::ranges::count_if(changes.windows, [](const tally::WindowRow& row) {
      return row.key.granularity == tally::Granularity::minute && row.key.dimension == tally::Dimension::page;
    });
    most = std::max(most, static_cast<std::size_t>(pages));
  };
  append_pages(300, 0);
  append_pages(300, 1);
  pass(seconds{200});
  EXPECT_EQ(counted(0), 300);
  EXPECT_EQ(counted(1), 300);
  EXPECT_GT(most, 20U);
  EXPECT_LE(most, 40U);
}

TEST_F(ConsumerTest, Fault40TakesSmallerStepsWhereAStatementTakesTheStoreTooLong) {
  settings_.commits.part = {.rows = 1000, .bytes = limits::MiB};
  settings_.commits.transaction = settings_.commits.part;
  settings_.commits.step = {.rows = 200, .bytes = limits::MiB};
  settings_.waiting_events_max = 1000;
  start();
  world_.database.rows_in_statement_max = 40;
  append_pages(200);
  pass(seconds{30});
  EXPECT_EQ(counted(), 200);
  EXPECT_TRUE(status().store_up);
  EXPECT_EQ(status().partitions_assigned, 1);
  EXPECT_LE(status().store_retries, 10);
  EXPECT_EQ(status().transactions_given_up, 0);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault40ReadsAgainAndWritesLessWhereATransactionTakesTheStoreTooLong) {
  settings_.commits.part = {.rows = 1000, .bytes = limits::MiB};
  settings_.commits.transaction = settings_.commits.part;
  settings_.waiting_events_max = 1000;
  start();
  world_.database.rows_in_transaction_max = 300;
  append_pages(400);
  pass(seconds{120});
  EXPECT_EQ(counted(), 400);
  EXPECT_TRUE(status().store_up);
  EXPECT_LT(status().store_retries, 30) << "nothing is tried unchanged for ever";
  EXPECT_GT(status().transactions_given_up, 0);
  pass(seconds{300});  // and rolled up
  EXPECT_TRUE(world_.all_rolled_up());
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, Fault28FlushesByTheSameTimerHoweverTheWallClockJumps) {
  start();
  std::int64_t expected = 0;
  const auto steps_until_counted = [&](std::chrono::hours jump) {
    append(2);
    expected += 2;
    process_->settle();
    world_.turn_wall_clock(jump);
    int steps = 0;
    for (; counted() < expected && steps < 600; ++steps) pass(milliseconds{100});
    pass(seconds{5});  // the pace of one flush is no affair of the next
    return steps;
  };
  using std::chrono::hours;
  const int steps = steps_until_counted(hours{0});
  for (const hours jump : {hours{1}, hours{-1}, hours{-1}, hours{0}}) {
    const std::size_t rows = world_.database.flushes.size();
    EXPECT_EQ(steps_until_counted(jump), steps) << jump.count() << " h";
    EXPECT_EQ(world_.database.flushes.size(), rows + 1) << "one flush for what was read once";
  }
  EXPECT_EQ(world_.fault(), std::nullopt) << "every event is in its window, and once";
}

// What is gathered while a flush is under way waits since it came: neither since the flush before, nor since
// its end.
TEST(ConsumerPacing, CountsTheIntervalFromTheFirstEventThatWaitsAlsoDuringAFlush) {
  ConsumerSettings settings = simulation::hurried_settings();
  settings.commits.pacing = {.flush_interval = seconds{3}, .flush_min_interval = milliseconds{200}};
  settings.commits.roll_up_quiet = std::chrono::hours{1};
  simulation::SimulatedCluster world({.partitions = 1, .consumer = settings});
  const std::unique_ptr<simulation::SimulatedProcess> process = world.start_process();
  process->log().assign({0});
  process->settle();
  const std::int64_t before = process->consumer().status().flushes;
  const auto flushes = [&] { return process->consumer().status().flushes - before; };
  const auto append = [&] {
    world.append(0, {.user = "anna", .page = "/", .at = world.now().wall});
    process->run_turn();
  };
  append();
  world.advance(seconds{3});
  process->run_turn();  // the flush begins…
  world.advance(milliseconds{500});
  append();
  world.advance(milliseconds{500});
  process->settle();  // …and ends
  EXPECT_EQ(flushes(), 1);
  world.advance(milliseconds{2400});
  process->settle();
  EXPECT_EQ(flushes(), 1) << "2.9 s after it came";
  world.advance(milliseconds{100});
  process->settle();
  EXPECT_EQ(flushes(), 2);
}

TEST_F(ConsumerTest, TriesAgainAndSaysSoWhenAPersonMustAct) {
  start();
  append(3);
  pass(seconds{3});
  EXPECT_FALSE(status().store_needs_operator);
  const std::int64_t counted_before = counted();
  store_is(commit::Fault::refused_until_a_person_acts);
  append(2);
  pass(seconds{20});
  EXPECT_TRUE(status().store_needs_operator);
  EXPECT_FALSE(status().store_up);
  EXPECT_FALSE(process_->left()) << "a restart would find the same";
  EXPECT_LT(status().store_retries, 20) << "no hot loop";
  EXPECT_EQ(counted(), counted_before);
  store_is(commit::Fault::none);
  pass(seconds{5});
  EXPECT_TRUE(status().store_up);
  EXPECT_EQ(counted(), counted_before + 2);
}

TEST_F(ConsumerTest, TriesAgainWhenALedgerRowDoesNotAddUpAndCountsOnceItIsCorrected) {
  start();
  append(3);
  pass(seconds{3});
  process_.reset();
  world_.database.ledgers.at(0).tallied += 1;
  start();
  pass(seconds{5});
  EXPECT_TRUE(status().store_needs_operator);
  EXPECT_NE(status().store_reason.find("tallied 4"), std::string::npos) << status().store_reason;
  EXPECT_FALSE(process_->left());
  world_.database.ledgers.at(0).tallied -= 1;
  append(2);
  pass(seconds{5});
  EXPECT_EQ(counted(), 5);
}

TEST_F(ConsumerTest, GoesOnWithTheOtherPartitionsWhenOnesLedgerRowDoesNotAddUp) {
  start({0, 1});
  append(3);
  pass(seconds{3});
  process_.reset();
  world_.database.ledgers.at(0).tallied += 1;
  start({0, 1});
  append(4, 1);
  pass(seconds{5});
  EXPECT_EQ(counted(1), 4);
  EXPECT_TRUE(status().store_up) << "the store works";
  const std::vector<PartitionStatus> partitions = status().partitions;
  EXPECT_TRUE(partitions.at(0).needs_operator);
  EXPECT_NE(partitions.at(0).reason.find("does not add up"), std::string::npos) << partitions.at(0).reason;
  EXPECT_FALSE(partitions.at(1).needs_operator);
  world_.database.ledgers.at(0).tallied -= 1;
  pass(seconds{5});
  EXPECT_FALSE(status().partitions.at(0).needs_operator);
}

TEST_F(ConsumerTest, FlushesBeforeItGivesAPartitionBack) {
  start({0, 1});
  append(3, 0);
  append(3, 1);
  process_->run_turn();
  process_->log().revoke({1});
  process_->settle();
  EXPECT_EQ(counted(1), 3);
  EXPECT_EQ(process_->log().owned(), std::set<std::int32_t>{0});
  EXPECT_EQ(process_->consumer().slots().count(1), 0U);
}

TEST_F(ConsumerTest, GivesAPartitionBackAtOnceWhileTheStoreIsAway) {
  start();
  append(3);
  process_->run_turn();
  store_is(commit::Fault::refused);
  pass(seconds{2});
  EXPECT_FALSE(status().store_up);
  process_->log().revoke({0});
  process_->settle();
  EXPECT_TRUE(process_->log().owned().empty());
  EXPECT_EQ(status().backlog_events, 0);
}

TEST_F(ConsumerTest, GivesAPartitionBackInTimeHoweverSlowTheStoreIs) {
  start();
  append(3);
  process_->run_turn();
  process_->log().revoke({0});
  for (int i = 0; i < 49; ++i) {  // the writer hangs
    process_->run_turn();
    world_.advance(milliseconds{100});
  }
  EXPECT_EQ(process_->log().owned(), std::set<std::int32_t>{0});
  world_.advance(milliseconds{200});
  process_->run_turn();
  EXPECT_TRUE(process_->log().owned().empty());
  process_->settle();  // what was under way ends, and means nothing any more
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(ConsumerTest, BeginsNothingForAPartitionThatIsLost) {
  start();
  append(3);
  process_->run_turn();
  process_->log().lose({0});
  pass(seconds{10});
  EXPECT_EQ(counted(), 0);
  EXPECT_EQ(status().backlog_events, 0);
}

TEST_F(ConsumerTest, OpensAgainWhatSomebodyElseHasWritten) {
  start();
  append(3);
  process_->run_turn();
  world_.database.ledgers.at(0).version += 1;  // as a zombie's last commit would
  world_.database.on_commit = [](const commit::Changes&) {};
  pass(seconds{5});
  EXPECT_EQ(status().fences_lost, 1);
  EXPECT_EQ(counted(), 3);
}

TEST_F(ConsumerTest, DoesNotReadALogThatIsAnotherOne) {
  start();
  append(5);
  pass(seconds{5});
  world_.topic.recreate();
  append(2);
  start();
  EXPECT_EQ(std::ranges::count(status().partitions, PartitionStatus::State::refused, &PartitionStatus::state),
            1);
  EXPECT_EQ(status().partitions.at(0).state, PartitionStatus::State::refused);
  pass(seconds{10});
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0});
  EXPECT_EQ(counted(), 5);
}

TEST_F(ConsumerTest, WritesDownWhatItObservesWhenNothingComes) {
  start();
  pass(seconds{6});
  const WallTime first = world_.database.ledgers.at(0).observed.observed_at;
  pass(seconds{5});
  EXPECT_GT(world_.database.ledgers.at(0).observed.observed_at, first);
  EXPECT_TRUE(world_.database.flushes.empty()) << "no row in user_activity_metrics for it";
}

TEST_F(ConsumerTest, LeavesWithOneWhenItsOwnStateIsNotToBeTrusted) {
  start();
  store_is(commit::Fault::broken);
  append(1);
  pass(seconds{2});
  ASSERT_TRUE(process_->left().has_value());
  EXPECT_EQ(process_->left()->exit_code, 1);
  EXPECT_TRUE(process_->consumer().finished());
}

}  // namespace
}  // namespace weir::consumer
