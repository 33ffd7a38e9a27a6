// The metrics of the event log: weir_kafka_….
#pragma once

#include "kafka/event_log_state.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::kafka {

// Adds them to a scrape. From any thread.
void collect(const EventLogCounts& counts, telemetry::Exposition& into);

}  // namespace weir::kafka
