// What is drawn for a simulated world from its seed: how it is, and what its users do.
#pragma once

#include <array>
#include <cstdint>

#include "simulation/dice.hpp"
#include "simulation/oracle.hpp"

namespace weir::simulation {

// What becomes of the topic beside being written to. One thing in a world, for each takes something away by
// which the others are judged.
enum class TopicLife : std::uint8_t {
  quiet,
  begun_late,  // there are records before the first process comes, and KAFKA_START is latest
  cut_off,     // retention takes records, counted or not: without message ids, which may be gone or not
  made_anew,   // and has no holes then, nor the wall clock jumps: the logs are told apart by their records
  growing,     // partitions are added: the dedupe is bounded by time alone, not by shares that change
};

// How this seed's world is: drawn once.
struct Character {
  static constexpr std::int32_t partitions_max = 12;

  explicit Character(Dice& dice)
      : processes(1 + dice.roll(5)),
        partitions(1 + dice.roll(dice.one_in(4) ? partitions_max : 4)),
        steps(150 + dice.roll(250)),
        store_fault_one_in(std::array{0, 0, 60, 20, 8}[static_cast<std::size_t>(dice.roll(5))]),
        log_fault_one_in(std::array{0, 0, 80}[static_cast<std::size_t>(dice.roll(3))]),
        trouble_one_in(std::array{0, 40, 15, 7}[static_cast<std::size_t>(dice.roll(4))]),
        copy_fault_one_in(std::array{0, 20, 4}[static_cast<std::size_t>(dice.roll(3))]),
        topic_life(dice.one_in(2) ? TopicLife::quiet : static_cast<TopicLife>(1 + dice.roll(4))),
        copies(dice.one_in(2)),
        slow_writer(dice.one_in(3)),
        power_cuts(dice.one_in(2) && topic_life == TopicLife::quiet),
        failover_one_in(dice.one_in(3) && !power_cuts ? 80 : 0),
        ages(dice.one_in(4)),
        clock_jumps(dice.one_in(4) && topic_life != TopicLife::made_anew) {
    if (failover_one_in > 0) steps += 300;  // so that there is something to fall back from, more than once
  }

  int processes;
  std::int32_t partitions;  // at first
  int steps;
  int store_fault_one_in;  // 0: never
  int log_fault_one_in;
  int trouble_one_in;  // crashes, rebalances, zombies
  int copy_fault_one_in;
  TopicLife topic_life;
  bool copies;  // dead letters are copied
  bool slow_writer;
  bool power_cuts;      // those of an embedded store and its log, which is quiet
  int failover_one_in;  // to a standby that lags; the log and the processes live on
  bool ages;            // days go by, and retention takes windows
  bool clock_jumps;
  // Of the worlds whose clock jumps. No event is late there by more than its minute is kept: whether one is
  // would depend on what the clock showed when it was read.
  [[nodiscard]] bool clock_steps_by_days() const { return clock_jumps && processes % 2 == 0; }
  [[nodiscard]] bool records_from_the_future() const { return clock_jumps && processes % 2 != 0 && !ages; }
};

// What somebody does next.
[[nodiscard]] inline Told draw_event(Dice& dice, WallTime now, bool with_message_ids) {
  Told told{.user = "u" + std::to_string(dice.roll(6)), .at = now};
  if (dice.one_in(12)) told.kind = static_cast<Told::Kind>(1 + dice.roll(3));
  if (!dice.one_in(3)) told.page = "/p" + std::to_string(dice.roll(3));
  if (dice.one_in(3)) told.referrer = "r" + std::to_string(dice.roll(2)) + ".example";
  if (dice.one_in(3)) told.type = "click";
  if (with_message_ids && dice.one_in(2)) told.message_id = "m" + std::to_string(dice.roll(5));
  if (dice.one_in(4)) told.at -= std::chrono::minutes{45 * dice.roll(4)};
  if (dice.one_in(12)) told.at -= std::chrono::days{1 + dice.roll(2)};
  if (told.type == "click") told.campaign = "c" + told.user.substr(1);
  if (!told.referrer.empty()) told.term = "t" + told.user.substr(1);
  if (told.kind == Told::Kind::ahead) told.at = now + std::chrono::hours{49};
  return told;
}

}  // namespace weir::simulation
