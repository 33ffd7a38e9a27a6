// A simulated run of a cluster. One number, the seed, decides what happens, to which process, and what fails.
//
// After some hundred steps nothing fails any more. The cluster then completes its work, and the store must
// equal what the oracle computes from the log. The same seed gives the same run on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "simulation/cluster.hpp"

namespace weir::simulation {

// Bugs that the simulation must find. They are in the fakes, never in production code.
struct SimulationBugs {
  commit::PlantedBugs store;
  // The dedupe window is not rebuilt.
  bool skip_rebuild = false;
  // The offset moves before a dead letter has its copy.
  bool dlq_acknowledges_early = false;
};

// The outcome of one run, and how often each thing happened in it.
struct SimulationResult {
  // The first difference between store and oracle; nullopt if there is none.
  std::optional<std::string> fault;
  // The last things that happened, one in each line.
  std::string last_events;
  // Records that were appended.
  std::int64_t records = 0;
  // Events that are late by an hour or more. Some are too old for their minute.
  std::int64_t late_events = 0;
  // Records that were duplicates, dead letters or replays when they were appended.
  std::int64_t duplicates = 0;
  std::int64_t dead_letters = 0;
  std::int64_t replays = 0;
  std::int64_t dead_letters_replayed = 0;
  // Copies of dead letters that were reported as failed.
  std::int64_t dlq_copies_failed = 0;
  // Committed transactions, as the processes counted them.
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  // Windows that retention deleted.
  std::int64_t windows_pruned = 0;
  // Rows of user_activity_metrics that retention deleted.
  std::int64_t metrics_pruned = 0;
  // Offsets that were deleted from the log.
  std::int64_t log_pruned = 0;
  // Processes that crashed or exited.
  std::int64_t crashes = 0;
  // Assignments of a partition to a process.
  std::int64_t assignments = 0;
  // Write steps of a process that does not know of a loss.
  std::int64_t zombie_steps = 0;
  // Sums of the consumers' own counters (consumer/status.hpp).
  std::int64_t fence_failures = 0;
  std::int64_t commits_in_doubt = 0;
  std::int64_t transactions_abandoned = 0;
  // Events that restored a checkpoint of the store.
  std::int64_t power_cuts = 0;
  std::int64_t failovers = 0;
  // Commits lost by power cuts and failovers.
  std::int64_t commits_lost = 0;
  // Steps of the wall clock by less than days, and by days.
  std::int64_t clock_steps_ahead = 0;
  std::int64_t clock_steps_back = 0;
  std::int64_t clock_steps_by_days = 0;
  // Records whose time is years ahead, from a writer with a wrong clock.
  std::int64_t records_from_the_future = 0;
  // Read positions that were no longer in the log.
  std::int64_t offsets_out_of_range = 0;
  // Ledger rows that were archived because the topic was recreated.
  std::int64_t ledgers_archived = 0;
  // Partitions that were added to the topic.
  std::int64_t partitions_added = 0;
  // Starts at the end of the log (KAFKA_START=latest).
  std::int64_t late_starts = 0;

  // A count with its name, for the summary.
  struct Number {
    const char* name;
    std::int64_t SimulationResult::* value;
  };
  // All counts above.
  static const std::array<Number, 29> numbers;
};

inline constexpr std::array<SimulationResult::Number, 29> SimulationResult::numbers{{
    {"records", &SimulationResult::records},
    {"late events", &SimulationResult::late_events},
    {"duplicates", &SimulationResult::duplicates},
    {"dead letters", &SimulationResult::dead_letters},
    {"replays", &SimulationResult::replays},
    {"dead letters replayed", &SimulationResult::dead_letters_replayed},
    {"failed copies to the dead letter topic", &SimulationResult::dlq_copies_failed},
    {"flushes", &SimulationResult::flushes},
    {"roll-ups", &SimulationResult::roll_ups},
    {"windows pruned", &SimulationResult::windows_pruned},
    {"metrics rows pruned", &SimulationResult::metrics_pruned},
    {"offsets pruned from logs", &SimulationResult::log_pruned},
    {"crashes", &SimulationResult::crashes},
    {"assignments of partitions", &SimulationResult::assignments},
    {"write steps after an unreported loss", &SimulationResult::zombie_steps},
    {"fence failures", &SimulationResult::fence_failures},
    {"commits in doubt", &SimulationResult::commits_in_doubt},
    {"transactions abandoned", &SimulationResult::transactions_abandoned},
    {"power cuts", &SimulationResult::power_cuts},
    {"failovers", &SimulationResult::failovers},
    {"commits lost", &SimulationResult::commits_lost},
    {"clock steps ahead", &SimulationResult::clock_steps_ahead},
    {"clock steps back", &SimulationResult::clock_steps_back},
    {"clock steps by days", &SimulationResult::clock_steps_by_days},
    {"records from the future", &SimulationResult::records_from_the_future},
    {"offsets out of range", &SimulationResult::offsets_out_of_range},
    {"ledger rows archived", &SimulationResult::ledgers_archived},
    {"partitions added", &SimulationResult::partitions_added},
    {"starts at the end of the log", &SimulationResult::late_starts},
}};

// Runs one to five processes on one to twelve partitions. Takes some milliseconds. Any thread.
[[nodiscard]] SimulationResult simulate(std::uint64_t seed, const SimulationBugs& bugs = {});

}  // namespace weir::simulation
