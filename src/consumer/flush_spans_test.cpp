#include "consumer/flush_spans.hpp"

#include <gtest/gtest.h>

namespace weir::consumer {
namespace {

using namespace std::chrono_literals;

struct NoSink final : tracing::SpanSink {
  void add(tracing::Span) override {}
};

class FlushSpans : public testing::Test {
 protected:
  NoSink sink_;
  std::uint64_t next_id_ = 1;
  tracing::Tracer tracer_{tracing::SamplerKind::always_on,
                          1,
                          sink_,
                          {.clock = [] { return tracing::TraceNow{tracing::SpanTime(1000s), MonoTime(50s)}; },
                           .random = [this] { return next_id_++; }}};

  // A flush that ran from 5 s to 4 s ago.
  static FlushDone flush(std::vector<std::uint8_t> traces) {
    FlushDone flush{
        .offsets = 9, .at = WallTime(996s), .started_at = MonoTime(45s), .ended_at = MonoTime(46s)};
    for (const std::uint8_t trace : traces) {
      commit::TracedRecords records{
          .context = {}, .partition = 3, .first_offset = 40, .records = 2, .read_at = WallTime(990s)};
      records.context.trace.fill(trace);
      records.context.span.fill(0xaa);
      records.context.state = "a=b";
      flush.traces.all.push_back(records);
    }
    return flush;
  }
};

TEST_F(FlushSpans, ContinueTheTraceOfTheRecords) {
  const auto spans = spans_of(flush({1}), tracer_, {"kafka", "events"});
  ASSERT_EQ(spans.size(), 2u);
  const tracing::Span& consume = spans[0];
  const tracing::Span& done = spans[1];
  EXPECT_EQ(consume.name, "consume");
  EXPECT_EQ(consume.parent, flush({1}).traces.all[0].context.span);
  EXPECT_TRUE(consume.parent_is_remote);
  EXPECT_EQ(consume.start, tracing::SpanTime(990s));
  EXPECT_EQ(consume.end, tracing::SpanTime(995s));
  EXPECT_EQ(done.name, "flush");
  EXPECT_EQ(done.parent, consume.context.span);
  EXPECT_EQ(done.context.trace, flush({1}).traces.all[0].context.trace);
  EXPECT_EQ(done.context.state, "a=b");
  EXPECT_EQ(done.start, tracing::SpanTime(995s));
  EXPECT_EQ(done.end, tracing::SpanTime(996s));
  EXPECT_TRUE(done.links.empty());
}

TEST_F(FlushSpans, OfSeveralTracesAreLinked) {
  FlushDone several = flush({1, 2, 1, 3, 2});
  several.traces.dropped = 7;
  const auto spans = spans_of(several, tracer_, {"kafka", "events"});
  ASSERT_EQ(spans.size(), 8u) << "5 × consume, and a flush for each of 3 traces";
  const tracing::Span& first = spans[5];
  ASSERT_EQ(first.links.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(first.links[i], spans[i + 1].context);
  EXPECT_EQ(first.links_dropped, 7u);
  for (const std::size_t other : {6U, 7U}) {
    ASSERT_EQ(spans[other].links.size(), 1u);
    EXPECT_EQ(spans[other].links[0], first.context);
  }
}

TEST_F(FlushSpans, AreBoundedAndNoneWithoutTraces) {
  EXPECT_TRUE(spans_of(flush({}), tracer_, {}).empty());
  std::vector<std::uint8_t> many(200);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::uint8_t>(i + 1);
  const auto spans = spans_of(flush(many), tracer_, {});
  EXPECT_EQ(spans.size(), 2 * tracing::span_links_max);
  EXPECT_EQ(spans[tracing::span_links_max].links_dropped, 200 - tracing::span_links_max);
}

}  // namespace
}  // namespace weir::consumer
