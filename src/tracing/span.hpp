// A span as it is exported: what one step of a trace did, and when. A value type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "tracing/trace_context.hpp"

namespace weir::tracing {

// The numbers of opentelemetry.proto.trace.v1.Span.SpanKind.
enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };

// Names are those of OpenTelemetry's semantic conventions, and have static storage. Values never contain a
// secret, and no more of a client's bytes than a route's path.
struct Attribute {
  std::string_view name;
  std::variant<std::int64_t, std::string> value;
};

// Bounds the links of a span, as OTEL_SPAN_LINK_COUNT_LIMIT does by default.
inline constexpr std::size_t span_links_max = 128;

struct Span {
  SpanContext context;
  // All zero: the span is the first one of its trace.
  SpanId parent{};
  // The parent span belongs to another process.
  bool parent_is_remote = false;
  std::string_view name;  // static storage
  SpanKind kind = SpanKind::internal;
  std::chrono::sys_time<std::chrono::nanoseconds> start;
  std::chrono::sys_time<std::chrono::nanoseconds> end;
  std::vector<Attribute> attributes;
  // Spans of other traces that this one belongs to, at most span_links_max.
  std::vector<SpanContext> links;
  std::uint32_t links_dropped = 0;
  // The step failed; `error` is a stable code.
  bool failed = false;
  std::string error;
};

}  // namespace weir::tracing
