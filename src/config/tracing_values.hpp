// The accepted values of the variables OTEL_…. Only variable.cpp includes this header. Pure functions; any
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "config/value_spec.hpp"
#include "http/client.hpp"
#include "tracing/settings.hpp"

namespace weir::config {

// The receiver of spans.
template <auto member>
inline constexpr ValueSpec http_url{[](std::string_view text, Settings& into) {
                                      if (!http::parse_base_url(text)) return false;
                                      std::invoke(member, into.tracing) = text;
                                      return true;
                                    },
                                    [] {
                                      return std::string(
                                          "http://host:port/path or https://…; for a receiver with gRPC run "
                                          "an OpenTelemetry Collector beside Weir");
                                    }};

template <auto member>
inline constexpr ValueSpec text_pairs{
    [](std::string_view text, Settings& into) {
      auto pairs = tracing::parse_pairs(text);
      if (!pairs) return false;
      std::invoke(member, into.tracing) = *std::move(pairs);
      return true;
    },
    [] { return std::string("name=value,…, with percent-encoded values"); }};

// Each becomes a header line of its own.
inline constexpr ValueSpec otlp_headers{
    [](std::string_view text, Settings& into) {
      auto pairs = tracing::parse_pairs(text);
      const auto is_visible = [](const auto& pair) {
        const auto visible = [](char c) { return c >= ' ' && c < '\x7f'; };
        return std::ranges::all_of(pair.first, visible) && std::ranges::all_of(pair.second, visible);
      };
      if (!pairs || !std::ranges::all_of(*pairs, is_visible)) return false;
      into.tracing.headers = *std::move(pairs);
      return true;
    },
    [] { return std::string("name=value,…, with percent-encoded values of visible ASCII"); }};

inline constexpr ValueSpec sampler_ratio{
    [](std::string_view text, Settings& into) {
      double ratio = 0;
      const char* const end = text.data() + text.size();
      const auto [at, error] = std::from_chars(text.data(), end, ratio);
      if (error != std::errc{} || at != end || !(ratio >= 0 && ratio <= 1)) return false;
      into.tracing.sampler_ratio = ratio;
      return true;
    },
    [] { return std::string("a number from 0 to 1"); }};

struct Protocols {
  static constexpr std::array<std::string_view, 2> all{"http/protobuf", "http/json"};
};
struct Samplers {
  static constexpr std::array<std::string_view, 6> all{"always_on",
                                                       "always_off",
                                                       "traceidratio",
                                                       "parentbased_always_on",
                                                       "parentbased_always_off",
                                                       "parentbased_traceidratio"};
};
struct TraceExporters {
  static constexpr std::array<std::string_view, 2> all{"otlp", "none"};
};
struct FalseOrTrue {
  static constexpr std::array<std::string_view, 2> all{"false", "true"};
};
inline constexpr auto otlp_protocol = [](Settings& into) -> auto& { return into.tracing.protocol; };
inline constexpr auto otlp_timeout = [](Settings& into) -> auto& { return into.tracing.timeout; };
inline constexpr auto service_name = [](Settings& into) -> auto& { return into.tracing.service_name; };
inline constexpr auto trace_sampler = [](Settings& into) -> auto& { return into.tracing.sampler; };
inline constexpr auto no_trace_exporter = [](Settings& into) -> auto& { return into.tracing.no_exporter; };
inline constexpr auto tracing_disabled = [](Settings& into) -> auto& { return into.tracing.disabled; };
inline constexpr auto trace_queue_max = [](Settings& into) -> auto& { return into.tracing.queue_max; };
inline constexpr auto trace_batch_max = [](Settings& into) -> auto& { return into.tracing.batch_max; };
inline constexpr auto trace_delay = [](Settings& into) -> auto& { return into.tracing.schedule_delay; };

}  // namespace weir::config
