#include "kafka_producer/security.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace weir::kafka_producer {
namespace {

constexpr std::array<std::string_view, 4> protocols{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

// The values of the supported properties, by librdkafka's names.
struct Values {
  std::string protocol = "PLAINTEXT";
  std::string mechanism = "GSSAPI";  // librdkafka's default
  std::string user;
  std::string password;
  std::string host_check = "https";
  tls::ClientFiles files;
};

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

// Returns false if the property is not supported.
bool set(Values& values, const kafka::Property& property) {
  const auto& [name, value] = property;
  if (name == "security.protocol")
    values.protocol = upper(value);
  else if (name == "sasl.mechanism" || name == "sasl.mechanisms")
    values.mechanism = value;
  else if (name == "sasl.username")
    values.user = value;
  else if (name == "sasl.password")
    values.password = value;
  else if (name == "ssl.ca.location")
    values.files.authorities = value;
  else if (name == "ssl.certificate.location")
    values.files.certificate = value;
  else if (name == "ssl.key.location")
    values.files.key = value;
  else if (name == "ssl.key.password")
    values.files.key_password = value;
  else if (name == "ssl.endpoint.identification.algorithm")
    values.host_check = value;
  else
    return name.starts_with("fetch.") || name.starts_with("group.");
  return true;
}

}  // namespace

std::expected<Security, std::string> read_security(std::span<const kafka::Property> properties) {
  Values values;
  for (const auto& property : properties)
    if (!set(values, property)) return std::unexpected("KAFKA_PROPERTY_ sets " + property.first);
  if (std::ranges::find(protocols, values.protocol) == protocols.end())
    return std::unexpected("security.protocol is " + values.protocol);
  Security security{.protocol = values.protocol, .tls = {}, .login = {}};
  if (values.protocol.ends_with("SSL")) {
    // librdkafka looks for authorities in its own list of places.
    if (values.files.authorities == "probe") values.files.authorities.clear();
    if (values.host_check != "https" && values.host_check != "none")
      return std::unexpected("ssl.endpoint.identification.algorithm is " + values.host_check);
    values.files.checks_host = values.host_check == "https";
    security.tls = values.files;
  }
  if (values.protocol.starts_with("SASL")) {
    const auto mechanism = sasl::parse_mechanism(values.mechanism);
    if (!mechanism) return std::unexpected("sasl.mechanism is " + values.mechanism);
    security.login = sasl::Credentials{*mechanism, values.user, values.password};
  }
  return security;
}

}  // namespace weir::kafka_producer
