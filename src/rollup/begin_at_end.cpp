#include "rollup/begin_at_end.hpp"

namespace weir::rollup {

Result<void> begin_at_end(LogReader& log, MetricsStore& store, WallTime now) {
  Result<std::int32_t> partitions = log.partitions();
  if (!partitions) return pass_on(partitions);
  std::vector<PartitionStart> starts;
  for (std::int32_t partition = 0; partition < *partitions; ++partition) {
    Result<LogBounds> bounds = log.bounds(partition);
    if (!bounds) return pass_on(bounds);
    starts.push_back({partition, bounds->end});
  }
  return store.begin_topic(starts, now);
}

}  // namespace weir::rollup
