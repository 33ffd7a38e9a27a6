// How the producer connects: TLS and the login, from the same KAFKA_PROPERTY_ settings as librdkafka.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>

#include "kafka/client.hpp"
#include "sasl/exchange.hpp"
#include "tls/client_context.hpp"

namespace weir::kafka_producer {

struct Security {
  // "PLAINTEXT", "SSL", "SASL_PLAINTEXT" or "SASL_SSL".
  std::string protocol = "PLAINTEXT";
  std::optional<tls::ClientFiles> tls;     // absent: without TLS
  std::optional<sasl::Credentials> login;  // absent: without a login
};

// Reads security.protocol, sasl.mechanism(s), sasl.username, sasl.password, ssl.ca.location,
// ssl.certificate.location, ssl.key.location, ssl.key.password and ssl.endpoint.identification.algorithm,
// with librdkafka's meaning and defaults. Ignores properties that concern only consumers (fetch.…, group.…).
// The error says which property this producer does not support. It contains no secret.
[[nodiscard]] std::expected<Security, std::string> read_security(std::span<const kafka::Property> properties);

}  // namespace weir::kafka_producer
