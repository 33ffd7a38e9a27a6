// A good story, retold with each of its steps failing once in every way that a store or a process can fail.
// However it is told, the numbers at its end are those of the log.
#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

enum class Mishap : std::uint8_t {
  none,
  refused,
  lost_before,
  lost_after,
  limbo_kept,
  limbo_dropped,
  broken,
  crash
};

std::string in_words(Mishap mishap, int at) {
  constexpr std::array words{"nothing",
                             "a refusal",
                             "an answer lost before",
                             "an answer lost",
                             "a commit in limbo that lands",
                             "a commit in limbo that does not",
                             "a failed disk",
                             "a crash"};
  return std::string(words.at(static_cast<std::size_t>(mishap))) + " at step " + std::to_string(at);
}

class Story {
 public:
  Story(Mishap mishap, int at) : mishap_(mishap), at_(at), world_(rules()) {
    world_.database.faults = [this](commit::StoreStep step) { return fault_of(step); };
    restart();
  }

  void tell() {
    pass(milliseconds{500});
    first_flush();
    letter_and_duplicate();
    replays();
    roll_up_and_late_event();
    give_back_and_take_again();
    stop();
    for (int i = 0; i < 100 && !(world_.all_counted() && world_.all_rolled_up()); ++i)
      pass(seconds{10}, seconds{10});
  }

  [[nodiscard]] SimulatedCluster& world() { return world_; }
  [[nodiscard]] int steps() const { return steps_; }
  [[nodiscard]] bool left_with_reason() const { return left_with_reason_; }

 private:
  static ClusterRules rules() {
    ClusterRules rules{.partitions = 2, .consumer = hurried_settings(), .copies = true};
    rules.consumer.dedupe = {.window = minutes{10}, .records = 100};
    return rules;
  }

  commit::Fault fault_of(commit::StoreStep step) {
    if (steps_++ != at_) return commit::Fault::none;
    switch (mishap_) {
      case Mishap::refused:
        return commit::Fault::refused;
      case Mishap::lost_before:
        return commit::Fault::lost_before;
      case Mishap::lost_after:
        return commit::Fault::lost_after;
      case Mishap::limbo_kept:
      case Mishap::limbo_dropped:
        return step == commit::StoreStep::commit ? commit::Fault::in_doubt : commit::Fault::lost_after;
      case Mishap::broken:
        return commit::Fault::broken;
      case Mishap::crash:
        crashing_ = true;
        return commit::Fault::lost_before;
      case Mishap::none:
        break;
    }
    return commit::Fault::none;
  }

  void restart() {
    process_.reset();
    process_ = world_.start_process();
    process_->log().assign({0, 1});
  }

  // Time goes by, and whatever becomes due is done.
  void pass(milliseconds time, milliseconds stride = milliseconds{250}) {
    for (milliseconds passed{0}; passed < time; passed += stride) {
      world_.advance(stride);
      process_->run_turn();
      while (!crashing_ && process_->take_write_step()) {
      }
      while (!crashing_ && process_->take_copy_step()) {
      }
      if (process_->left()) left_with_reason_ = process_->left()->exit_code == 1;
      if (process_->left() || std::exchange(crashing_, false)) restart();
      world_.database.resolve_in_doubt(mishap_ == Mishap::limbo_kept);
    }
  }

  void append(std::int32_t partition, std::string user, std::string page,
              std::optional<std::string> message_id = {}) {
    world_.append(partition, {.user = std::move(user),
                              .page = std::move(page),
                              .message_id = std::move(message_id),
                              .at = world_.now().wall});
  }

  void first_flush() {
    for (const char* user : {"anna", "bert", "anna", "cleo"}) append(0, user, "/");
    append(0, "anna", "/shop", "order-1");
    append(1, "dora", "/");
    world_.append_holes(1, 2);
    append(1, "emil", "/");
    pass(seconds{2});
  }

  void letter_and_duplicate() {
    world_.append(0, {.kind = Told::Kind::garbage});
    world_.append(1, {.kind = Told::Kind::without_value});
    world_.append(0, {.kind = Told::Kind::ahead, .at = world_.now().wall + std::chrono::days{3}});
    append(0, "anna", "/shop", "order-1");
    pass(seconds{2});
  }

  void replays() {
    world_.append(0, {.user = "gina", .page = "/", .at = world_.now().wall, .replay_of = "the-topic/0/5"});
    world_.append(1, {.user = "gina", .page = "/", .at = world_.now().wall, .replay_of = "the-topic/0/5"});
    world_.append(0, {.kind = Told::Kind::garbage, .replay_of = "the-topic/0/6"});
    pass(seconds{2});
  }

  void roll_up_and_late_event() {
    pass(seconds{120}, seconds{30});
    world_.append(0, {.user = "late", .at = world_.now().wall - minutes{2}});
    world_.append(0, {.user = "very late", .at = world_.now().wall - std::chrono::days{2}});
    pass(seconds{120}, seconds{30});
  }

  void give_back_and_take_again() {
    append(1, "dora", "/", "order-2");
    process_->run_turn();
    process_->log().revoke({1});
    pass(seconds{6});
    if (!process_->log().owned().contains(1)) process_->log().assign({1});
    append(1, "dora", "/", "order-2");
    append(0, "anna", "/shop", "order-1");
    pass(seconds{2});
  }

  void stop() {
    append(0, "fritz", "/");
    process_->run_turn();
    process_->consumer().stop();
    for (int i = 0; i < 40 && !process_->consumer().finished(); ++i) pass(milliseconds{250});
    restart();
  }

  Mishap mishap_;
  int at_;
  int steps_ = 0;
  bool crashing_ = false;
  bool left_with_reason_ = false;
  SimulatedCluster world_;
  std::unique_ptr<SimulatedProcess> process_;
};

void expect_exact(Story& story) {
  EXPECT_EQ(story.world().fault().value_or("nothing"), "nothing");
  EXPECT_TRUE(story.world().all_counted());
  EXPECT_TRUE(story.world().all_rolled_up());
}

TEST(Story, EndsWellWhenNothingGoesWrong) {
  Story story(Mishap::none, 0);
  story.tell();
  expect_exact(story);
  const tally::LedgerRow& zero = story.world().database.ledgers.at(0);
  const tally::LedgerRow& one = story.world().database.ledgers.at(1);
  EXPECT_EQ(zero.duplicate, 2);
  EXPECT_EQ(zero.dead_lettered, 3);
  EXPECT_EQ(one.duplicate, 2);
  EXPECT_EQ(one.skipped, 2);
  EXPECT_EQ(one.dead_lettered, 1);
  EXPECT_GT(story.steps(), 60);
}

TEST(Story, EndsWellWhicheverStepFailsInWhicheverWay) {
  Story good(Mishap::none, 0);
  good.tell();
  for (const Mishap mishap : {Mishap::refused, Mishap::lost_before, Mishap::lost_after, Mishap::limbo_kept,
                              Mishap::limbo_dropped, Mishap::broken, Mishap::crash}) {
    for (int at = 0; at < good.steps(); ++at) {
      SCOPED_TRACE(in_words(mishap, at));
      Story story(mishap, at);
      story.tell();
      expect_exact(story);
      EXPECT_EQ(story.left_with_reason(), mishap == Mishap::broken);
      if (testing::Test::HasFailure()) return;  // the first is enough to look at
    }
  }
}

}  // namespace
}  // namespace weir::simulation
