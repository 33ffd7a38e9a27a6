// One scenario of normal operation, repeated with each store call failing once in every way that a store or a
// process can fail. At the end of each repetition the store must equal the oracle.
#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

enum class Failure : std::uint8_t {
  none,
  refused,
  lost_before,
  lost_after,
  in_doubt_applied,
  in_doubt_dropped,
  broken,
  crash
};

std::string describe(Failure failure, int at) {
  constexpr std::array words{"nothing",
                             "a refusal",
                             "no effect and no answer",
                             "an effect without an answer",
                             "a commit in doubt that is applied",
                             "a commit in doubt that is dropped",
                             "a failed disk",
                             "a crash"};
  return std::string(words.at(static_cast<std::size_t>(failure))) + " at step " + std::to_string(at);
}

class ScenarioRun {
 public:
  ScenarioRun(Failure failure, int at) : failure_(failure), at_(at), cluster_(rules()) {
    cluster_.database.faults = [this](commit::StoreStep step) { return fault_of(step); };
    restart();
  }

  void run() {
    pass(milliseconds{500});
    first_flush();
    dead_letter_and_duplicate();
    replays();
    roll_up_and_late_event();
    revoke_and_assign();
    stop();
    for (int i = 0; i < 100 && !(cluster_.all_counted() && cluster_.all_rolled_up()); ++i)
      pass(seconds{10}, seconds{10});
  }

  [[nodiscard]] SimulatedCluster& cluster() { return cluster_; }
  [[nodiscard]] int steps() const { return steps_; }
  [[nodiscard]] bool exited_with_1() const { return exited_with_1_; }

 private:
  static ClusterSettings rules() {
    ClusterSettings rules{.partitions = 2, .consumer = fast_settings(), .dlq_enabled = true};
    rules.consumer.dedupe = {.window = minutes{10}, .records = 100};
    return rules;
  }

  commit::Fault fault_of(commit::StoreStep step) {
    if (steps_++ != at_) return commit::Fault::none;
    switch (failure_) {
      case Failure::refused:
        return commit::Fault::refused;
      case Failure::lost_before:
        return commit::Fault::lost_before;
      case Failure::lost_after:
        return commit::Fault::lost_after;
      case Failure::in_doubt_applied:
      case Failure::in_doubt_dropped:
        return step == commit::StoreStep::commit ? commit::Fault::in_doubt : commit::Fault::lost_after;
      case Failure::broken:
        return commit::Fault::broken;
      case Failure::crash:
        crashing_ = true;
        return commit::Fault::lost_before;
      case Failure::none:
        break;
    }
    return commit::Fault::none;
  }

  void restart() {
    process_.reset();
    process_ = cluster_.start_process();
    process_->log().assign({0, 1});
  }

  // Advances the time in strides, and runs what becomes due.
  void pass(milliseconds time, milliseconds stride = milliseconds{250}) {
    for (milliseconds passed{0}; passed < time; passed += stride) {
      cluster_.advance(stride);
      process_->run_iteration();
      while (!crashing_ && process_->run_write_step()) {
      }
      while (!crashing_ && process_->end_dlq_copy()) {
      }
      if (process_->exit()) exited_with_1_ = process_->exit()->exit_code == 1;
      if (process_->exit() || std::exchange(crashing_, false)) restart();
      cluster_.database.resolve_in_doubt(failure_ == Failure::in_doubt_applied);
    }
  }

  void append(std::int32_t partition, std::string user, std::string page,
              std::optional<std::string> message_id = {}) {
    cluster_.append(partition, {.user = std::move(user),
                                .page = std::move(page),
                                .message_id = std::move(message_id),
                                .at = cluster_.now().wall});
  }

  void first_flush() {
    for (const char* user : {"anna", "bert", "anna", "cleo"}) append(0, user, "/");
    append(0, "anna", "/shop", "order-1");
    append(1, "dora", "/");
    cluster_.append_holes(1, 2);
    append(1, "emil", "/");
    pass(seconds{2});
  }

