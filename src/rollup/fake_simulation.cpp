#include "rollup/fake_simulation.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "rollup/begin_at_end.hpp"
#include "rollup/fake_character.hpp"

namespace weir::rollup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Simulation {
 public:
  Simulation(std::uint64_t seed, const SimulationBugs& bugs)
      : dice_(seed),
        character_(dice_),
        world_(rules(bugs)),
        owners_(static_cast<std::size_t>(character_.partitions)) {
    world_.database.faults = [this](StoreStep step) { return fault_of(step); };
    world_.letter_topic.fate = [this] { return fate_of_copy(); };
    members_.resize(static_cast<std::size_t>(character_.processes));
    if (character_.topic_life == TopicLife::begun_late) begin_late();
  }

  SimulationEnd run() {
    for (int step = 0; step < character_.steps && !world_.transaction_fault(); ++step) {
      happen();
      broker_does_its_work();
    }
    calm_ = true;
    // Everything that is owed is done within a few simulated minutes, or something hangs.
    for (int i = 0; i < 1500 && !at_rest(); ++i) {
      broker_does_its_work();
      for (Member& member : members_) {
        member.frozen = 0;
        if (member.process) member.process->settle();
      }
      world_.database.settle(dice_.one_in(2));
      world_.advance(milliseconds{world_.all_counted() ? 30'000 : 300});
    }
    return end();
  }

 private:
  struct Member {
    std::unique_ptr<FakeProcess> process;
    int frozen = 0;  // steps that it still sleeps: SIGSTOP, a long pause, a machine that swaps
    std::vector<std::int32_t> not_told;  // lost partitions of which it has not heard yet
  };
  struct Owner {
    std::optional<std::size_t> member;
    bool revoking = false;
    int patience = 0;  // steps until the broker takes what is not given back
  };

  WorldRules rules(const SimulationBugs& bugs) {
    WorldRules rules{.partitions = character_.partitions, .consumer = hurried_settings()};
    rules.store_bugs = bugs.store;
    rules.forgetful = bugs.forgetful;
    rules.copies = character_.copies;
    rules.hasty_copies = bugs.hasty_copies;
    if (dice_.one_in(2)) rules.consumer.dedupe = {.window = seconds{5}, .records = 1000};
    rules.consumer.dedupe.records *= character_.partitions;  // they share them
    const TopicLife life = character_.topic_life;
    if (life == TopicLife::growing) rules.consumer.dedupe.records = 1'000'000;
    if (life == TopicLife::cut_off || life == TopicLife::made_anew)
      rules.consumer.on_offset_gone = OnOffsetGone::earliest;
    return rules;
  }

  // What lies in the topic before nobody is told of.
  void begin_late() {
    for (std::int32_t partition = 0; partition < partitions(); ++partition) {
      for (int i = dice_.roll(6); i > 0; --i)
        world_.topic.append(partition, written_down({}, world_.now().wall));
    }
    FakeLogReader reader(world_.topic);
    FakeMetricsStore session(world_.database, "the-group");
    while (!begin_at_end(reader, session, world_.now().wall)) {
    }
    ++end_.late_beginnings;
  }

  Fault fault_of(StoreStep) {
    if (calm_ || !dice_.one_in(character_.store_fault_one_in)) return Fault::none;
    constexpr std::array faults{Fault::refused, Fault::lost_before, Fault::lost_after, Fault::limbo};
    note("the store fails", -1, -1);
    return faults[static_cast<std::size_t>(dice_.roll(4))];
  }

  CopyFate fate_of_copy() {
    const bool fails = copies_away_ || dice_.one_in(character_.copy_fault_one_in);
    if (calm_ || !fails) return CopyFate::kept;
    ++end_.copies_failed;
    return dice_.one_in(2) ? CopyFate::refused : CopyFate::answer_lost;
  }

  void happen() {
    if (dice_.one_in(character_.trouble_one_in)) return trouble();
    if (character_.topic_life != TopicLife::quiet && dice_.one_in(60)) return befall_topic();
    if (dice_.one_in(40 * character_.copy_fault_one_in)) copies_away_ = !copies_away_;
    Member& member = members_[static_cast<std::size_t>(dice_.roll(character_.processes))];
    const int what = dice_.roll(100);
    if (what < 25) return append();
    if (what < 45) return world_.advance(milliseconds{dice_.roll(400)});
    if (what < 48) return world_.advance(milliseconds{dice_.roll(20'000)});
    if (what < 49) return world_.advance(seconds{dice_.roll(120)});
    if (what < 51) return world_.database.settle(dice_.one_in(2));
    if (member.frozen > 0 || !member.process) return;
    if (what < 57 && character_.copies) {
      for (int i = dice_.roll(9); i > 0 && member.process->take_copy_step(); --i) {
      }
      return;
    }
    if (what < 70) {
      if (dice_.one_in(character_.log_fault_one_in)) break_log(*member.process);
      return member.process->take_turn();
    }
    const int writes = character_.slow_writer ? 1 : 4;
    for (int i = 0; i < writes && member.process->take_write_step(); ++i) {
    }
  }

  void break_log(FakeProcess& process) {
    const auto call = static_cast<FakeLogReader::Call>(dice_.roll(5));
    process.log().fail_next(call, {Move::peer, "log_away", "the fake log does not answer"});
  }

  void append() {
    const std::int32_t partition = dice_.roll(partitions());
    const bool holes = character_.topic_life != TopicLife::made_anew;
    if (dice_.one_in(30) && holes) return world_.append_holes(partition, 1 + dice_.roll(3));
    for (int i = 1 + dice_.roll(6); i > 0; --i) {
      if (!letters_.empty() && dice_.one_in(15)) {
        append_replay();
        continue;
      }
      append(partition, told());
    }
  }

  void append(std::int32_t partition, const Told& told) {
    const std::int64_t offset = world_.topic.bounds(partition).end;
    const Oracle::Verdict verdict = world_.append(partition, told);
    ++end_.records;
    if (verdict == Oracle::Verdict::duplicate) ++end_.duplicates;
    if (verdict != Oracle::Verdict::dead_lettered) return;
    ++end_.letters;
    letters_.push_back({FakeMetricsStore::topic, partition, offset});
  }

  // Of a letter that may have been replayed before; mended or not. Only one that is in the store for good may be sent
  // to another partition.
  void append_replay() {
    const auto at = static_cast<std::size_t>(dice_.roll(static_cast<int>(letters_.size())));
    const LetterSource& letter = letters_[at];
    std::int32_t partition = dice_.roll(partitions());
    if (character_.power_cuts || !world_.database.letters.contains(letter)) partition = letter.partition;
    Told replay = told();
    replay.at = std::min(replay.at, world_.now().wall);
    replay.kind = dice_.one_in(3) ? Told::Kind::garbage : Told::Kind::activity;
    replay.replay_of = dice_.one_in(20) ? "no place of a letter" : place_of(letter);
    ++end_.replays;
    append(partition, replay);
  }

  Told told() { return draw_event(dice_, world_.now().wall, character_.topic_life != TopicLife::cut_off); }

  void befall_topic() {
    const std::int32_t partition = dice_.roll(partitions());
    const TopicLife life = character_.topic_life;
    if (life == TopicLife::made_anew) return make_topic_anew();
    if (life == TopicLife::cut_off) {
      note("the log is cut off", -1, partition);
      world_.cut_log(partition, world_.topic.bounds(partition).end - dice_.roll(20));
    }
    if (life == TopicLife::growing && partitions() < 8) {
      note("a partition is added", -1, partitions());
      world_.topic.add_partition();
      owners_.emplace_back();
      ++end_.partitions_added;
    }
  }

  // While there is no topic, there is no group: whoever reads it hears of that before anything else.
  void make_topic_anew() {
    note("the topic is made anew", -1, -1);
    for (std::size_t partition = 0; partition < owners_.size(); ++partition) take_away(partition);
    for (Member& member : members_) {
      if (member.process) tell_losses(member);
    }
    world_.make_topic_anew();
    letters_.clear();
  }

  void trouble() {
    const auto number = static_cast<std::size_t>(dice_.roll(character_.processes));
    const auto partition = static_cast<std::size_t>(dice_.roll(partitions()));
    Member& member = members_[number];
    switch (dice_.roll(10)) {
      case 0:
      case 1:
        return crash(number);
      case 2:
        return take_away(partition);
      case 3:
      case 4:
        return ask_back(partition);
      case 5:
        note("falls asleep", static_cast<int>(number), -1);
        member.frozen = 5 + dice_.roll(60);
        return;
      case 6:
        note("its session is ended", static_cast<int>(number), -1);
        if (member.process) member.process->session().end();
        return;
      case 7:
        return character_.power_cuts ? cut_power() : crash(number);
      case 8:
        world_.checkpoint();
        if (character_.topic_life != TopicLife::made_anew) world_.prune_log();
        return;
      default:
        if (character_.clock_jumps) world_.turn_wall_clock(seconds{dice_.roll(120) - 60});
        return;
    }
  }

  void crash(std::size_t number) {
    Member& member = members_[number];
    if (!member.process) return;
    note("crashes", static_cast<int>(number), -1);
    ++end_.crashes;
    keep_counts(*member.process);
    member = Member();
    for (Owner& owner : owners_) {
      if (owner.member == number) owner = Owner();
    }
  }

  void cut_power() {
    note("the power is cut", -1, -1);
    ++end_.power_cuts;
    for (std::size_t number = 0; number < members_.size(); ++number) crash(number);
    world_.cut_power();
  }

  // The group decides that somebody else has the partition; who had it hears of it some time later.
  void take_away(std::size_t partition) {
    Owner& owner = owners_[partition];
    if (!owner.member) return;
    note("loses a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
    members_[*owner.member].not_told.push_back(static_cast<std::int32_t>(partition));
    owner = Owner();
  }

  void ask_back(std::size_t partition) {
    Owner& owner = owners_[partition];
    const auto number = static_cast<std::int32_t>(partition);
    // A member that has not heard of an assignment yet cannot be asked for it.
    if (!owner.member || owner.revoking || !members_[*owner.member].process->log().owned().contains(number))
      return;
    note("is asked for a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
    members_[*owner.member].process->log().revoke({static_cast<std::int32_t>(partition)});
    owner.revoking = true;
    owner.patience = 20 + dice_.roll(100);
  }

  void broker_does_its_work() {
    for (std::size_t number = 0; number < members_.size(); ++number) {
      Member& member = members_[number];
      if (member.process && member.process->left()) crash(number);
      if (!member.process && (calm_ || dice_.one_in(6))) member.process = world_.start_process();
      if (member.frozen > 0) --member.frozen;
      if (!member.not_told.empty() && (calm_ || dice_.one_in(40))) tell_losses(member);
    }
    for (std::size_t partition = 0; partition < owners_.size(); ++partition) settle_owner(partition);
  }

  void settle_owner(std::size_t at) {
    Owner& owner = owners_[at];
    const auto partition = static_cast<std::int32_t>(at);
    if (owner.member && owner.revoking) {
      const bool given_back = !members_[*owner.member].process->log().owned().contains(partition);
      if (!given_back && (--owner.patience > 0) && !calm_) return;
      if (!given_back) take_away(at);
      owner = Owner();
    }
    if (owner.member) return;
    const auto number = static_cast<std::size_t>(dice_.roll(character_.processes));
    Member& member = members_[number];
    if (!member.process || (!calm_ && dice_.one_in(3))) return;
    tell_losses(member);
    member.process->log().assign({partition});
    owner.member = number;
    ++end_.moves;
    note("is given a partition", static_cast<int>(number), partition);
  }

  [[nodiscard]] std::int32_t partitions() const { return static_cast<std::int32_t>(owners_.size()); }

  static void tell_losses(Member& member) {
    if (member.not_told.empty()) return;
    member.process->log().lose(std::exchange(member.not_told, {}));
  }

  bool at_rest() {
    const bool assigned = std::ranges::all_of(
        owners_, [](const Owner& owner) { return owner.member.has_value() && !owner.revoking; });
    return world_.transaction_fault() || (assigned && world_.all_counted() && world_.all_rolled_up());
  }

  void keep_counts(FakeProcess& process) {
    const Status status = process.consumer().status();
    end_.commits += status.flushes;
    end_.roll_ups += status.roll_ups;
    end_.fences_lost += status.fences_lost;
    end_.commits_in_doubt += status.commits_in_doubt;
    end_.places_lost += status.partitions_misplaced;
  }

  std::string where_it_hangs() {
    std::string text = world_.all_counted() ? ": minutes are not rolled up" : ": records are not counted";
    for (std::size_t at = 0; at < owners_.size(); ++at) {
      text += "; partition " + std::to_string(at);
      if (!owners_[at].member) {
        text += " has no owner";
        continue;
      }
      Consumer& consumer = members_[*owners_[at].member].process->consumer();
      const auto slot = consumer.slots().find(static_cast<std::int32_t>(at));
      text += " of process " + std::to_string(*owners_[at].member) + ", ";
      text += slot == consumer.slots().end() ? "which does not know" : "in state ";
      if (slot == consumer.slots().end()) continue;
      text += std::to_string(static_cast<int>(slot->second.state)) + " " + slot->second.reason;
    }
    return text;
  }

  SimulationEnd end() {
    end_.fault = world_.fault();
    if (!end_.fault && !at_rest()) end_.fault = "it does not come to its end" + where_it_hangs();
    for (Member& member : members_) {
      if (member.process) keep_counts(*member.process);
    }
    for (const auto& [place, letter] : world_.database.letters)
      end_.letters_replayed += letter.replayed_at ? 1 : 0;
    end_.accounts_retired = static_cast<std::int64_t>(world_.database.retired.size());
    for (const Note& each : notes_) {
      end_.last_events += "  at " + std::to_string(each.second) + " s: ";
      if (each.process >= 0) end_.last_events += "process " + std::to_string(each.process) + " ";
      end_.last_events += each.what;
      if (each.partition >= 0) end_.last_events += " (" + std::to_string(each.partition) + ")";
      end_.last_events += '\n';
    }
    return std::move(end_);
  }

  struct Note {
    std::int64_t second = 0;
    const char* what = "";
    int process = -1;
    int partition = -1;
  };

  void note(const char* what, int process, int partition) {
    const auto since = std::chrono::floor<seconds>(world_.now().mono.time_since_epoch());
    notes_.push_back({since.count() - 3600, what, process, partition});
    if (notes_.size() > 40) notes_.pop_front();
  }

  Dice dice_;
  Character character_;
  FakeWorld world_;
  std::vector<Owner> owners_;
  std::vector<Member> members_;
  std::vector<LetterSource> letters_;
  bool copies_away_ = false;
  bool calm_ = false;  // nothing fails any more
  std::deque<Note> notes_;
  SimulationEnd end_;
};

}  // namespace

SimulationEnd simulate(std::uint64_t seed, const SimulationBugs& bugs) {
  return Simulation(seed, bugs).run();
}

}  // namespace weir::rollup
