#include "simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "consumer/start_at_latest.hpp"
#include "simulation/character.hpp"
#include "simulation/group.hpp"

namespace weir::simulation {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Simulation {
 public:
  Simulation(std::uint64_t seed, const SimulationBugs& bugs)
      : dice_(seed),
        character_(dice_),
        world_(rules(bugs)),
        group_(world_, dice_, character_.processes,
               [this](const char* what, int process, int partition) { note(what, process, partition); }) {
    world_.database.faults = [this](commit::StoreStep) { return fault_of_call(); };
    world_.letter_topic.fate = [this] { return fate_of_copy(); };
    group_.on_crash = [this](SimulatedProcess& process) { keep_counts(process); };
    if (character_.topic_life == TopicLife::begun_late) begin_late();
    // Not drawn: that would change every other world.
    if (seed % 8 == 0) world_.database.rows_in_transaction_max = 60;
  }

  SimulationEnd run() {
    for (int step = 0; step < character_.steps && !world_.transaction_fault(); ++step) {
      if (store_away_ > 0) --store_away_;
      happen();
      group_.work(false);
    }
    calm_ = true;
    if (character_.ages && dice_.one_in(2)) world_.advance(hours{dice_.roll(80)});
    // Everything that is owed is done within a few simulated minutes, or something hangs; what is to be
    // pruned, within hours.
    for (int i = 0; i < 1500 && !at_rest(); ++i) {
      group_.work(true);
      for (SimulatedGroup::Member& member : group_.members()) {
        member.frozen = 0;
        if (member.process) member.process->settle();
      }
      world_.database.resolve_in_doubt(dice_.one_in(2));
      world_.advance(milliseconds{world_.all_counted() ? 30'000 : 300});
    }
    return end();
  }

 private:
  ClusterRules rules(const SimulationBugs& bugs) {
    ClusterRules rules{.partitions = character_.partitions, .consumer = hurried_settings()};
    rules.store_bugs = bugs.store;
    rules.forgetful = bugs.forgetful;
    rules.copies = character_.copies;
    rules.hasty_copies = bugs.hasty_copies;
    if (dice_.one_in(2)) rules.consumer.dedupe = {.window = seconds{5}, .records = 1000};
    rules.consumer.dedupe.records *= character_.partitions;  // they share them
    const TopicLife life = character_.topic_life;
    if (life == TopicLife::growing) rules.consumer.dedupe.records = 1'000'000;
    if (life == TopicLife::cut_off || life == TopicLife::made_anew)
      rules.consumer.on_offset_gone = consumer::OnOffsetGone::earliest;
    if (character_.ages)
      rules.consumer.commits.retention = {
          .minute = days{1}, .hour = days{2}, .day = days{3}, .metrics = days{1}};
    return rules;
  }

  // The records that the topic holds before are left out: their message_ids come again and are then counted.
  // No standby is older than this decision.
  void begin_late() {
    for (std::int32_t partition = 0; partition < group_.partition_count(); ++partition) {
      for (int i = dice_.roll(6); i > 0; --i) {
        const Told left_out{.user = "u" + std::to_string(i),
                            .message_id = "m" + std::to_string(i % 5),
                            .at = world_.now().wall};
        world_.topic.append(partition, written_down(left_out, world_.now().wall));
      }
    }
    consumer::FakeLogReader reader(world_.topic);
    commit::FakeMetricsStore session(world_.database, "the-group");
    while (!consumer::start_at_latest(reader, session, world_.now().wall)) {
    }
    world_.checkpoint();
    ++end_.late_beginnings;
  }

  commit::Fault fault_of_call() {
    if (calm_) return commit::Fault::none;
    if (store_away_ > 0) return commit::Fault::refused;
    if (!dice_.one_in(character_.store_fault_one_in)) return commit::Fault::none;
    constexpr std::array faults{commit::Fault::refused, commit::Fault::lost_before, commit::Fault::lost_after,
                                commit::Fault::in_doubt};
    note("the store fails", -1, -1);
    return faults[static_cast<std::size_t>(dice_.roll(4))];
  }

  consumer::CopyFate fate_of_copy() {
    const bool fails = copies_away_ || dice_.one_in(character_.copy_fault_one_in);
    if (calm_ || !fails) return consumer::CopyFate::kept;
    ++end_.copies_failed;
    return dice_.one_in(2) ? consumer::CopyFate::refused : consumer::CopyFate::answer_lost;
  }

  void happen() {
    if (dice_.one_in(character_.trouble_one_in)) return trouble();
    if (character_.topic_life != TopicLife::quiet && dice_.one_in(60)) return befall_topic();
    if (dice_.one_in(40 * character_.copy_fault_one_in)) copies_away_ = !copies_away_;
    if (dice_.one_in(character_.failover_one_in)) return fail_over();
    if (character_.failover_one_in > 0 && dice_.one_in(80))
      world_.checkpoint();  // so far the standby has come
    auto& member = group_.members()[static_cast<std::size_t>(dice_.roll(character_.processes))];
    const int what = dice_.roll(100);
    if (what < 25) return append();
    if (what < 45) return world_.advance(milliseconds{dice_.roll(400)});
    if (what < 48) return world_.advance(milliseconds{dice_.roll(20'000)});
    if (what < 49)
      return world_.advance(character_.ages ? minutes{dice_.roll(1800)} : seconds{dice_.roll(120)});
    if (what < 51) return world_.database.resolve_in_doubt(dice_.one_in(2));
    if (member.frozen > 0 || !member.process) return;
    if (what < 57 && character_.copies) return copy(*member.process);
    if (what < 70) {
      if (dice_.one_in(character_.log_fault_one_in)) break_log(*member.process);
      return member.process->run_turn();
    }
    write(member);
  }

  void copy(SimulatedProcess& process) {
    for (int i = dice_.roll(9); i > 0 && process.take_copy_step(); --i) {
    }
  }

  void write(SimulatedGroup::Member& member) {
    for (int i = character_.slow_writer ? 1 : 4; i > 0 && member.process->take_write_step(); --i)
      end_.zombies += member.not_told.empty() ? 0 : 1;
  }

  void break_log(SimulatedProcess& process) {
    const auto call = static_cast<consumer::FakeLogReader::Call>(dice_.roll(5));
    process.log().fail_next(call, {ErrorKind::unavailable, "log_away", "the fake log does not answer"});
  }

  void append() {
    const std::int32_t partition = dice_.roll(group_.partition_count());
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
    // What is too far ahead of its record's time must stay so.
    const bool ahead =
        character_.records_from_the_future() && told.kind != Told::Kind::ahead && dice_.one_in(10);
    if (ahead) ++end_.records_from_the_future;
    const Oracle::Verdict verdict = world_.append(partition, told, ahead ? days{1461} : days{0});
    ++end_.records;
    if (told.at + hours{1} <= world_.now().wall) ++end_.late_events;
    if (verdict == Oracle::Verdict::duplicate) ++end_.duplicates;
    if (verdict != Oracle::Verdict::dead_lettered) return;
    ++end_.letters;
    letters_.push_back({commit::FakeMetricsStore::topic, partition, offset});
  }

  // Of a letter that may have been replayed before; mended or not. Only one that stands in the store for
  // good, whatever fails over, may be sent to another partition; one of an embedded store stays in its own,
  // and so does one of a topic that is made anew, for the store may know the old log's letter by the same
  // place.
  void append_replay() {
    const auto at = static_cast<std::size_t>(dice_.roll(static_cast<int>(letters_.size())));
    const commit::DeadLetterId& letter = letters_[at];
    std::int32_t partition = dice_.roll(group_.partition_count());
    const bool stays = character_.power_cuts || character_.topic_life == TopicLife::made_anew;
    if (stays || !world_.keeps(letter)) partition = letter.partition;
    Told replay = told();
    replay.at = std::min(replay.at, world_.now().wall);
    replay.kind = dice_.one_in(3) ? Told::Kind::garbage : Told::Kind::activity;
    replay.replay_of = dice_.one_in(20) ? "no place of a letter" : commit::to_text(letter);
    ++end_.replays;
    append(partition, replay);
  }

  Told told() {
    const WallTime now = world_.now().wall;
    Told told = draw_event(dice_, now, character_.topic_life != TopicLife::cut_off);
    if (character_.clock_steps_by_days() || character_.records_from_the_future())
      told.at = std::max(told.at, now - hours{20});
    return told;
  }

  void befall_topic() {
    const std::int32_t partition = dice_.roll(group_.partition_count());
    const TopicLife life = character_.topic_life;
    if (life == TopicLife::made_anew) return make_topic_anew();
    if (life == TopicLife::cut_off) {
      note("the log is cut off", -1, partition);
      world_.cut_log(partition, world_.topic.bounds(partition).end - dice_.roll(20));
    }
    if (life == TopicLife::growing && group_.partition_count() < Character::partitions_max) {
      note("a partition is added", -1, group_.partition_count());
      world_.topic.add_partition();
      group_.add_partition();
      ++end_.partitions_added;
    }
  }

  void make_topic_anew() {
    note("the topic is made anew", -1, -1);
    group_.dissolve();
    world_.make_topic_anew();
    letters_.clear();
  }

  void trouble() {
    const auto number = static_cast<std::size_t>(dice_.roll(character_.processes));
    const auto partition = static_cast<std::size_t>(dice_.roll(group_.partition_count()));
    auto& member = group_.members()[number];
    switch (dice_.roll(10)) {
      case 0:
      case 1:
        return group_.crash(number);
      case 2:
        return group_.take_away(partition);
      case 3:
      case 4:
        return group_.ask_back(partition);
      case 5:
        note("falls asleep", static_cast<int>(number), -1);
        member.frozen = 5 + dice_.roll(60);
        return;
      case 6:
        note("its session is ended", static_cast<int>(number), -1);
        if (member.process) member.process->session().end();
        return;
      case 7:
        return character_.power_cuts ? cut_power() : group_.crash(number);
      case 8:
        world_.checkpoint();
        if (character_.topic_life != TopicLife::made_anew) end_.log_pruned += world_.prune_log();
        return;
      default:
        if (character_.clock_jumps) turn_clock();
        return;
    }
  }

  void turn_clock() {
    if (character_.clock_steps_by_days() && dice_.one_in(2)) return step_clock();
    const auto by = dice_.one_in(2) ? seconds{dice_.roll(120) - 60} : seconds{60 * (dice_.roll(140) - 70)};
    note(by.count() < 0 ? "the wall clock is turned back" : "the wall clock is turned ahead", -1, -1);
    ++(by.count() < 0 ? end_.clock_jumps_back : end_.clock_jumps_ahead);
    world_.turn_wall_clock(by);
  }

  // Ahead or back by days, and the next time right again.
  void step_clock() {
    const bool is_right = off_by_ == days{0};
    const days by = is_right
                        ? std::array{days{10}, days{-10}, days{1461}}[static_cast<std::size_t>(dice_.roll(3))]
                        : -off_by_;
    off_by_ += by;
    note(by.count() < 0 ? "the wall clock steps back by days" : "the wall clock steps ahead by days", -1, -1);
    ++end_.clock_steps_by_days;
    world_.turn_wall_clock(by);
  }

  void cut_power() {
    note("the power is cut", -1, -1);
    ++end_.power_cuts;
    for (std::size_t number = 0; number < group_.members().size(); ++number) group_.crash(number);
    end_.commits_taken_back += world_.fall_back();
  }

  // No process is told. The new primary may take some time to come.
  void fail_over() {
    note("the database fails over to what its standby has", -1, -1);
    ++end_.failovers;
    group_.end_sessions();
    end_.commits_taken_back += world_.fall_back();
    if (dice_.one_in(2)) store_away_ = dice_.roll(60);
  }

  bool at_rest() {
    return world_.transaction_fault() ||
           (group_.all_assigned() && world_.all_counted() && world_.all_rolled_up() &&
            (!character_.ages || world_.all_pruned()));
  }

  void keep_counts(SimulatedProcess& process) {
    const consumer::Status status = process.consumer().status();
    end_.flushes += status.flushes;
    end_.roll_ups += status.roll_ups;
    end_.fences_lost += status.fences_lost;
    end_.commits_in_doubt += status.commits_in_doubt;
    end_.given_up += status.transactions_given_up;
    end_.places_lost += status.offsets_out_of_range;
  }

  std::string where_it_hangs() {
    if (!world_.all_counted()) return ": records are not counted" + group_.in_words();
    if (!world_.all_rolled_up()) return ": minutes are not rolled up" + group_.in_words();
    return ": windows are not pruned" + group_.in_words();
  }

  SimulationEnd end() {
    end_.fault = world_.fault();
    if (!end_.fault && !at_rest()) end_.fault = "it does not come to its end" + where_it_hangs();
    for (SimulatedGroup::Member& member : group_.members()) {
      if (member.process) keep_counts(*member.process);
    }
    for (const auto& [place, letter] : world_.database.dead_letters)
      end_.letters_replayed += letter.replayed_at ? 1 : 0;
    end_.crashes = group_.crashes();
    end_.moves = group_.moves();
    end_.windows_pruned = world_.database.windows_pruned;
    end_.metrics_pruned = world_.database.flushes_pruned;
    end_.accounts_retired = static_cast<std::int64_t>(world_.database.archived.size());
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
  SimulatedCluster world_;
  SimulatedGroup group_;
  std::vector<commit::DeadLetterId> letters_;
  bool copies_away_ = false;
  days off_by_{0};      // the wall clock
  int store_away_ = 0;  // steps
  bool calm_ = false;   // nothing fails any more
  std::deque<Note> notes_;
  SimulationEnd end_;
};

}  // namespace

SimulationEnd simulate(std::uint64_t seed, const SimulationBugs& bugs) {
  return Simulation(seed, bugs).run();
}

}  // namespace weir::simulation
