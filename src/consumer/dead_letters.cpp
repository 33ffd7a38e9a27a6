// A dead letter exists twice: in the pending batch, for its row, and as a copy that is in flight to the
// topic. The copy is made from the batch when it is sent, so a repeated copy needs no memory of its own.
#include "consumer/dead_letters.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"

namespace weir::consumer {

commit::DeadLetter make_dead_letter(std::int32_t partition, const RecordView& record, Error why) {
  commit::DeadLetter dead_letter{.partition = partition,
                                 .offset = record.offset,
                                 .reason = std::string(why.code),
                                 .detail = std::move(why.text),
                                 .key = {},
                                 .value = {},
                                 .at = {}};
  if (!record.key.empty()) dead_letter.key = std::string(record.key);
  if (record.value) dead_letter.value = std::string(*record.value);
  return dead_letter;
}

DeadLetterTopic::Copy make_dlq_copy(const std::string& topic, std::int32_t partition,
                                    const commit::PendingBatch& batch, std::int64_t offset) {
  DeadLetterTopic::Copy copy{.ticket = {.partition = partition, .offset = offset},
                             .dead_letter = {},
                             .source = {topic, partition, offset}};
  // Both lists are in the order of the log.
  const auto found = std::ranges::lower_bound(batch.dead_letters, offset, {}, &commit::DeadLetter::offset);
  if (found != batch.dead_letters.end() && found->offset == offset) {
    copy.dead_letter = *found;
    return copy;
  }
  // A replay that failed again: its copy names the dead letter that it repeats.
  const auto replay = std::ranges::lower_bound(batch.replays, offset, {}, &commit::Replay::offset);
  ensure(replay != batch.replays.end() && replay->offset == offset && replay->dead_letter,
         "a dead letter without a copy is in its batch");
  copy.dead_letter = *replay->dead_letter;
  copy.source = replay->source;
  return copy;
}

}  // namespace weir::consumer
