// What the seed decides about a simulated cluster: its size, which faults occur and how often, and the events
// that its users send.
#pragma once

#include <array>
#include <cstdint>

#include "simulation/dice.hpp"
#include "simulation/oracle.hpp"

namespace weir::simulation {

// What happens to the topic besides appends. One of these in each run: each makes some other check
// impossible.
enum class TopicChange : std::uint8_t {
  none,
  // The topic has records before the first process starts, and KAFKA_START is latest.
  started_late,
  // Retention deletes records, counted or not. Events have no message ids: earlier ones may be deleted.
  cut_off,
  // The topic is deleted and created again. It has no holes, and the clock no steps: records identify the
  // log.
  recreated,
  // Partitions are added. The dedupe is bounded by time alone, for the share of each partition changes.
  growing,
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
  // Consumers in the group.
  int processes;
  // The number of partitions at the start.
  std::int32_t partitions;
  // Steps of the part in which things fail.
  int steps;
  // Failed calls of the store.
  int store_fault_one_in;
  // Failed calls of the log.
  int log_fault_one_in;
  // Crashes, rebalances, frozen processes, lost sessions.
  int incident_one_in;
  // Failed copies of dead letters.
  int dlq_fault_one_in;
  TopicChange topic_change;
  // Dead letters are copied to their topic.
  bool dlq_enabled;
  // The writer makes one store call in each of its steps, not four.
  bool slow_writer;
  // Power cuts of a machine with an embedded store and log.
  bool power_cuts;
  // Failovers to a standby that lags. The log and the processes keep running.
  int failover_one_in;
  // Days pass, so that retention prunes windows.
  bool days_pass;
  // The wall clock steps.
  bool clock_steps;

  // Variants of clock_steps. In these runs no event is later than its minute is kept. Whether it is too late
  // would depend on the clock at the time of reading.
  [[nodiscard]] bool clock_steps_by_days() const { return clock_steps && processes % 2 == 0; }
  [[nodiscard]] bool records_from_the_future() const {
    return clock_steps && processes % 2 != 0 && !days_pass;
  }
};

// Returns the next event that a user sends.
// Some are dead letters, late, repeated or of the past days.
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
