// Thousands of worlds in which processes crash, partitions move, zombies wake and commits are lost; at the end of each
// the store must say exactly what the log says.
//
//   WEIR_SEEDS=20000 rollup_test --gtest_filter='Simulation.*'    more of them
//   WEIR_SEED=4711 rollup_test --gtest_filter='Simulation.*'      one again
#include <algorithm>
#include <cstdlib>
#include <future>
#include <iostream>
#include <thread>
#include <vector>

#include "rollup/fake_simulation.hpp"

namespace weir::rollup {
namespace {

std::optional<std::uint64_t> environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

struct Sums {
  SimulationEnd all;  // the numbers, added up
  std::optional<std::uint64_t> red;
  SimulationEnd red_end;

  void add(const SimulationEnd& end) {
    for (const auto number : SimulationEnd::numbers) all.*number += end.*number;
  }
};

// Every `stride`th seed, until one is red.
Sums simulate_many(std::uint64_t first, std::uint64_t last, std::uint64_t stride) {
  Sums sums;
  for (std::uint64_t seed = first; seed <= last && !sums.red; seed += stride) {
    SimulationEnd end = simulate(seed);
    sums.add(end);
    if (!end.fault) continue;
    sums.red = seed;
    sums.red_end = std::move(end);
  }
  return sums;
}

Sums simulate_all(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  std::vector<std::future<Sums>> parts;
  for (std::uint64_t number = 0; number < threads; ++number)
    parts.push_back(std::async(std::launch::async, simulate_many, first + number, last, threads));
  Sums sums;
  for (std::future<Sums>& part : parts) {
    Sums one = part.get();
    sums.add(one.all);
    if (!one.red || (sums.red && *sums.red < *one.red)) continue;
    sums.red = one.red;
    sums.red_end = std::move(one.red_end);
  }
  return sums;
}

TEST(Simulation, TheStoreSaysExactlyWhatTheLogSays) {
  const std::optional<std::uint64_t> one = environment("WEIR_SEED");
  const std::uint64_t last = one.value_or(environment("WEIR_SEEDS").value_or(2000));
  const Sums sums = simulate_all(one.value_or(1), last);
  if (sums.red)
    FAIL() << "WEIR_SEED=" << *sums.red << ": " << *sums.red_end.fault << "\n" << sums.red_end.last_events;
  if (one) return;

  const SimulationEnd& all = sums.all;
  std::cout << last << " worlds: " << all.records << " records, " << all.commits << " flushes, "
            << all.roll_ups << " roll-ups, " << all.crashes << " crashes, " << all.power_cuts
            << " power cuts, " << all.moves << " moves, " << all.duplicates << " duplicates, " << all.letters
            << " letters, " << all.replays << " replays, " << all.letters_replayed << " letters replayed, "
            << all.copies_failed << " copies failed, " << all.fences_lost << " fences lost, "
            << all.commits_in_doubt << " commits in doubt, " << all.places_lost << " places lost, "
            << all.accounts_retired << " accounts retired, " << all.partitions_added << " partitions added, "
            << all.late_beginnings << " late beginnings\n";
  if (last < 500) return;
  // Otherwise the worlds were too kind to prove anything.
  for (const auto number : SimulationEnd::numbers) EXPECT_GT(all.*number, 0);
}

// A proof that cannot fail proves nothing: each of these faults, planted, must be found within a tenth of the seeds.
void expect_found(const SimulationBugs& bugs, const char* what) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const SimulationEnd end = simulate(seed, bugs);
    if (!end.fault) continue;
    std::printf("%s: found with seed %llu: %s\n", what, static_cast<unsigned long long>(seed),
                end.fault->c_str());
    return;
  }
  FAIL() << what << " was not found";
}

TEST(Simulation, FindsAMissingFence) { expect_found({.store = {.no_fence = true}}, "no fence"); }

TEST(Simulation, FindsADedupeThatIsNotRebuilt) { expect_found({.forgetful = true}, "dedupe not rebuilt"); }

TEST(Simulation, FindsAnOffsetThatMovesBeforeTheWrite) {
  expect_found({.store = {.ledger_before_rows = true}}, "offset before write");
}

TEST(Simulation, FindsAnOffsetThatMovesBeforeALettersCopyIsThere) {
  expect_found({.hasty_copies = true}, "letter after offset");
}

TEST(Simulation, FindsAnUnknownCommitThatIsSentAgainUnfenced) {
  expect_found({.store = {.resend_without_fence = true}}, "unfenced repeat");
}

}  // namespace
}  // namespace weir::rollup
