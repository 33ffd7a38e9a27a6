// The metrics of a consuming process: weir_consumer_…. IMPLEMENTATION.md lists them.
#pragma once

#include "base/clock.hpp"
#include "consumer/status.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::consumer {

// Adds the metrics of `status` to `into`. Ages are relative to `now`. Adds six series for each partition that
// is open in this process; the other series have fixed labels.
void collect(const Status& status, Now now, telemetry::Exposition& into);

}  // namespace weir::consumer
