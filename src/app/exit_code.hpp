// What a process leaves with that cannot start or go on.
#pragma once

#include "base/result.hpp"
#include "commit/dimension_registration.hpp"
#include "kafka/client.hpp"

namespace weir::app {

// 2: settings are to blame that are well-formed each by itself. Some contradict each other, which only
// librdkafka can tell when it makes a client of them. DIMENSIONS can contradict the database. Else 1.
[[nodiscard]] inline int exit_code_of(const Error& error) {
  const bool settings = error.code == kafka::code_settings || error.code == commit::code_another_source ||
                        error.code == commit::code_dimensions_full;
  return settings ? 2 : 1;
}

}  // namespace weir::app
