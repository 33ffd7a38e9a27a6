// What a process leaves with that cannot start or go on.
#pragma once

#include "base/result.hpp"
#include "kafka/client.hpp"

namespace weir::app {

// 2: settings are to blame, each allowed by itself, that contradict each other, which only librdkafka can
// tell, and only when it is to make a client of them. Else 1.
[[nodiscard]] inline int exit_code_of(const Error& error) {
  return error.code == kafka::code_settings ? 2 : 1;
}

}  // namespace weir::app
