// The consumer reports contexts and times; ids come from the tracer. Nothing here is called without tracing.
#include "consumer/flush_spans.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace weir::consumer {
namespace {

using tracing::Span;

// A consume span ends when its flush begins. read_at has milliseconds, and the wall clock may have been
// stepped.
Span consume_span(const commit::TracedRecords& records, const tracing::Tracer& tracer, const LogName& log,
                  tracing::SpanTime flush_start) {
  Span span = tracer.start_child("consume", tracing::SpanKind::consumer, records.context, true);
  span.start = std::min<tracing::SpanTime>(records.read_at, flush_start);
  span.end = flush_start;
  span.attributes = {{"messaging.system", log.system},
                     {"messaging.operation.name", "consume"},
                     {"messaging.destination.name", log.topic},
                     {"messaging.destination.partition.id", std::to_string(records.partition)},
                     {"messaging.kafka.offset", records.first_offset},
                     {"messaging.batch.message_count", records.records}};
  return span;
}

Span flush_span(const Span& consume, const FlushDone& flush, const tracing::Tracer& tracer,
                tracing::SpanTime start) {
  Span span = tracer.start_child("flush", tracing::SpanKind::internal, consume.context);
  span.start = start;
  span.end = start + std::chrono::duration_cast<std::chrono::nanoseconds>(flush.ended_at - flush.started_at);
  span.attributes = {{"weir.flush.offsets", flush.offsets}};
  return span;
}

}  // namespace

std::vector<Span> spans_of(const FlushDone& flush, const tracing::Tracer& tracer, const LogName& log) {
  std::vector<Span> spans;
  if (flush.traces.all.empty()) return spans;
  const tracing::SpanTime start = tracer.wall_of(flush.started_at);
  const std::size_t count = std::min(flush.traces.all.size(), tracing::span_links_max);
  for (const commit::TracedRecords& records : std::span(flush.traces.all).first(count))
    spans.push_back(consume_span(records, tracer, log, start));

  Span first = flush_span(spans.front(), flush, tracer, start);
  std::vector<Span> others;
  for (const Span& consume : std::span(spans).subspan(1)) {
    first.links.push_back(consume.context);
    const auto is_its_trace = [&](const Span& other) { return other.context.trace == consume.context.trace; };
    if (is_its_trace(first) || std::ranges::any_of(others, is_its_trace)) continue;
    others.push_back(flush_span(consume, flush, tracer, start));
    others.back().links.push_back(first.context);
  }
  first.links_dropped = static_cast<std::uint32_t>(
      static_cast<std::int64_t>(flush.traces.all.size() - count) + flush.traces.dropped);
  spans.push_back(std::move(first));
  std::ranges::move(others, std::back_inserter(spans));
  return spans;
}

}  // namespace weir::consumer
