// What the writing end counts, for /metrics: weir_kafka_….
#pragma once

#include "kafka/event_log.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::kafka {

// From any thread.
void collect(const EventLogCounts& counts, telemetry::Exposition& into);

}  // namespace weir::kafka
