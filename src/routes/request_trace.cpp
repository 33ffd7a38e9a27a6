// Runs on io threads; finish() on the thread that replies. A span belongs to one request and moves with its
// callback.
#include "routes/request_trace.hpp"

#include <utility>

namespace weir::routes {
namespace {

using tracing::Span;

void add_http_attributes(Span& span, std::string_view method, std::string path) {
  span.attributes = {{"http.request.method", std::string(method)}, {"http.route", std::move(path)}};
}

// A reply that the server is to blame for is an error (semantic conventions for HTTP server spans).
void add_reply(Span& span, const http::Reply& reply) {
  span.attributes.push_back({"http.response.status_code", std::int64_t{reply.status}});
  if (reply.status < 500) return;
  span.failed = true;
  span.error = reply.code.empty() ? std::to_string(reply.status) : std::string(reply.code);
}

// The headers of a record: the span that a consumer's spans are children of.
std::vector<intake::Header> headers_of(const tracing::SpanContext& context) {
  std::vector<intake::Header> headers{
      {std::string(tracing::traceparent_header), tracing::to_traceparent(context)}};
  if (!context.state.empty()) headers.push_back({std::string(tracing::tracestate_header), context.state});
  return headers;
}

}  // namespace

std::optional<tracing::SpanContext> trace_context_of(const http::Request& request) {
  std::string_view parent;
  std::string state;
  int parents = 0;
  // The length is compared first, because most headers differ in it.
  const auto is_named = [](std::string_view name, std::string_view wanted) {
    return name.size() == wanted.size() && http::same_ignoring_case(name, wanted);
  };
  for (const auto& [name, value] : request.headers) {
    if (is_named(name, tracing::traceparent_header)) {
      parent = value;
      ++parents;
    } else if (is_named(name, tracing::tracestate_header)) {
      if (!state.empty()) state += ',';
      state += value;
    }
  }
  // Two traceparent headers contradict each other, so a new trace begins (W3C Trace Context §3.2).
  if (parents != 1) return std::nullopt;
  return tracing::parse_trace_context(parent, state);
}

struct IngestTrace::Spans {
  const IngestTracing* tracing;  // the routes'
  Span accept;
  Span publish;
};

IngestTrace::IngestTrace(const IngestTracing& tracing, const http::Request& request) {
  auto client = trace_context_of(request);
  if (tracing.tracer != nullptr) {
    if (auto accept = tracing.tracer->start("accept", tracing::SpanKind::server, client)) {
      Span publish = tracing.tracer->start_child("publish", tracing::SpanKind::producer, accept->context);
      spans_ = std::make_unique<Spans>(Spans{&tracing, *std::move(accept), std::move(publish)});
      add_http_attributes(spans_->accept, request.method, std::string(request.path));
      return;
    }
  }
  // The span is not recorded here. The consumer may record its own, so the context travels on.
  if (client) passed_on_ = std::make_unique<tracing::SpanContext>(*std::move(client));
}

IngestTrace::IngestTrace(IngestTrace&&) noexcept = default;
IngestTrace::~IngestTrace() = default;

std::vector<intake::Header> IngestTrace::record_headers() const {
  if (spans_) return headers_of(spans_->publish.context);
  return passed_on_ ? headers_of(*passed_on_) : std::vector<intake::Header>();
}

void IngestTrace::finish(const intake::Outcome& outcome, const http::Reply& reply) {
  if (!spans_) return;
  const IngestTracing& tracing = *spans_->tracing;
  const auto accepted = static_cast<std::int64_t>(outcome.accepted);
  if (outcome.appended_at != MonoTime{}) {
    Span& publish = spans_->publish;
    publish.start = tracing.tracer->wall_of(outcome.appended_at);
    publish.end = publish.start + std::chrono::duration_cast<std::chrono::nanoseconds>(outcome.answered_at -
                                                                                       outcome.appended_at);
    const auto failed = static_cast<std::int64_t>(outcome.failed.size());
    publish.attributes = {{"messaging.system", tracing.log_system},
                          {"messaging.operation.name", "publish"},
                          {"messaging.destination.name", tracing.topic},
                          {"messaging.batch.message_count", accepted + failed}};
    publish.failed = failed > 0;
    publish.error = outcome.code;
    tracing.tracer->add(std::move(publish));
  }
  Span& accept = spans_->accept;
  add_reply(accept, reply);
  accept.attributes.push_back({"weir.events.accepted", accepted});
  accept.attributes.push_back({"weir.events.rejected", static_cast<std::int64_t>(outcome.rejected.size())});
  tracing.tracer->finish(std::move(accept));
  spans_.reset();
}

http::Route with_query_span(http::Route route, const tracing::Tracer* tracer) {
  if (tracer == nullptr) return route;
  route.handle = [handle = std::move(route.handle), path = route.path, tracer](const http::Request& request,
                                                                               http::Respond respond) {
    auto span = tracer->start("query", tracing::SpanKind::server, trace_context_of(request));
    if (!span) return handle(request, std::move(respond));
    add_http_attributes(*span, request.method, path);
    handle(request,
           [span = *std::move(span), respond = std::move(respond), tracer](http::Reply reply) mutable {
             add_reply(span, reply);
             tracer->finish(std::move(span));
             respond(std::move(reply));
           });
  };
  return route;
}

}  // namespace weir::routes
