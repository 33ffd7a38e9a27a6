// Why a client of librdkafka has no connection. A query that reaches no broker only times out. librdkafka
// reports the reason (a certificate, a password) as an error event on the main queue of the client.
#pragma once

#include <optional>

#include "base/result.hpp"

struct rd_kafka_s;

namespace weir::kafka {

// Not thread-safe.
class ConnectionFailure {
 public:
  // Takes all events from the main queue of the client, which must have RD_KAFKA_EVENT_ERROR enabled. Does
  // not block.
  void collect(rd_kafka_s* client);
  // Call it when the client has reached a broker.
  void clear() { last_.reset(); }
  // The last failure since clear() that says more than "no broker is reachable": tls_failed,
  // not_authenticated and the others of errors.hpp, except broker_unavailable and timed_out. The text has no
  // secret, and is the same for the same reason.
  [[nodiscard]] const std::optional<Error>& last() const { return last_; }

 private:
  std::optional<Error> last_;
};

// Returns what an operator must know about a refused login with this mechanism, or an empty text. Debian's
// librdkafka repeats the client's nonce in its last SCRAM message (its pull request 4895, fixed in 2.6.1).
// Kafka accepts that up to 3.9. Kafka 4.0 refuses it as invalid credentials (CVE-2024-56128).
// `librdkafka_version` is that of rd_kafka_version().
[[nodiscard]] std::string_view scram_advice(std::string_view reason, int librdkafka_version);

}  // namespace weir::kafka
