// A seeded world: what happens next, to whom, and what fails, is drawn from one number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "rollup/fake_world.hpp"

namespace weir::rollup {

struct SimulationBugs {
  PlantedBugs store;
  bool forgetful = false;     // the dedupe is not rebuilt
  bool hasty_copies = false;  // the offset moves before a dead letter's copy is there
};

struct SimulationEnd {
  std::optional<std::string> fault;  // nothing: the store says exactly what the log says
  std::string last_events;           // what happened before, one a line
  std::int64_t records = 0;
  std::int64_t commits = 0;
  std::int64_t roll_ups = 0;
  std::int64_t crashes = 0;
  std::int64_t power_cuts = 0;
  std::int64_t moves = 0;  // partitions that went from one process to another
  std::int64_t duplicates = 0;
  std::int64_t letters = 0;
  std::int64_t replays = 0;
  std::int64_t letters_replayed = 0;
  std::int64_t copies_failed = 0;
  std::int64_t fences_lost = 0;
  std::int64_t commits_in_doubt = 0;
  std::int64_t places_lost = 0;       // the log was cut off while it was read
  std::int64_t accounts_retired = 0;  // the topic was made anew
  std::int64_t partitions_added = 0;
  std::int64_t late_beginnings = 0;  // KAFKA_START=latest

  static const std::array<std::int64_t SimulationEnd::*, 17> numbers;  // all of the above
};

inline constexpr std::array<std::int64_t SimulationEnd::*, 17> SimulationEnd::numbers{
    &SimulationEnd::records,          &SimulationEnd::commits,        &SimulationEnd::roll_ups,
    &SimulationEnd::crashes,          &SimulationEnd::power_cuts,     &SimulationEnd::moves,
    &SimulationEnd::duplicates,       &SimulationEnd::letters,        &SimulationEnd::fences_lost,
    &SimulationEnd::commits_in_doubt, &SimulationEnd::replays,        &SimulationEnd::letters_replayed,
    &SimulationEnd::copies_failed,    &SimulationEnd::places_lost,    &SimulationEnd::accounts_retired,
    &SimulationEnd::partitions_added, &SimulationEnd::late_beginnings};

// One to five processes, one to eight partitions, some hundred steps; then everything is let run to its end, and the
// store is compared with the log. The same seed tells the same story, on every machine.
[[nodiscard]] SimulationEnd simulate(std::uint64_t seed, const SimulationBugs& bugs = {});

}  // namespace weir::rollup
