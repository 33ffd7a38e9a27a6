// Thousands of worlds in which processes crash, partitions move, zombies wake and commits are lost; at the end of each
// the store must say exactly what the log says.
//
//   WEIR_SEEDS=20000 rollup_test --gtest_filter='Simulation.*'    more of them
//   WEIR_SEED=4711 rollup_test --gtest_filter='Simulation.*'      one again
#include <cstdlib>

#include "rollup/fake_simulation.hpp"

namespace weir::rollup {
namespace {

std::optional<std::uint64_t> environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

TEST(Simulation, TheStoreSaysExactlyWhatTheLogSays) {
  const std::optional<std::uint64_t> one = environment("WEIR_SEED");
  const std::uint64_t first = one.value_or(1);
  const std::uint64_t last = one ? *one : environment("WEIR_SEEDS").value_or(2000);
  SimulationEnd sums;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const SimulationEnd end = simulate(seed);
    if (end.fault) FAIL() << "WEIR_SEED=" << seed << ": " << *end.fault << "\n" << end.last_events;
    sums.records += end.records;
    sums.commits += end.commits;
    sums.roll_ups += end.roll_ups;
    sums.crashes += end.crashes;
    sums.moves += end.moves;
    sums.duplicates += end.duplicates;
    sums.letters += end.letters;
    sums.fences_lost += end.fences_lost;
    sums.commits_in_doubt += end.commits_in_doubt;
  }
  std::printf(
      "%llu worlds: %lld records, %lld flushes, %lld roll-ups, %lld crashes, %lld moves, %lld duplicates, "
      "%lld letters, %lld fences lost, %lld commits in doubt\n",
      static_cast<unsigned long long>(last - first + 1), static_cast<long long>(sums.records),
      static_cast<long long>(sums.commits), static_cast<long long>(sums.roll_ups),
      static_cast<long long>(sums.crashes), static_cast<long long>(sums.moves),
      static_cast<long long>(sums.duplicates), static_cast<long long>(sums.letters),
      static_cast<long long>(sums.fences_lost), static_cast<long long>(sums.commits_in_doubt));
  if (one) return;
  // Otherwise the worlds were too kind to prove anything.
  EXPECT_GT(sums.roll_ups, 0);
  EXPECT_GT(sums.crashes, 0);
  EXPECT_GT(sums.duplicates, 0);
  EXPECT_GT(sums.letters, 0);
  EXPECT_GT(sums.fences_lost, 0);
  EXPECT_GT(sums.commits_in_doubt, 0);
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

TEST(Simulation, FindsAnUnknownCommitThatIsSentAgainUnfenced) {
  expect_found({.store = {.resend_without_fence = true}}, "unfenced repeat");
}

}  // namespace
}  // namespace weir::rollup
