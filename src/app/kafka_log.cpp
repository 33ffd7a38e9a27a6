#include "app/log_adapter.hpp"

namespace weir::app {

Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings&, KafkaEnds, observe::Log&) {
  return fail(Move::caller, "not_built", "EVENT_LOG=kafka is not built yet");
}

}  // namespace weir::app
