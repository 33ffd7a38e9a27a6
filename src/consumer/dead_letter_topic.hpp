// The interface through which the consumer writes dead letters to the dead letter topic, `<topic>.dlq`.
//
// A dead letter is a row of activity_dead_letters; the record on the topic is a copy. A copy is written at
// least once, and before the flush that stores the row and moves next_offset.
//
// Implementation: kafka/dead_letter_topic.hpp. The embedded log has no dead letter topic.
// Threads: all calls come from the consumer's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"

namespace weir::consumer {

class DeadLetterTopic {
 public:
  // Identifies a copy: the record's partition and offset, and the generation of the Partition object that
  // sent it (rebalance.hpp). A result for an older generation is ignored.
  struct Ticket {
    std::int32_t partition = 0;
    std::uint64_t generation = 0;
    std::int64_t offset = 0;
  };
  struct Copy {
    Ticket ticket;
    commit::DeadLetter dead_letter;
    // Header weir.source: the record itself or, if the record is a replay, the dead letter that it repeats.
    commit::DeadLetterId source;
  };
  struct CopyResult {
    Ticket ticket;
    // Why the copy may be missing on the topic; nullopt if the topic has it. Send a failed copy again.
    std::optional<Error> failure;
  };

  DeadLetterTopic() = default;
  DeadLetterTopic(const DeadLetterTopic&) = delete;
  DeadLetterTopic& operator=(const DeadLetterTopic&) = delete;
  virtual ~DeadLetterTopic() = default;

  // Queues the copy and returns; never blocks. Each copy has exactly one result. When there is a result, the
  // implementation wakes the LogReader's poll().
  virtual void send(Copy copy) = 0;
  // Returns the results since the last call.
  virtual std::vector<CopyResult> take_results() = 0;
};

}  // namespace weir::consumer
