// The trace of one HTTP request: reads the W3C headers, records spans, and passes the context on to the log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"
#include "intake/intake.hpp"
#include "tracing/tracer.hpp"

namespace weir::routes {

// How ingest routes trace. Without a tracer, the client's context is passed on to the log unchanged.
struct IngestTracing {
  const tracing::Tracer* tracer = nullptr;  // must outlive the routes; null: no spans
  std::string log_system;                   // messaging.system: kafka, or weir for the embedded log
  std::string topic;
};
inline const IngestTracing without_spans;

// Returns the client's trace context. Nothing if the request has none, or one that starts a new trace:
// malformed headers, two traceparent, or more than 32 members of tracestate. Costs a look at the length of
// each header's name.
[[nodiscard]] std::optional<tracing::SpanContext> trace_context_of(const http::Request& request);

// The spans `accept` (server) and `publish` (producer) of one ingest request. Movable; one thread at a time.
class IngestTrace {
 public:
  // Begins `accept`. `tracing` must outlive the request.
  IngestTrace(const IngestTracing& tracing, const http::Request& request);
  IngestTrace(IngestTrace&&) noexcept;
  IngestTrace& operator=(IngestTrace&&) = delete;
  ~IngestTrace();

  // The headers of the request's records: the context of `publish`, or that of the client if nothing is
  // recorded. Empty if there is none.
  [[nodiscard]] std::vector<intake::Header> record_headers() const;
  // Ends the spans. `publish` exists only if something was appended to the log.
  void finish(const intake::Outcome& outcome, const http::Reply& reply);

 private:
  struct Spans;
  std::unique_ptr<Spans> spans_;                     // null if the request is not recorded
  std::unique_ptr<tracing::SpanContext> passed_on_;  // of the client; null if there is none
};

// Returns the route with a span `query` around its handler, until the reply. Without a tracer returns it
// unchanged.
[[nodiscard]] http::Route with_query_span(http::Route route, const tracing::Tracer* tracer);

}  // namespace weir::routes
