#include "consumer/start_at_latest.hpp"

namespace weir::consumer {
namespace {

Result<commit::PartitionStart> end_of(LogReader& log, std::int32_t partition) {
  Result<Watermarks> bounds = log.bounds(partition);
  if (!bounds) return propagate(bounds);
  commit::PartitionStart start{.partition = partition,
                               .start_offset = bounds->start,
                               .next_offset = bounds->end,
                               .last_record_hash = std::nullopt};
  if (bounds->start == bounds->end) return start;
  auto last = log.record_identity(partition, bounds->end - 1);
  if (!last) return propagate(last);
  if (*last) start.last_record_hash = (*last)->hash;
  return start;
}

}  // namespace

Result<std::int64_t> start_at_latest(LogReader& log, commit::MetricsStore& store, WallTime now) {
  Result<std::int32_t> partitions = log.partition_count();
  if (!partitions) return propagate(partitions);
  std::vector<commit::PartitionStart> starts;
  std::int64_t left_out = 0;
  for (std::int32_t partition = 0; partition < *partitions; ++partition) {
    Result<commit::PartitionStart> start = end_of(log, partition);
    if (!start) return propagate(start);
    left_out += start->next_offset - start->start_offset;
    starts.push_back(*std::move(start));
  }
  Result<bool> begun = store.begin_topic(starts, now);
  if (!begun) return propagate(begun);
  return *begun ? left_out : 0;
}

}  // namespace weir::consumer
