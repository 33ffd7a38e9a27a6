// KAFKA_START=latest: a topic that was never counted is counted from its current end.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

// If the topic has no ledger row, writes one row for each of its partitions, all in one transaction. Each row
// starts at the partition's current end and records the offsets before it as skipped. If the topic has a
// ledger row, does nothing. Returns the number of offsets that were recorded as skipped.
//
// Call it before the Runner is created, on the thread that creates it, and before this process accepts an
// event for the topic. Blocks as long as the log and the store do. A partition that is added to the topic
// later has no row, so it is counted from its start.
//
// Errors are those of the log and of the store. After an error the call may be repeated.
[[nodiscard]] Result<std::int64_t> start_at_latest(LogReader& log, commit::MetricsStore& store, WallTime now);

}  // namespace weir::consumer
