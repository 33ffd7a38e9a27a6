// A seeded world: what happens next, to whom, and what fails, is drawn from one number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "simulation/cluster.hpp"

namespace weir::simulation {

struct SimulationBugs {
  commit::PlantedBugs store;
  bool forgetful = false;     // the dedupe is not rebuilt
  bool hasty_copies = false;  // the offset moves before a dead letter's copy is there
};

struct SimulationEnd {
  std::optional<std::string> fault;  // nothing: the store says exactly what the log says
  std::string last_events;           // what happened before, one a line
  std::int64_t records = 0;
  std::int64_t late_events = 0;  // an hour and more; some of them are too old for their minute
  std::int64_t duplicates = 0;
  std::int64_t letters = 0;
  std::int64_t replays = 0;
  std::int64_t letters_replayed = 0;
  std::int64_t copies_failed = 0;
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  std::int64_t windows_pruned = 0;
  std::int64_t metrics_pruned = 0;  // rows of user_activity_metrics
  std::int64_t log_pruned = 0;      // offsets
  std::int64_t crashes = 0;
  std::int64_t moves = 0;    // partitions that went from one process to another
  std::int64_t zombies = 0;  // write steps of a process that has lost a partition and does not know
  std::int64_t fences_lost = 0;
  std::int64_t commits_in_doubt = 0;
  std::int64_t given_up = 0;  // transactions that took the store too long
  std::int64_t power_cuts = 0;
  std::int64_t failovers = 0;
  std::int64_t commits_taken_back = 0;  // by both
  std::int64_t clock_jumps_ahead = 0;
  std::int64_t clock_jumps_back = 0;
  std::int64_t clock_steps_by_days = 0;
  std::int64_t records_from_the_future = 0;
  std::int64_t places_lost = 0;       // the log was cut off while it was read
  std::int64_t accounts_retired = 0;  // the topic was made anew
  std::int64_t partitions_added = 0;
  std::int64_t late_beginnings = 0;  // KAFKA_START=latest

  struct Number {
    const char* name;
    std::int64_t SimulationEnd::* value;
  };
  static const std::array<Number, 29> numbers;  // all of the above
};

inline constexpr std::array<SimulationEnd::Number, 29> SimulationEnd::numbers{{
    {"records", &SimulationEnd::records},
    {"late events", &SimulationEnd::late_events},
    {"duplicates", &SimulationEnd::duplicates},
    {"letters", &SimulationEnd::letters},
    {"replays", &SimulationEnd::replays},
    {"letters replayed", &SimulationEnd::letters_replayed},
    {"copies failed", &SimulationEnd::copies_failed},
    {"flushes", &SimulationEnd::flushes},
    {"roll-ups", &SimulationEnd::roll_ups},
    {"windows pruned", &SimulationEnd::windows_pruned},
    {"metrics rows pruned", &SimulationEnd::metrics_pruned},
    {"offsets pruned from logs", &SimulationEnd::log_pruned},
    {"crashes", &SimulationEnd::crashes},
    {"moves", &SimulationEnd::moves},
    {"steps of zombies", &SimulationEnd::zombies},
    {"fences lost", &SimulationEnd::fences_lost},
    {"commits in doubt", &SimulationEnd::commits_in_doubt},
    {"transactions given up", &SimulationEnd::given_up},
    {"power cuts", &SimulationEnd::power_cuts},
    {"failovers", &SimulationEnd::failovers},
    {"commits taken back", &SimulationEnd::commits_taken_back},
    {"clock jumps ahead", &SimulationEnd::clock_jumps_ahead},
    {"clock jumps back", &SimulationEnd::clock_jumps_back},
    {"clock steps by days", &SimulationEnd::clock_steps_by_days},
    {"records from the future", &SimulationEnd::records_from_the_future},
    {"places lost", &SimulationEnd::places_lost},
    {"accounts retired", &SimulationEnd::accounts_retired},
    {"partitions added", &SimulationEnd::partitions_added},
    {"late beginnings", &SimulationEnd::late_beginnings},
}};

// One to five processes, one to twelve partitions, some hundred steps; then everything is let run to its end,
// and the store is compared with the log. The same seed tells the same story, on every machine.
[[nodiscard]] SimulationEnd simulate(std::uint64_t seed, const SimulationBugs& bugs = {});

}  // namespace weir::simulation
