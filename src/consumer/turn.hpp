// One turn of the consumer's thread, without the thread: what the runner does with a clock and a wait around
// it, and the simulation without.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "consumer/consumer.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

// What a turn leaves to be done elsewhere.
struct TurnResult {
  std::vector<Job> jobs;  // for the writer, in this order; bring them back in the order they end
  std::vector<FlushDone> flushes;
  std::optional<Exit> exit;
};

// Tells the consumer what poll() answered and which jobs have ended, lets it tick, and carries out all its
// commands on the log and on the copies of dead letters (nullptr: there are none, and
// ConsumerSettings::dlq_enabled is false). `now` is a moment after the poll. Waits for the log as
// LogReader's questions do, but after one that gets no answer asks no other.
[[nodiscard]] TurnResult run_turn(Consumer& consumer, LogReader& reader, DeadLetterTopic* copies,
                                  const Result<std::vector<LogEvent>>& polled, std::vector<Job> ended,
                                  Now now);

}  // namespace weir::consumer
