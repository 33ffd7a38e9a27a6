// What the seed decides about a simulated cluster: its size, which faults occur and how often, and the events
// that its users send.
#pragma once

#include <array>
#include <cstdint>

#include "simulation/dice.hpp"
#include "simulation/oracle.hpp"

namespace weir::simulation {

// What happens to the topic besides appends. One of these in each run: each makes some other check impossible.
enum class TopicChange : std::uint8_t {
  none,
  started_late,  // the topic has records before the first process starts, and KAFKA_START is latest
  cut_off,       // retention deletes records, counted or not; no message ids, for some may be deleted
  recreated,     // no holes and no wall clock steps: records identify the log
  growing,       // partitions are added; the dedupe is bounded by time alone, for the share of each changes
};

// Drawn once from the seed. The order of the members is the order of the draws: a change of it changes what
// every seed does.
struct Parameters {
  static constexpr std::int32_t partitions_max = 12;

  explicit Parameters(Dice& dice)
      : processes(1 + dice.roll(5)),
        partitions(1 + dice.roll(dice.one_in(4) ? partitions_max : 4)),
        steps(150 + dice.roll(250)),
        store_fault_one_in(std::array{0, 0, 60, 20, 8}[static_cast<std::size_t>(dice.roll(5))]),
        log_fault_one_in(std::array{0, 0, 80}[static_cast<std::size_t>(dice.roll(3))]),
        incident_one_in(std::array{0, 40, 15, 7}[static_cast<std::size_t>(dice.roll(4))]),
        dlq_fault_one_in(std::array{0, 20, 4}[static_cast<std::size_t>(dice.roll(3))]),
        topic_change(dice.one_in(2) ? TopicChange::none : static_cast<TopicChange>(1 + dice.roll(4))),
        dlq_enabled(dice.one_in(2)),
        slow_writer(dice.one_in(3)),
        power_cuts(dice.one_in(2) && topic_change == TopicChange::none),
        failover_one_in(dice.one_in(3) && !power_cuts ? 80 : 0),
        days_pass(dice.one_in(4)),
        clock_steps(dice.one_in(4) && topic_change != TopicChange::recreated) {
    if (failover_one_in > 0) steps += 300;  // time for several checkpoints and failovers
  }

  // `…_one_in`: on average one in so many steps or calls; 0: never.
  int processes;
  std::int32_t partitions;  // at the start
  int steps;
  int store_fault_one_in;
  int log_fault_one_in;
  int incident_one_in;  // crashes, rebalances, frozen processes
  int dlq_fault_one_in;
  TopicChange topic_change;
  bool dlq_enabled;
  bool slow_writer;
  bool power_cuts;      // of a machine with an embedded store and log
  int failover_one_in;  // to a standby that lags; the log and the processes keep running
  bool days_pass;       // retention prunes windows
  bool clock_steps;

  // Variants of clock_steps. In these runs no event is later than its minute is kept: whether it is too late
  // would depend on the clock at the time of reading.
  [[nodiscard]] bool clock_steps_by_days() const { return clock_steps && processes % 2 == 0; }
  [[nodiscard]] bool records_from_the_future() const {
    return clock_steps && processes % 2 != 0 && !days_pass;
  }
};

// Returns the next event that a user sends.
[[nodiscard]] inline consumer::TestEvent draw_event(Dice& dice, WallTime now, bool with_message_ids) {
  consumer::TestEvent event{.user = "u" + std::to_string(dice.roll(6)), .at = now};
  if (dice.one_in(12)) event.kind = static_cast<consumer::TestEvent::Kind>(1 + dice.roll(3));
  if (!dice.one_in(3)) event.page = "/p" + std::to_string(dice.roll(3));
  if (dice.one_in(3)) event.referrer = "r" + std::to_string(dice.roll(2)) + ".example";
  if (dice.one_in(3)) event.type = "click";
  if (with_message_ids && dice.one_in(2)) event.message_id = "m" + std::to_string(dice.roll(5));
  if (dice.one_in(4)) event.at -= std::chrono::minutes{45 * dice.roll(4)};
  if (dice.one_in(12)) event.at -= std::chrono::days{1 + dice.roll(2)};
  if (event.kind == consumer::TestEvent::Kind::ahead) event.at = now + std::chrono::hours{49};
  return event;
}

}  // namespace weir::simulation
