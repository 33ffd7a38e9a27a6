#include "rollup/begin_at_end.hpp"

namespace weir::rollup {
namespace {

Result<PartitionStart> end_of(LogReader& log, std::int32_t partition) {
  Result<LogBounds> bounds = log.bounds(partition);
  if (!bounds) return pass_on(bounds);
  PartitionStart start{.partition = partition,
                       .start_offset = bounds->start,
                       .next_offset = bounds->end,
                       .last_record_hash = std::nullopt};
  if (bounds->start == bounds->end) return start;
  auto last = log.landmark(partition, bounds->end - 1);
  if (!last) return pass_on(last);
  if (*last) start.last_record_hash = (*last)->hash;
  return start;
}

}  // namespace

Result<std::int64_t> begin_at_end(LogReader& log, MetricsStore& store, WallTime now) {
  Result<std::int32_t> partitions = log.partitions();
  if (!partitions) return pass_on(partitions);
  std::vector<PartitionStart> starts;
  std::int64_t left_out = 0;
  for (std::int32_t partition = 0; partition < *partitions; ++partition) {
    Result<PartitionStart> start = end_of(log, partition);
    if (!start) return pass_on(start);
    left_out += start->next_offset - start->start_offset;
    starts.push_back(*std::move(start));
  }
  Result<bool> begun = store.begin_topic(starts, now);
  if (!begun) return pass_on(begun);
  return *begun ? left_out : 0;
}

}  // namespace weir::rollup
