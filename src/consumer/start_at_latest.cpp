#include "consumer/start_at_latest.hpp"

namespace weir::consumer {
namespace {

Result<commit::PartitionStart> start_at_end(LogReader& log, std::int32_t partition) {
  Result<Watermarks> bounds = log.bounds(partition);
  if (!bounds) return propagate(bounds);
  commit::PartitionStart start{.partition = partition,
                               .start_offset = bounds->start,
                               .next_offset = bounds->end,
                               .last_record_hash = std::nullopt};
  if (bounds->start == bounds->end) return start;
  // The hash of the last record identifies the log at the next opening, as after a flush.
  auto last = log.record_identity(partition, bounds->end - 1);
  if (!last) return propagate(last);
  if (*last) start.last_record_hash = (*last)->hash;
  return start;
}

}  // namespace

Result<std::int64_t> start_at_latest(LogReader& log, commit::MetricsStore& store, WallTime now) {
  // All ends are read before anything is written: an error leaves the topic as it was.
  Result<std::int32_t> partitions = log.partition_count();
  if (!partitions) return propagate(partitions);
  std::vector<commit::PartitionStart> starts;
  std::int64_t skipped = 0;
  for (std::int32_t partition = 0; partition < *partitions; ++partition) {
    Result<commit::PartitionStart> start = start_at_end(log, partition);
    if (!start) return propagate(start);
    skipped += start->next_offset - start->start_offset;
    starts.push_back(*std::move(start));
  }
  Result<bool> created = store.begin_topic(starts, now);
  if (!created) return propagate(created);
  return *created ? skipped : 0;
}

}  // namespace weir::consumer
