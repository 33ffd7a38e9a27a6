// A handler runs on its io thread: it passes the body to Intake, which decodes it there. The callback that
// replies runs later, on a thread of the event log; the reply then travels through the io thread's mailbox.
#include "routes/ingest_routes.hpp"

#include <memory>

#include "activity/decoder.hpp"
#include "base/json_text.hpp"

namespace weir::routes {

namespace {

using intake::Outcome;
using intake::Receipt;

// 503: no event of the request is in the log, so the client can send it again unchanged.
http::Reply unavailable_reply(const Outcome& outcome, std::string_view code, std::string_view why) {
  http::Reply reply = http::error_reply(503, why);
  reply.code = code;
  reply.headers.emplace_back("Retry-After", std::to_string(outcome.retry_after.count()));
  return reply;
}

// The reply to a request of which nothing is in the log.
http::Reply reply_to_refused(const Outcome& outcome) {
  const Error& error = *outcome.refused;
  if (error.kind == ErrorKind::unavailable) return unavailable_reply(outcome, error.code, error.text);
  const bool too_large = error.code == "event_too_large" || error.code == "record_too_large";
  return http::error_reply(too_large ? 413 : 400, error.text);
}

http::Reply finished(IngestTrace& trace, const Outcome& outcome, http::Reply reply) {
  trace.finish(outcome, reply);
  return reply;
}

// The body of every reply to a batch: counts, rejected items, and the indexes of failed events.
std::string batch_json(const Outcome& outcome) {
  JsonText json;
  json.begin_object().member("accepted", outcome.accepted).key("rejected").begin_array();
  for (const intake::Rejected& item : outcome.rejected)
    json.begin_object().member("index", item.index).member("error", item.error).end_object();
  json.end_array();
  if (!outcome.failed.empty()) {
    json.key("failed").begin_array();
    for (const std::size_t index : outcome.failed) json.value(index);
    json.end_array();
  }
  return json.end_object().take();
}

}  // namespace

http::Reply reply_to_one(const Outcome& outcome) {
  if (outcome.refused) return reply_to_refused(outcome);
  if (outcome.receipt == Receipt::kept) return {.body = R"({"message":"Activity published successfully"})"};
  if (outcome.receipt == Receipt::not_kept)
    return unavailable_reply(outcome, outcome.code, "the event log does not take events, try again");
  http::Reply reply = http::error_reply(500, "Failed to publish activity");
  reply.code = outcome.code;
  return reply;
}

http::Reply reply_to_batch(const Outcome& outcome) {
  if (outcome.refused) return reply_to_refused(outcome);
  // Only if every good event is certainly not in the log, the whole batch can be sent again.
  const bool none_kept = outcome.accepted == 0 && outcome.receipt == Receipt::not_kept;
  if (none_kept)
    return unavailable_reply(outcome, outcome.code, "the event log does not take events, try again");
  http::Reply reply{.body = batch_json(outcome)};
  if (!outcome.failed.empty()) {
    reply.status = 500;
    reply.code = outcome.code;
  } else if (outcome.accepted == 0 && !outcome.rejected.empty()) {
    reply.status = 400;
  }
  return reply;
}

std::vector<http::Route> ingest_routes(intake::Intake& intake, std::function<WallTime()> clock,
                                       const IngestTracing& tracing) {
  // Shared by both routes; one io thread calls them.
  const auto decoder = std::make_shared<activity::Decoder>();
  const auto now = std::make_shared<std::function<WallTime()>>(std::move(clock));
  // A body above event_bytes_max is still read up to a limit, so that the error can say more than its size.
  http::Route one{.method = "POST", .path = "/activity"};
  one.body_bytes_max = intake.settings().event_bytes_read_max();
  one.cross_origin = true;
  one.handle = [&intake, &tracing, decoder, now](const http::Request& request, http::Respond respond) {
    IngestTrace trace(tracing, request);
    auto headers = trace.record_headers();
    auto reply = [trace = std::move(trace), respond = std::move(respond)](Outcome outcome) mutable {
      respond(finished(trace, outcome, reply_to_one(outcome)));
    };
    intake.accept_one(*decoder, request.body, (*now)(), std::move(reply), std::move(headers));
  };
  http::Route batch{.method = "POST", .path = "/activities"};
  batch.body_bytes_max = intake.settings().body_bytes_max;
  batch.cross_origin = true;
  batch.handle = [&intake, &tracing, decoder, now](const http::Request& request, http::Respond respond) {
    IngestTrace trace(tracing, request);
    auto headers = trace.record_headers();
    intake::JsonItems items(request.body);
    auto reply = [trace = std::move(trace), respond = std::move(respond)](Outcome outcome) mutable {
      respond(finished(trace, outcome, reply_to_batch(outcome)));
    };
    intake.accept_batch(*decoder, items, (*now)(), std::move(reply), std::move(headers));
  };
  return {std::move(one), std::move(batch)};
}

}  // namespace weir::routes
