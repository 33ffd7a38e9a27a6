// What a step of the wall clock means for the consumer.
#include <chrono>
#include <string>

#include "activity/rfc3339.hpp"
#include "consumer/consumer.hpp"

namespace weir::consumer {
namespace {

// Clocks are always slewed a little; and what an operator should hear of.
constexpr std::chrono::milliseconds clock_step_min{100};
constexpr std::chrono::minutes clock_step_told_min{1};

}  // namespace

void Consumer::read_settled_clock(Now now) {
  const SettledClock::Reading read = clock_.read(now);
  settled_ = read.settled;
  if (std::chrono::abs(read.step) < clock_step_min) return;
  for (auto& [partition, slot] : slots_)
    if (slot.partition) slot.partition->clock_stepped(read.step);
  if (std::chrono::abs(read.step) < clock_step_told_min) return;
  logger_.warn(
      "the wall clock was stepped; the ages of unread records are as before",
      {{"by_seconds", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(read.step).count())},
       {"retention_goes_by", activity::format_rfc3339(settled_)}});
}

}  // namespace weir::consumer