  void dead_letter_and_duplicate() {
    cluster_.append(0, {.kind = consumer::TestEvent::Kind::garbage});
    cluster_.append(1, {.kind = consumer::TestEvent::Kind::without_value});
    cluster_.append(
        0, {.kind = consumer::TestEvent::Kind::ahead, .at = cluster_.now().wall + std::chrono::days{3}});
    append(0, "anna", "/shop", "order-1");
    pass(seconds{2});
  }

  void replays() {
    cluster_.append(0,
                    {.user = "gina", .page = "/", .at = cluster_.now().wall, .replay_of = "the-topic/0/5"});
    cluster_.append(1,
                    {.user = "gina", .page = "/", .at = cluster_.now().wall, .replay_of = "the-topic/0/5"});
    cluster_.append(0, {.kind = consumer::TestEvent::Kind::garbage, .replay_of = "the-topic/0/6"});
    pass(seconds{2});
  }

  void roll_up_and_late_event() {
    pass(seconds{120}, seconds{30});
    cluster_.append(0, {.user = "late", .at = cluster_.now().wall - minutes{2}});
    cluster_.append(0, {.user = "very late", .at = cluster_.now().wall - std::chrono::days{2}});
    pass(seconds{120}, seconds{30});
  }

  void revoke_and_assign() {
    append(1, "dora", "/", "order-2");
    process_->run_iteration();
    process_->log().revoke({1});
    pass(seconds{6});
    if (!process_->log().owned().contains(1)) process_->log().assign({1});
    append(1, "dora", "/", "order-2");
    append(0, "anna", "/shop", "order-1");
    pass(seconds{2});
  }

  void stop() {
    append(0, "fritz", "/");
    process_->run_iteration();
    process_->consumer().stop();
    for (int i = 0; i < 40 && !process_->consumer().is_finished(); ++i) pass(milliseconds{250});
    restart();
  }

  Failure failure_;
  int at_;
  int steps_ = 0;
  bool crashing_ = false;
  bool exited_with_1_ = false;
  SimulatedCluster cluster_;
  std::unique_ptr<SimulatedProcess> process_;
};

void expect_exact(ScenarioRun& run) {
  EXPECT_EQ(run.cluster().fault().value_or("nothing"), "nothing");
  EXPECT_TRUE(run.cluster().all_counted());
  EXPECT_TRUE(run.cluster().all_rolled_up());
}

TEST(Scenario, IsExactWithoutFaults) {
  ScenarioRun run(Failure::none, 0);
  run.run();
  expect_exact(run);
  const tally::LedgerRow& zero = run.cluster().database.ledgers.at(0);
  const tally::LedgerRow& one = run.cluster().database.ledgers.at(1);
  EXPECT_EQ(zero.duplicate, 2);
  EXPECT_EQ(zero.dead_lettered, 3);
  EXPECT_EQ(one.duplicate, 2);
  EXPECT_EQ(one.skipped, 2);
  EXPECT_EQ(one.dead_lettered, 1);
  EXPECT_GT(run.steps(), 60);
}

TEST(Scenario, IsExactWhicheverStepFailsInAnyWay) {
  ScenarioRun without_fault(Failure::none, 0);
  without_fault.run();
  for (const Failure failure :
       {Failure::refused, Failure::lost_before, Failure::lost_after, Failure::in_doubt_applied,
        Failure::in_doubt_dropped, Failure::broken, Failure::crash}) {
    for (int at = 0; at < without_fault.steps(); ++at) {
      SCOPED_TRACE(describe(failure, at));
      ScenarioRun run(failure, at);
      run.run();
      expect_exact(run);
      EXPECT_EQ(run.exited_with_1(), failure == Failure::broken);
      if (testing::Test::HasFailure()) return;  // report only the first one
    }
  }
}

}  // namespace
}  // namespace weir::simulation
