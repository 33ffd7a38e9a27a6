// A run has two parts. In the first, each step draws one action: append records, let time pass, run one
// process, or cause a fault. In the second (calm_) nothing fails any more, and all processes run until
// everything is counted, rolled up and pruned.
//
// Every decision is drawn from one Dice, so a new draw in the middle changes all later decisions of each
// seed.
#include "simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "consumer/start_at_latest.hpp"
#include "simulation/group.hpp"
#include "simulation/parameters.hpp"

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
        parameters_(dice_),
        cluster_(settings(bugs)),
        group_(cluster_, dice_, parameters_.processes,
               [this](const char* what, int process, int partition) { record(what, process, partition); }) {
    cluster_.database.faults = [this](commit::StoreStep) { return draw_store_fault(); };
    cluster_.dlq.outcome = [this] { return outcome_of_copy(); };
    group_.on_crash = [this](SimulatedProcess& process) { add_counts(process); };
    if (parameters_.topic_change == TopicChange::started_late) start_late();
    // Chosen by the seed itself: one more draw would change all other runs.
    if (seed % 8 == 0) cluster_.database.rows_in_transaction_max = 60;
  }

  SimulationResult run() {
    for (int step = 0; step < parameters_.steps && !cluster_.has_transaction_fault(); ++step) {
      if (store_unavailable_steps_ > 0) --store_unavailable_steps_;
      run_step();
      group_.run_step(false);
    }
    calm_ = true;
    if (parameters_.days_pass && dice_.one_in(2)) cluster_.advance(hours{dice_.roll(80)});
    // A few simulated minutes suffice to count and roll up everything, and some hours to prune. A run that
    // takes longer hangs.
    for (int i = 0; i < 1500 && !is_complete(); ++i) {
      group_.run_step(true);
      for (SimulatedGroup::Member& member : group_.members()) {
        member.frozen = 0;
        if (member.process) member.process->run_until_idle();
      }
      cluster_.database.resolve_in_doubt(dice_.one_in(2));
      cluster_.advance(milliseconds{cluster_.all_counted() ? 30'000 : 300});
    }
    return finish();
  }

 private:
  ClusterSettings settings(const SimulationBugs& bugs) {
    ClusterSettings settings{.partitions = parameters_.partitions, .consumer = fast_settings()};
    settings.store_bugs = bugs.store;
    settings.skip_rebuild = bugs.skip_rebuild;
    settings.dlq_enabled = parameters_.dlq_enabled;
    settings.dlq_acknowledges_early = bugs.dlq_acknowledges_early;
    if (dice_.one_in(2)) settings.consumer.dedupe = {.window = seconds{5}, .records = 1000};
    settings.consumer.dedupe.records *= parameters_.partitions;  // share_of() divides them
    const TopicChange change = parameters_.topic_change;
    if (change == TopicChange::growing) settings.consumer.dedupe.records = 1'000'000;
    if (change == TopicChange::cut_off || change == TopicChange::recreated)
      settings.consumer.on_offset_gone = consumer::OnOffsetGone::earliest;
    if (parameters_.days_pass)
      settings.consumer.commits.retention = {
          .minute = days{1}, .hour = days{2}, .day = days{3}, .metrics = days{1}};
    return settings;
  }

  // Appends records and starts counting after them. Their message_ids occur again later, and are counted
  // then. The checkpoint makes the start durable: a failover never loses it.
  void start_late() {
    for (std::int32_t partition = 0; partition < group_.partition_count(); ++partition) {
      for (int i = dice_.roll(6); i > 0; --i) {
        const consumer::TestEvent skipped{.user = "u" + std::to_string(i),
                                          .message_id = "m" + std::to_string(i % 5),
                                          .at = cluster_.now().wall};
        cluster_.topic.append(partition, consumer::make_record(skipped, cluster_.now().wall));
      }
    }
    consumer::FakeLogReader reader(cluster_.topic);
    commit::FakeMetricsStore session(cluster_.database, "the-group");
    while (!consumer::start_at_latest(reader, session, cluster_.now().wall)) {
    }
    cluster_.checkpoint();
    ++result_.late_starts;
  }

  // Decides the fault of one store call of any process.
  commit::Fault draw_store_fault() {
    if (calm_) return commit::Fault::none;
    if (store_unavailable_steps_ > 0) return commit::Fault::refused;
    if (!dice_.one_in(parameters_.store_fault_one_in)) return commit::Fault::none;
    constexpr std::array faults{commit::Fault::refused, commit::Fault::lost_before, commit::Fault::lost_after,
                                commit::Fault::in_doubt};
    record("the store fails", -1, -1);
    return faults[static_cast<std::size_t>(dice_.roll(4))];
  }

  // Decides the outcome of one copy of a dead letter.
  consumer::CopyOutcome outcome_of_copy() {
    const bool fails = dlq_unavailable_ || dice_.one_in(parameters_.dlq_fault_one_in);
    if (calm_ || !fails) return consumer::CopyOutcome::written;
    ++result_.dlq_copies_failed;
    return dice_.one_in(2) ? consumer::CopyOutcome::rejected : consumer::CopyOutcome::acknowledgement_lost;
  }

  // One step of the first part. The order of the draws below is fixed by the listed seeds.
  void run_step() {
    if (dice_.one_in(parameters_.incident_one_in)) return cause_incident();
    if (parameters_.topic_change != TopicChange::none && dice_.one_in(60)) return change_topic();
    if (dice_.one_in(40 * parameters_.dlq_fault_one_in)) dlq_unavailable_ = !dlq_unavailable_;
    if (dice_.one_in(parameters_.failover_one_in)) return fail_over();
    if (parameters_.failover_one_in > 0 && dice_.one_in(80))
      cluster_.checkpoint();  // the standby has caught up
    auto& member = group_.members()[static_cast<std::size_t>(dice_.roll(parameters_.processes))];
    const int what = dice_.roll(100);
    if (what < 25) return append();
    if (what < 45) return cluster_.advance(milliseconds{dice_.roll(400)});
    if (what < 48) return cluster_.advance(milliseconds{dice_.roll(20'000)});
    if (what < 49)
      return cluster_.advance(parameters_.days_pass ? minutes{dice_.roll(1800)} : seconds{dice_.roll(120)});
    if (what < 51) return cluster_.database.resolve_in_doubt(dice_.one_in(2));
    if (member.frozen > 0 || !member.process) return;
    if (what < 57 && parameters_.dlq_enabled) return end_copies(*member.process);
    if (what < 70) {
      if (dice_.one_in(parameters_.log_fault_one_in)) fail_log_call(*member.process);
      return member.process->run_iteration();
    }
    write(member);
  }

  // Up to eight copies in flight end.
  void end_copies(SimulatedProcess& process) {
    for (int i = dice_.roll(9); i > 0 && process.end_dlq_copy(); --i) {
    }
  }

  void write(SimulatedGroup::Member& member) {
    for (int i = parameters_.slow_writer ? 1 : 4; i > 0 && member.process->run_write_step(); --i)
      result_.zombie_steps += member.unreported_losses.empty() ? 0 : 1;
  }

  // The next call of this kind fails once; the log loses nothing.
  void fail_log_call(SimulatedProcess& process) {
    const auto call = static_cast<consumer::FakeLogReader::Call>(dice_.roll(5));
    process.log().fail_next(call, {ErrorKind::unavailable, "log_away", "the fake log does not answer"});
  }

  void append() {
    const std::int32_t partition = dice_.roll(group_.partition_count());
    const bool holes = parameters_.topic_change != TopicChange::recreated;
    if (dice_.one_in(30) && holes) return cluster_.append_holes(partition, 1 + dice_.roll(3));
    for (int i = 1 + dice_.roll(6); i > 0; --i) {
      if (!dead_letters_.empty() && dice_.one_in(15)) {
        append_replay();
        continue;
      }
      append(partition, next_event());
    }
  }

  // Appends one event and remembers it if it is a dead letter, so that it can be replayed.
  void append(std::int32_t partition, const consumer::TestEvent& event) {
    const std::int64_t offset = cluster_.topic.bounds(partition).end;
    // An event of Kind::ahead must stay ahead of its record's time.
    const bool ahead = parameters_.records_from_the_future() &&
                       event.kind != consumer::TestEvent::Kind::ahead && dice_.one_in(10);
    if (ahead) ++result_.records_from_the_future;
    const Oracle::Verdict verdict = cluster_.append(partition, event, ahead ? days{1461} : days{0});
    ++result_.records;
    if (event.at + hours{1} <= cluster_.now().wall) ++result_.late_events;
    if (verdict == Oracle::Verdict::duplicate) ++result_.duplicates;
    if (verdict != Oracle::Verdict::dead_lettered) return;
    ++result_.dead_letters;
    dead_letters_.push_back({commit::FakeMetricsStore::topic, partition, offset});
  }

  // Appends a replay, valid or still invalid, of a dead letter that may have been replayed before. It goes to
  // another partition only if the dead letter is durable, so that no failover can lose its row. It stays in
  // its partition with an embedded store. It also stays with a recreated topic, where the same id may be the
  // dead letter of the old log.
  void append_replay() {
    const auto at = static_cast<std::size_t>(dice_.roll(static_cast<int>(dead_letters_.size())));
    const commit::DeadLetterId& dead_letter = dead_letters_[at];
    std::int32_t partition = dice_.roll(group_.partition_count());
    const bool stays = parameters_.power_cuts || parameters_.topic_change == TopicChange::recreated;
    if (stays || !cluster_.is_durable(dead_letter)) partition = dead_letter.partition;
    consumer::TestEvent replay = next_event();
    replay.at = std::min(replay.at, cluster_.now().wall);
    replay.kind = dice_.one_in(3) ? consumer::TestEvent::Kind::garbage : consumer::TestEvent::Kind::activity;
    replay.replay_of = dice_.one_in(20) ? "no id of a dead letter" : commit::to_text(dead_letter);
    ++result_.replays;
    append(partition, replay);
  }

  consumer::TestEvent next_event() {
    const WallTime now = cluster_.now().wall;
    consumer::TestEvent event = draw_event(dice_, now, parameters_.topic_change != TopicChange::cut_off);
    if (parameters_.clock_steps_by_days() || parameters_.records_from_the_future())
      event.at = std::max(event.at, now - hours{20});
    return event;
  }

  // Applies the topic change of this run to one partition or to all.
  void change_topic() {
    const std::int32_t partition = dice_.roll(group_.partition_count());
    const TopicChange change = parameters_.topic_change;
    if (change == TopicChange::recreated) return recreate_topic();
    if (change == TopicChange::cut_off) {
      record("the log loses its oldest records", -1, partition);
      cluster_.cut_log(partition, cluster_.topic.bounds(partition).end - dice_.roll(20));
    }
    if (change == TopicChange::growing && group_.partition_count() < Parameters::partitions_max) {
      record("a partition is added", -1, group_.partition_count());
      cluster_.topic.add_partition();
      group_.add_partition();
      ++result_.partitions_added;
    }
  }

  void recreate_topic() {
    record("the topic is recreated", -1, -1);
    group_.lose_all();
    cluster_.recreate_topic();
    dead_letters_.clear();
  }

  // An incident hits one process, one partition or the whole cluster.
  void cause_incident() {
    const auto number = static_cast<std::size_t>(dice_.roll(parameters_.processes));
    const auto partition = static_cast<std::size_t>(dice_.roll(group_.partition_count()));
    auto& member = group_.members()[number];
    switch (dice_.roll(10)) {
      case 0:
      case 1:
        return group_.crash(number);
      case 2:
        return group_.lose(partition);
      case 3:
      case 4:
        return group_.revoke(partition);
      case 5:
        record("is frozen", static_cast<int>(number), -1);
        member.frozen = 5 + dice_.roll(60);
        return;
      case 6:
        record("loses its database session", static_cast<int>(number), -1);
        if (member.process) member.process->session().end();
        return;
      case 7:
        return parameters_.power_cuts ? cut_power() : group_.crash(number);
      case 8:
        cluster_.checkpoint();
        if (parameters_.topic_change != TopicChange::recreated) result_.log_pruned += cluster_.prune_log();
        return;
      default:
        if (parameters_.clock_steps) step_clock();
        return;
    }
  }

  // Steps the wall clock by seconds, or by up to 70 minutes.
  void step_clock() {
    if (parameters_.clock_steps_by_days() && dice_.one_in(2)) return step_clock_by_days();
    const auto by = dice_.one_in(2) ? seconds{dice_.roll(120) - 60} : seconds{60 * (dice_.roll(140) - 70)};
    record(by.count() < 0 ? "the wall clock steps back" : "the wall clock steps ahead", -1, -1);
    ++(by.count() < 0 ? result_.clock_steps_back : result_.clock_steps_ahead);
    cluster_.step_wall_clock(by);
  }

  // Steps the clock by days, and back to the right time with the next call.
  void step_clock_by_days() {
    const bool is_right = clock_offset_ == days{0};
    const days by = is_right
                        ? std::array{days{10}, days{-10}, days{1461}}[static_cast<std::size_t>(dice_.roll(3))]
                        : -clock_offset_;
    clock_offset_ += by;
    record(by.count() < 0 ? "the wall clock steps back by days" : "the wall clock steps ahead by days", -1,
           -1);
    ++result_.clock_steps_by_days;
    cluster_.step_wall_clock(by);
  }

  // All processes end at once, and the store has what its disk had.
  void cut_power() {
    record("the power fails", -1, -1);
    ++result_.power_cuts;
    for (std::size_t number = 0; number < group_.members().size(); ++number) group_.crash(number);
    result_.commits_lost += cluster_.restore_checkpoint();
  }

  // The processes are not informed. The new primary may be unavailable at first.
  void fail_over() {
    record("the database fails over to its standby", -1, -1);
    ++result_.failovers;
    group_.end_sessions();
    result_.commits_lost += cluster_.restore_checkpoint();
    if (dice_.one_in(2)) store_unavailable_steps_ = dice_.roll(60);
  }

  // The end of the second part.
  bool is_complete() {
    return cluster_.has_transaction_fault() ||
           (group_.all_assigned() && cluster_.all_counted() && cluster_.all_rolled_up() &&
            (!parameters_.days_pass || cluster_.all_pruned()));
  }

  // Sums up a process's counters before it is destroyed, and at the end.
  void add_counts(SimulatedProcess& process) {
    const consumer::Status status = process.consumer().status();
    result_.flushes += status.flushes;
    result_.roll_ups += status.roll_ups;
    result_.fence_failures += status.fence_failures;
    result_.commits_in_doubt += status.commits_in_doubt;
    result_.transactions_abandoned += status.transactions_abandoned;
    result_.offsets_out_of_range += status.offsets_out_of_range;
  }

  std::string describe_hang() {
    if (!cluster_.all_counted()) return ": records are not counted" + group_.describe();
    if (!cluster_.all_rolled_up()) return ": minutes are not rolled up" + group_.describe();
    return ": windows are not pruned" + group_.describe();
  }

  // Compares the final state, and collects counts and the last events.
  SimulationResult finish() {
    result_.fault = cluster_.fault();
    if (!result_.fault && !is_complete()) result_.fault = "the run does not complete" + describe_hang();
    for (SimulatedGroup::Member& member : group_.members()) {
      if (member.process) add_counts(*member.process);
    }
    for (const auto& [id, dead_letter] : cluster_.database.dead_letters)
      result_.dead_letters_replayed += dead_letter.replayed_at ? 1 : 0;
    result_.crashes = group_.crashes();
    result_.assignments = group_.assignments();
    result_.windows_pruned = cluster_.database.windows_pruned;
    result_.metrics_pruned = cluster_.database.flushes_pruned;
    result_.ledgers_archived = static_cast<std::int64_t>(cluster_.database.archived.size());
    for (const Record& each : records_) {
      result_.last_events += "  at " + std::to_string(each.second) + " s: ";
      if (each.process >= 0) result_.last_events += "process " + std::to_string(each.process) + " ";
      result_.last_events += each.what;
      if (each.partition >= 0) result_.last_events += " (" + std::to_string(each.partition) + ")";
      result_.last_events += '\n';
    }
    return std::move(result_);
  }

  // Something that happened, for the report of a failed run.
  struct Record {
    std::int64_t second = 0;
    const char* what = "";
    int process = -1;
    int partition = -1;
  };

  void record(const char* what, int process, int partition) {
    const auto since = std::chrono::floor<seconds>(cluster_.now().mono.time_since_epoch());
    records_.push_back({since.count() - 3600, what, process, partition});
    if (records_.size() > 40) records_.pop_front();
  }

  Dice dice_;
  Parameters parameters_;
  SimulatedCluster cluster_;
  SimulatedGroup group_;
  std::vector<commit::DeadLetterId> dead_letters_;
  bool dlq_unavailable_ = false;
  days clock_offset_{0};             // of the wall clock, by step_clock_by_days()
  int store_unavailable_steps_ = 0;  // steps until the store answers again
  bool calm_ = false;                // nothing fails any more
  std::deque<Record> records_;       // the last ones
  SimulationResult result_;
};

}  // namespace

SimulationResult simulate(std::uint64_t seed, const SimulationBugs& bugs) {
  return Simulation(seed, bugs).run();
}

}  // namespace weir::simulation
