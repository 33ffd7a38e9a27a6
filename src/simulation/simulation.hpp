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
  bool skip_rebuild = false;            // the dedupe window is not rebuilt
  bool dlq_acknowledges_early = false;  // the offset moves before a dead letter has its copy
};

struct SimulationResult {
  std::optional<std::string> fault;  // nullopt: the store equals what the oracle computes
  std::string last_events;           // the last things that happened, one in each line
  std::int64_t records = 0;
  std::int64_t late_events = 0;  // by an hour or more; some are too old for their minute
  std::int64_t duplicates = 0;
  std::int64_t dead_letters = 0;
  std::int64_t replays = 0;
  std::int64_t dead_letters_replayed = 0;
  std::int64_t dlq_copies_failed = 0;
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  std::int64_t windows_pruned = 0;
  std::int64_t metrics_pruned = 0;  // rows of user_activity_metrics
  std::int64_t log_pruned = 0;      // offsets
  std::int64_t crashes = 0;
  std::int64_t assignments = 0;   // of partitions to processes
  std::int64_t zombie_steps = 0;  // write steps of a process that does not know of a loss
  std::int64_t fence_failures = 0;
  std::int64_t commits_in_doubt = 0;
  std::int64_t transactions_abandoned = 0;
  std::int64_t power_cuts = 0;
  std::int64_t failovers = 0;
  std::int64_t commits_lost = 0;  // by power cuts and failovers
  std::int64_t clock_steps_ahead = 0;
  std::int64_t clock_steps_back = 0;
  std::int64_t clock_steps_by_days = 0;
  std::int64_t records_from_the_future = 0;
  std::int64_t offsets_out_of_range = 0;  // the log was cut while it was read
  std::int64_t ledgers_archived = 0;      // the topic was recreated
  std::int64_t partitions_added = 0;
  std::int64_t late_starts = 0;  // KAFKA_START=latest

  struct Number {
    const char* name;
    std::int64_t SimulationResult::* value;
  };
  static const std::array<Number, 29> numbers;  // all counts above
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
