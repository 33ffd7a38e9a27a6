#include "commit/pending_batch.hpp"

#include <algorithm>
#include <utility>

namespace weir::commit {

void Traces::add(tracing::SpanContext context, std::int32_t partition, std::int64_t offset,
                 WallTime read_at) {
  const auto known = std::ranges::find(all, context, &TracedRecords::context);
  if (known != all.end())
    ++known->records;
  else if (all.size() < tracing::span_links_max)
    all.push_back({std::move(context), partition, offset, 1, read_at});
  else
    ++dropped;
}

Backlog& Backlog::operator+=(const Backlog& more) {
  events += more.events;
  dead_letters += more.dead_letters;
  dead_letter_bytes += more.dead_letter_bytes;
  tally_bytes += more.tally_bytes;
  return *this;
}

tally::LedgerRow PendingBatch::added_to(tally::LedgerRow before, const Counts& of_replays) const {
  tally::LedgerRow after = std::move(before);
  // next_offset and last_record_hash of an empty batch are not set.
  if (empty()) return after;
  after.next_offset = next_offset;
  // `counts.read` includes the replays, the other members do not.
  after.read += counts.read;
  after.tallied += counts.tallied + of_replays.tallied;
  after.duplicate += counts.duplicate + of_replays.duplicate;
  after.dead_lettered += counts.dead_lettered + of_replays.dead_lettered;
  after.skipped += counts.skipped;
  after.last_record_hash = last_record_hash;
  return after;
}

}  // namespace weir::commit
