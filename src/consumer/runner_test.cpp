#include "consumer/runner.hpp"

#include <condition_variable>
#include <mutex>

#include "commit/testing/fake_metrics_store.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "consumer/testing/test_event.hpp"

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds timeout{30};

// Acknowledges each copy as soon as it is sent.
class ImmediateDeadLetterTopic final : public DeadLetterTopic {
 public:
  explicit ImmediateDeadLetterTopic(LogReader& reader) : reader_(reader) {}

  void send(Copy copy) override {
    ended_.push_back({copy.ticket, std::nullopt});
    ++sent;
    reader_.wake();
  }
  std::vector<CopyResult> take_results() override { return std::exchange(ended_, {}); }

  int sent = 0;

 private:
  LogReader& reader_;
  std::vector<CopyResult> ended_;
};

// The runner's threads and the system clock, with a log and a database in memory.
class RunnerTest : public testing::Test {
 protected:
  void start(ConsumerSettings settings = quick_settings()) {
    RunnerHooks hooks;
    hooks.on_flush = [this](const FlushDone& flush) {
      const std::lock_guard lock(mutex_);
      offsets_ += flush.offsets;
      changed_.notify_all();
    };
    hooks.on_fatal = [this](int exit_code, const Error& why) {
      const std::lock_guard lock(mutex_);
      exit_code_ = exit_code;
      why_ = why;
      changed_.notify_all();
    };
    hooks.dead_letter_topic = dead_letter_topic_;
    std::vector<std::int32_t> all;
    for (std::int32_t partition = 0; partition < topic_.partition_count(); ++partition)
      all.push_back(partition);
    reader_.assign(all);
    runner_.emplace(settings, reader_, store_, *logger_, std::move(hooks));
  }

  static ConsumerSettings quick_settings() {
    ConsumerSettings settings;
    settings.topic = commit::FakeMetricsStore::topic;
    settings.commits.pacing = {.flush_interval = milliseconds{1}, .flush_min_interval = milliseconds{1}};
    return settings;
  }

  void append(int events) {
    const WallTime now = read_clock().wall;
    for (int i = 0; i < events; ++i)
      topic_.append(0, make_record({.user = "anna", .page = "/", .at = now}, now));
  }

  template <class Condition>
  bool eventually(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, condition);
  }

  FakeTopic topic_{1};
  commit::FakeDatabase database_;  // belongs to the writer thread until the runner is destroyed
  FakeLogReader reader_{topic_};
  commit::FakeMetricsStore store_{database_, "the-group"};
  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t offsets_ = 0;
  std::optional<int> exit_code_;
  Error why_;
  DeadLetterTopic* dead_letter_topic_ = nullptr;
  std::optional<Runner> runner_;
};

TEST_F(RunnerTest, CountsRecordsThatArriveWhileItRuns) {
  start();
  append(10);
  EXPECT_TRUE(eventually([this] { return offsets_ == 10; }));
  append(5);
  EXPECT_TRUE(eventually([this] { return offsets_ == 15; }));
  const Status status = runner_->status();
  EXPECT_EQ(status.phase, Phase::live);
  EXPECT_TRUE(status.store_up && status.log_up);
  EXPECT_EQ(runner_->stop(timeout), 0);
  EXPECT_EQ(runner_->status().phase, Phase::stopped);
  EXPECT_EQ(runner_->status().counts.tallied, 15);
  runner_.reset();
  EXPECT_EQ(database_.ledgers.at(0).next_offset, 15);
  EXPECT_EQ(reader_.stored_offsets().at(0), 15);
}

