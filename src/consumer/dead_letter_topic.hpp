// The port through which copies of dead letters leave: filled by kafka with the topic `<topic>.dlq`. The
// truth is the row in activity_dead_letters; the copy is made first, at least once, and the offset moves only
// when it is durable.
//
// All calls come from one thread, the consumer's. With the embedded log there is none.
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
  // Which letter of which Partition object (its generation) a copy is of.
  struct Ticket {
    std::int32_t partition = 0;
    std::uint64_t generation = 0;
    std::int64_t offset = 0;
  };
  struct Copy {
    Ticket ticket;
    commit::DeadLetter dead_letter;
    commit::DeadLetterId
        source;  // header weir.source, as "topic/partition/offset": its own place, or of a replay its source's
  };
  struct CopyResult {
    Ticket ticket;
    std::optional<Error> failure;  // not known to be there: send it again
  };

  DeadLetterTopic() = default;
  DeadLetterTopic(const DeadLetterTopic&) = delete;
  DeadLetterTopic& operator=(const DeadLetterTopic&) = delete;
  virtual ~DeadLetterTopic() = default;

  // Never blocks. Each copy ends exactly once, well or with a failure; the reader's poll() is woken when one
  // has.
  virtual void send(Copy copy) = 0;
  // Those that ended since the last call.
  virtual std::vector<CopyResult> take_results() = 0;
};

}  // namespace weir::consumer
