// What a consuming process counts, for /metrics: weir_consumer_….
#pragma once

#include "base/clock.hpp"
#include "rollup/status.hpp"

namespace weir::observe {
class Exposition;
}

namespace weir::rollup {

// Ages are against `now`. A few series for each partition that this process holds.
void describe(const Status& status, Now now, observe::Exposition& into);

}  // namespace weir::rollup
