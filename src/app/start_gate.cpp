#include "app/start_gate.hpp"

#include <utility>

namespace weir::app {
namespace {

constexpr const char* closed =
    "starting: KAFKA_START=latest, and the start offsets of the topic are not stored yet";

}  // namespace

void StartGate::append(intake::EventBatch events, intake::ReceiptCallback receive) {
  if (open_) return log_.append(std::move(events), std::move(receive));
  // Code log_away: the circuit breaker does not count it as a failure of the log.
  receive(
      {.all = intake::Receipt::not_kept, .each = {}, .why = {ErrorKind::unavailable, "log_away", closed}});
}

intake::LogHealth StartGate::health() const {
  intake::LogHealth health = log_.health();
  if (open_ || !health.up) return health;
  health.up = false;
  health.reason = closed;
  return health;
}

}  // namespace weir::app
