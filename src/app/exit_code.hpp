// The exit code of a process that cannot start or continue.
#pragma once

#include "base/result.hpp"
#include "kafka/client.hpp"

namespace weir::app {

// Returns 2 if librdkafka refuses the combination of its settings. Only librdkafka knows which settings
// contradict each other; it reports that when a client is created. Returns 1 for any other error.
[[nodiscard]] inline int exit_code_of(const Error& error) {
  return error.code == kafka::code_settings ? 2 : 1;
}

}  // namespace weir::app
