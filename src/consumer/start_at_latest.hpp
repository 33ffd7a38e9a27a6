// KAFKA_START=latest: a topic that was never counted is counted from now on.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

// If the topic has no ledger row at all, makes one for each of its partitions, all at once, where that
// partition ends now; else does nothing. The offsets before that end are recorded as skipped. Returns how
// many those are; 0 as well where there were rows already.
//
// Call it before the Runner is made, on the thread that makes it, and before this process accepts any event
// for the topic; blocks as log and store do. A partition that is added to the topic later has no row yet and
// is counted from its start. May be called again after an error.
[[nodiscard]] Result<std::int64_t> start_at_latest(LogReader& log, commit::MetricsStore& store, WallTime now);

}  // namespace weir::consumer
