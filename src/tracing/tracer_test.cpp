#include "tracing/tracer.hpp"

#include <gtest/gtest.h>

namespace weir::tracing {
namespace {

using namespace std::chrono_literals;

struct Spans final : SpanSink {
  void add(Span span) override { all.push_back(std::move(span)); }
  std::vector<Span> all;
};

struct Fixture {
  SpanTime wall{1700000000s};
  MonoTime mono{100s};
  std::uint64_t number = 0;
  Spans spans;
  Tracer make(SamplerKind kind, double ratio = 1) {
    return {kind,
            ratio,
            spans,
            {.clock = [this] { return TraceNow{wall, mono}; }, .random = [this] { return number++; }}};
  }
};

SpanContext client(bool sampled) {
  SpanContext context{.sampled = sampled, .state = "a=b"};
  context.trace.fill(7);
  context.span.fill(9);
  return context;
}

TEST(Tracer, ContinuesTheTraceOfTheClient) {
  Fixture fixture;
  const Tracer tracer = fixture.make(SamplerKind::parentbased_always_on);
  auto span = tracer.start("accept", SpanKind::server, client(true));
  ASSERT_TRUE(span);
  EXPECT_EQ(span->context.trace, client(true).trace);
  EXPECT_EQ(span->parent, client(true).span);
  EXPECT_EQ(span->context.state, "a=b");
  EXPECT_TRUE(span->parent_is_remote);
  const Span child = tracer.start_child("publish", SpanKind::producer, span->context);
  EXPECT_EQ(child.context.trace, client(true).trace);
  EXPECT_EQ(child.parent, span->context.span);
  EXPECT_NE(child.context.span, span->context.span);
  fixture.wall += 5ms;
  tracer.finish(*std::move(span));
  ASSERT_EQ(fixture.spans.all.size(), 1u);
  EXPECT_EQ(fixture.spans.all[0].end - fixture.spans.all[0].start, 5ms);
}

TEST(Tracer, StartsANewTraceWithoutAClientAndNeverUsesAnIdOfZeros) {
  Fixture fixture;  // its first random number is 0
  const auto span = fixture.make(SamplerKind::parentbased_always_on).start("accept", SpanKind::server, {});
  ASSERT_TRUE(span);
  EXPECT_NE(span->context.trace, TraceId{});
  EXPECT_NE(span->context.span, SpanId{});
  EXPECT_EQ(span->parent, SpanId{});
}

TEST(Tracer, SamplesAsOpenTelemetrysSamplersDo) {
  using enum SamplerKind;
  struct Case {
    SamplerKind kind;
    std::optional<bool> parent;
    bool sampled;
  };
  for (const Case& one : {
           Case{always_on, {}, true},
           Case{always_on, false, true},
           Case{always_off, true, false},
           Case{parentbased_always_on, {}, true},
           Case{parentbased_always_on, false, false},
           Case{parentbased_always_off, {}, false},
           Case{parentbased_always_off, true, true},
           Case{parentbased_traceidratio, true, true},
           Case{parentbased_traceidratio, false, false},
       }) {
    Fixture fixture;
    const auto parent = one.parent ? std::optional(client(*one.parent)) : std::nullopt;
    EXPECT_EQ(fixture.make(one.kind, 0).start("x", SpanKind::server, parent).has_value(), one.sampled)
        << static_cast<int>(one.kind);
  }
}

TEST(Tracer, SamplesTheGivenShareOfTraces) {
  Fixture fixture;
  Tracer tracer(SamplerKind::traceidratio, 0.25, fixture.spans);
  int sampled = 0;
  for (int i = 0; i < 10'000; ++i) sampled += tracer.start("x", SpanKind::server, {}).has_value() ? 1 : 0;
  EXPECT_NEAR(sampled, 2500, 300);
  // The decision follows from the last 8 bytes of the trace id alone.
  SpanContext low = client(true);
  low.trace = {255, 255, 255, 255, 255, 255, 255, 255, 0x3f, 255, 255, 255, 255, 255, 255, 255};
  EXPECT_TRUE(tracer.start("x", SpanKind::server, low));
  low.trace[8] = 0x40;
  EXPECT_FALSE(tracer.start("x", SpanKind::server, low));
}

TEST(Tracer, EndsNoSpanBeforeItsStartAndConvertsMonotonicTimes) {
  Fixture fixture;
  const Tracer tracer = fixture.make(SamplerKind::always_on);
  auto span = tracer.start("x", SpanKind::internal, {});
  EXPECT_EQ(tracer.wall_of(fixture.mono - 20ms), fixture.wall - 20ms);
  fixture.wall -= 1h;
  tracer.finish(*std::move(span));
  EXPECT_EQ(fixture.spans.all[0].start, fixture.spans.all[0].end);
}

}  // namespace
}  // namespace weir::tracing
