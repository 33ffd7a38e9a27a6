// The trace context that a request carries from process to process, in the format of W3C Trace Context, Level
// 1 (https://www.w3.org/TR/trace-context/). Clients send it as HTTP headers; records of the event log carry
// it as record headers of the same names. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::tracing {

inline constexpr std::string_view traceparent_header = "traceparent";
inline constexpr std::string_view tracestate_header = "tracestate";

// Bounds of tracestate: the specification's number of members, and the length that every implementation must
// at least propagate. A longer one is not propagated.
inline constexpr std::size_t tracestate_members_max = 32;
inline constexpr std::size_t tracestate_bytes_max = 512;

// All zero means none.
using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

// Identifies a span, in this process or in another one.
struct SpanContext {
  TraceId trace{};
  SpanId span{};
  // The sender records this trace.
  bool sampled = false;
  // The value of tracestate; empty if there is none. Weir passes it on unchanged.
  std::string state;

  friend bool operator==(const SpanContext&, const SpanContext&) = default;
};

// Parses the value of a traceparent header. Returns nothing if the caller must start a new trace: the value
// is malformed, has upper case digits, has version ff, or an id is all zero. Of a higher version it reads the
// fields of version 00.
[[nodiscard]] std::optional<SpanContext> parse_traceparent(std::string_view value);

// What a tracestate header is worth.
//   valid       pass it on
//   malformed   drop it; the trace continues, as the specification says
//   too_many    more than 32 members: its sender breaks the specification; start a new trace
//   too_long    more than tracestate_bytes_max: drop it
enum class TraceState : std::uint8_t { valid, malformed, too_many, too_long };
// `value` is the value of the header; several headers are joined with commas. An empty one is valid.
[[nodiscard]] TraceState check_tracestate(std::string_view value);

// Combines both headers. Returns nothing if the caller must start a new trace.
[[nodiscard]] std::optional<SpanContext> parse_trace_context(std::string_view traceparent,
                                                             std::string_view tracestate);

// Returns the value of traceparent, version 00: 55 bytes.
[[nodiscard]] std::string to_traceparent(const SpanContext& context);

}  // namespace weir::tracing