TEST_F(RunnerTest, GivesTheSameCountsWithAnyNumberOfWorkers) {
  constexpr std::int32_t partitions = 6;
  constexpr int each = 2000;
  while (topic_.partition_count() < partitions) topic_.add_partition();
  const WallTime now = read_clock().wall;
  for (int i = 0; i < partitions * each; ++i) {
    const int nth = i / partitions;  // in its partition
    const std::string user = "user " + std::to_string(nth % 10);
    std::optional<std::string> id;
    if (nth % 3 == 0) id = "m" + std::to_string(nth % 50);
    topic_.append(i % partitions, make_record({.user = user, .page = "/", .message_id = id, .at = now}, now));
  }
  ConsumerSettings three = quick_settings();
  three.workers = 3;
  start(three);
  EXPECT_TRUE(eventually([this] { return offsets_ == partitions * each; }));
  EXPECT_EQ(runner_->stop(timeout), 0);
  runner_.reset();
  const auto shared = std::exchange(database_.ledgers, {});
  database_.windows.clear();
  offsets_ = 0;
  start();  // again, with one worker
  EXPECT_TRUE(eventually([this] { return offsets_ == partitions * each; }));
  runner_.reset();
  for (const auto& [partition, row] : database_.ledgers) {
    EXPECT_EQ(shared.at(partition).tallied, row.tallied) << partition;
    EXPECT_EQ(shared.at(partition).duplicate, row.duplicate) << partition;
    EXPECT_GT(row.duplicate, 0) << partition;
  }
}

TEST_F(RunnerTest, StopFlushesEverythingThatWasRead) {
  ConsumerSettings never = quick_settings();
  never.commits.pacing = {.flush_interval = std::chrono::hours{1},
                          .flush_min_interval = milliseconds{1},
                          .batch_size = 1'000'000};
  append(20);
  start(never);
  // There is no event for a read without a flush, so poll the status.
  while (runner_->status().backlog_events < 20) std::this_thread::yield();
  EXPECT_EQ(runner_->stop(timeout), 0);
  runner_.reset();
  EXPECT_EQ(database_.ledgers.at(0).tallied, 20);
}

TEST_F(RunnerTest, StopReturnsTheUnwrittenEventsAfterItsTimeout) {
  database_.faults = [](commit::StoreStep step) {
    return step == commit::StoreStep::begin ? commit::Fault::refused : commit::Fault::none;
  };
  append(3);
  start();
  while (runner_->status().backlog_events < 3) std::this_thread::yield();
  EXPECT_EQ(runner_->stop(milliseconds{1}), 3);
  runner_.reset();
  EXPECT_EQ(database_.ledgers.at(0).tallied, 0);
}

TEST_F(RunnerTest, ReportsAFatalErrorWhenTheDiskFails) {
  database_.faults = [](commit::StoreStep step) {
    return step == commit::StoreStep::commit ? commit::Fault::broken : commit::Fault::none;
  };
  append(1);
  start();
  EXPECT_TRUE(eventually([this] { return exit_code_.has_value(); }));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_EQ(why_.code, "disk_failed");
  runner_->stop(timeout);
  EXPECT_EQ(runner_->status().phase, Phase::stopped);
}

TEST_F(RunnerTest, ReportsExitCode2WhenTheLedgerIsAnotherGroups) {
  database_.group = "another-group";
  start();
  EXPECT_TRUE(eventually([this] { return exit_code_.has_value(); }));
  EXPECT_EQ(exit_code_, 2);
  EXPECT_NE(why_.text.find("another-group"), std::string::npos);
}

TEST_F(RunnerTest, ContinuesWhenTheLogAnswersAgain) {
  reader_.fail_next(FakeLogReader::Call::poll,
                    {ErrorKind::unavailable, "log_away", "the fake log does not answer"}, 2);
  append(4);
  start();
  EXPECT_TRUE(eventually([this] { return offsets_ == 4; }));
  EXPECT_TRUE(runner_->status().log_up);
}

TEST_F(RunnerTest, WritesDeadLettersToTheirTopicIfThereIsOne) {
  ImmediateDeadLetterTopic copies(reader_);
  dead_letter_topic_ = &copies;
  topic_.append(0, {.time = read_clock().wall, .value = "{]"});
  start();
  EXPECT_TRUE(eventually([this] { return offsets_ == 1; }));
  EXPECT_EQ(runner_->stop(timeout), 0);
  runner_.reset();
  EXPECT_EQ(copies.sent, 1);
  EXPECT_EQ(database_.ledgers.at(0).dead_lettered, 1);
}

TEST_F(RunnerTest, CanBeDestroyedAtAnyTime) {
  append(100);
  start();
  runner_.reset();
  SUCCEED();
}

}  // namespace
}  // namespace weir::consumer
