// What a consuming process counts, for /metrics: weir_consumer_….
#pragma once

#include "base/clock.hpp"
#include "consumer/status.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::consumer {

// Ages are against `now`. A few series for each partition that this process holds.
void collect(const Status& status, Now now, telemetry::Exposition& into);

}  // namespace weir::consumer
