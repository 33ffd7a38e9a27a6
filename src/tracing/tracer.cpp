#include "tracing/tracer.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace weir::tracing {
namespace {

// 2^63, as a number that double represents exactly.
constexpr double ratio_scale = 9223372036854775808.0;

template <std::size_t bytes>
void fill(std::array<std::uint8_t, bytes>& id, std::size_t from, std::uint64_t bits) {
  for (std::size_t i = 0; i < 8; ++i) id[from + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
}

// The last 8 bytes of a trace id are the random ones in every generation of it.
std::uint64_t last_bits(const TraceId& trace) {
  std::uint64_t bits = 0;
  for (std::size_t i = 8; i < trace.size(); ++i) bits = bits << 8 | trace[i];
  return bits;
}

std::uint64_t bound_of(double ratio) {
  if (ratio >= 1.0) return std::uint64_t{1} << 63;
  return static_cast<std::uint64_t>(std::max(0.0, ratio) * ratio_scale);
}

}  // namespace

TraceNow read_trace_clock() {
  return {std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

// Ids need no secrecy, only that two processes never begin with the same seed.
std::uint64_t random_bits() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return generator();
}

Tracer::Tracer(SamplerKind sampler, double ratio, SpanSink& sink, TracerSources sources)
    : sampler_(sampler), ratio_bound_(bound_of(ratio)), sink_(sink), sources_(std::move(sources)) {}

std::optional<Span> Tracer::start(std::string_view name, SpanKind kind,
                                  const std::optional<SpanContext>& remote) const {
  const TraceId trace = remote ? remote->trace : new_trace_id();
  if (!is_sampled(remote, trace)) return std::nullopt;
  Span span{.name = name, .kind = kind, .start = sources_.clock().wall};
  span.context = {.trace = trace, .span = new_span_id(), .sampled = true, .state = {}};
  if (remote) {
    span.context.state = remote->state;
    span.parent = remote->span;
    span.parent_is_remote = true;
  }
  return span;
}

Span Tracer::start_child(std::string_view name, SpanKind kind, const SpanContext& parent,
                         bool parent_is_remote) const {
  Span span{.parent = parent.span, .parent_is_remote = parent_is_remote, .name = name, .kind = kind};
  span.start = sources_.clock().wall;
  span.context = {.trace = parent.trace, .span = new_span_id(), .sampled = true, .state = parent.state};
  return span;
}

void Tracer::finish(Span span) const {
  span.end = std::max(sources_.clock().wall, span.start);  // the clock may have been stepped
  sink_.add(std::move(span));
}

SpanTime Tracer::wall_of(MonoTime time) const {
  const TraceNow now = sources_.clock();
  return now.wall - (now.mono - time);
}

bool Tracer::is_sampled(const std::optional<SpanContext>& remote, const TraceId& trace) const {
  using enum SamplerKind;
  // The decision of the client holds, so that a trace is complete or absent.
  const bool follows_parent = sampler_ == parentbased_always_on || sampler_ == parentbased_always_off ||
                              sampler_ == parentbased_traceidratio;
  if (follows_parent && remote) return remote->sampled;
  switch (sampler_) {
    case always_on:
    case parentbased_always_on:
      return true;
    case always_off:
    case parentbased_always_off:
      return false;
    case traceidratio:
    case parentbased_traceidratio:
      break;
  }
  return last_bits(trace) >> 1 < ratio_bound_;
}

// An id of zeros means none.
SpanId Tracer::new_span_id() const {
  SpanId id{};
  while (id == SpanId{}) fill(id, 0, sources_.random());
  return id;
}

TraceId Tracer::new_trace_id() const {
  TraceId id{};
  while (id == TraceId{}) {
    fill(id, 0, sources_.random());
    fill(id, 8, sources_.random());
  }
  return id;
}

}  // namespace weir::tracing
