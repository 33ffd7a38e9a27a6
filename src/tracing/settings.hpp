// The settings of tracing, with the names and meanings of OpenTelemetry's environment variables
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Value types and pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::tracing {

// OTEL_EXPORTER_OTLP_PROTOCOL.
enum class Protocol : std::uint8_t { http_protobuf, http_json };

// OTEL_TRACES_SAMPLER.
enum class SamplerKind : std::uint8_t {
  always_on,
  always_off,
  traceidratio,
  parentbased_always_on,
  parentbased_always_off,
  parentbased_traceidratio,
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

struct TracingSettings {
  std::string endpoint;         // OTEL_EXPORTER_OTLP_ENDPOINT
  std::string traces_endpoint;  // OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  TextPairs headers;            // secrets
  Protocol protocol = Protocol::http_protobuf;
  std::chrono::milliseconds timeout{10'000};  // of one request
  std::string service_name;
  TextPairs resource_attributes;
  SamplerKind sampler = SamplerKind::parentbased_always_on;
  double sampler_ratio = 1.0;
  bool disabled = false;     // OTEL_SDK_DISABLED
  bool no_exporter = false;  // OTEL_TRACES_EXPORTER=none
  // OTEL_BSP_…
  std::size_t queue_max = 2048;
  std::size_t batch_max = 512;
  std::chrono::milliseconds schedule_delay{5000};

  // Whether spans are recorded and exported. Off unless an endpoint is set.
  [[nodiscard]] bool is_on() const {
    return !disabled && !no_exporter && !(endpoint.empty() && traces_endpoint.empty());
  }
  // Returns the URL for traces: that of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT as it is, else the common one with
  // /v1/traces.
  [[nodiscard]] std::string url() const;
  // Returns the attributes of the resource, service.name first. OTEL_SERVICE_NAME wins over
  // OTEL_RESOURCE_ATTRIBUTES; without both it is `weir`.
  [[nodiscard]] TextPairs resource(std::string_view version) const;
};

// Parses `name=value,name=value` with percent-encoded values, as in OTEL_EXPORTER_OTLP_HEADERS and
// OTEL_RESOURCE_ATTRIBUTES. Returns nothing if an entry has no name or no '='. White space around names and
// values is removed.
[[nodiscard]] std::optional<TextPairs> parse_pairs(std::string_view text);

}  // namespace weir::tracing
