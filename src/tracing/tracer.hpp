// Starts spans: makes their ids, decides which traces are recorded, and gives finished spans to a sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "tracing/settings.hpp"
#include "tracing/span.hpp"

namespace weir::tracing {

using SpanTime = std::chrono::sys_time<std::chrono::nanoseconds>;

// One reading of both clocks. Spans need nanoseconds, more than WallTime has.
struct TraceNow {
  SpanTime wall;
  MonoTime mono;
};
[[nodiscard]] TraceNow read_trace_clock();

// Returns 64 random bits. Thread-safe; seeded by the system for each thread.
[[nodiscard]] std::uint64_t random_bits();

// Takes finished spans. Must not block: it is called on io threads.
class SpanSink {
 public:
  SpanSink() = default;
  SpanSink(const SpanSink&) = delete;
  SpanSink& operator=(const SpanSink&) = delete;
  virtual ~SpanSink() = default;
  virtual void add(Span span) = 0;
};

// Where a tracer gets times and ids from; both are thread-safe.
struct TracerSources {
  std::function<TraceNow()> clock = read_trace_clock;
  std::function<std::uint64_t()> random = random_bits;
};

// Thread-safe, if the sink, clock and random are. A process without tracing has no Tracer.
//
// Sampling follows the built-in samplers of the OpenTelemetry specification. `traceidratio` compares the
// upper 63 of the last 64 bits of the trace id with the ratio, as OpenTelemetry's libraries do, so that all
// processes of a trace decide alike. A trace that is not sampled costs its decision alone.
class Tracer {
 public:
  // `sink` must outlive the tracer.
  Tracer(SamplerKind sampler, double ratio, SpanSink& sink, TracerSources sources = {});
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Starts the first span of this process in a trace: that of `remote`, or a new one. Returns nothing if the
  // trace is not sampled.
  [[nodiscard]] std::optional<Span> start(std::string_view name, SpanKind kind,
                                          const std::optional<SpanContext>& remote) const;
  // Starts a span below `parent`, which is sampled, at the present time.
  [[nodiscard]] Span start_child(std::string_view name, SpanKind kind, const SpanContext& parent,
                                 bool parent_is_remote = false) const;
  // Ends the span now and gives it to the sink.
  void finish(Span span) const;
  // Gives a span with both times to the sink.
  void add(Span span) const { sink_.add(std::move(span)); }

  // Converts a monotonic time of this process, with the present difference of the clocks.
  [[nodiscard]] SpanTime wall_of(MonoTime time) const;

 private:
  [[nodiscard]] bool is_sampled(const std::optional<SpanContext>& remote, const TraceId& trace) const;
  [[nodiscard]] SpanId new_span_id() const;
  [[nodiscard]] TraceId new_trace_id() const;

  const SamplerKind sampler_;
  const std::uint64_t ratio_bound_;  // of 2^63
  SpanSink& sink_;
  const TracerSources sources_;
};

}  // namespace weir::tracing
