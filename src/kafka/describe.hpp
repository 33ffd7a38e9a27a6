// What the writing end counts, for /metrics: weir_kafka_….
#pragma once

#include "kafka/event_log.hpp"

namespace weir::observe {
class Exposition;
}

namespace weir::kafka {

// From any thread.
void describe(const EventLogCounts& counts, observe::Exposition& into);

}  // namespace weir::kafka
