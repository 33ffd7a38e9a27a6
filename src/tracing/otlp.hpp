// Encodes spans as the body of an OTLP/HTTP request: the message ExportTraceServiceRequest of
// opentelemetry-proto v1 (https://github.com/open-telemetry/opentelemetry-proto,
// collector/trace/v1/trace_service.proto and trace/v1/trace.proto). As protobuf
// (https://protobuf.dev/programming-guides/encoding/) it is written by hand, because eight small messages are
// all that is needed. As JSON it follows "JSON Protobuf Encoding" of the OTLP specification: ids in
// hexadecimal, enums as numbers, 64-bit numbers as strings. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tracing/settings.hpp"
#include "tracing/span.hpp"

namespace weir::tracing {

// The Content-Type of the body.
[[nodiscard]] std::string_view content_type_of(Protocol protocol);

// Encodes all spans under one resource and one instrumentation scope, `weir` with the version. Texts that are
// not valid UTF-8 are repaired in JSON only; Weir's spans have none.
[[nodiscard]] std::string encode(std::span<const Span> spans, const TextPairs& resource,
                                 std::string_view version, Protocol protocol);

}  // namespace weir::tracing
