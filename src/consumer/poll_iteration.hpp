// One iteration of the consumer's poll loop, without the loop: the Runner calls it with a clock and a wait
// around it, the simulation without.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "consumer/consumer.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

// The commands that the caller must execute.
struct IterationResult {
  // Give these jobs to the writer in this order. Return them in the order in which they end.
  std::vector<Job> jobs;
  std::vector<FlushDone> flushes;
  std::optional<Exit> exit;
};

// Passes the result of poll(), the jobs that have ended and the results of the dead letter topic to the
// consumer. Then calls tick() and executes all commands that concern the log and the dead letter topic.
//
// `dead_letter_topic` is nullptr if ConsumerSettings::dlq_enabled is false. `now` is read after the poll.
// Blocks as long as a query of the log does. After one query without an answer, no other is made.
[[nodiscard]] IterationResult run_poll_iteration(Consumer& consumer, LogReader& reader,
                                                 DeadLetterTopic* dead_letter_topic,
                                                 const Result<std::vector<LogEvent>>& polled,
                                                 std::vector<Job> ended, Now now);

}  // namespace weir::consumer
