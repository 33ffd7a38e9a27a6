// The exit code of a process that cannot start or continue.
#pragma once

#include "base/result.hpp"
#include "commit/dimension_registration.hpp"
#include "kafka/client.hpp"
#include "schema/schema_set.hpp"
#include "tls/server_identity.hpp"

namespace weir::app {

// Returns 2 if settings are to blame that are well-formed each by itself, 1 for any other error. Only
// librdkafka knows which of its settings contradict each other; it reports that when a client is created.
// DIMENSIONS can contradict the database. A schema in SCHEMA_DIR can be wrong, and a file of TLS_CERT and
// TLS_KEY.
[[nodiscard]] inline int exit_code_of(const Error& error) {
  const bool settings = error.code == kafka::code_settings || error.code == commit::code_another_source ||
                        error.code == commit::code_dimensions_full || error.code == schema::code_schema_dir ||
                        error.code == tls::code_tls_files;
  return settings ? 2 : 1;
}

}  // namespace weir::app
