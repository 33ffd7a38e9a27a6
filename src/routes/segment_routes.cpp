// A request passes these steps on its io thread: decompress, read the envelope, check the write key, and then
// Intake as for /activities (ingest_routes.cpp).
#include "routes/segment_routes.hpp"

#include <array>
#include <memory>
#include <string>

#include "activity/decoder.hpp"
#include "base/limits.hpp"
#include "decompress/decompress.hpp"
#include "routes/ingest_routes.hpp"
#include "segment/segment_items.hpp"

namespace weir::routes {
namespace {

using segment::EventType;

struct Path {
  std::string_view path;
  std::optional<EventType> type;  // absent: a batch
};
// Each type has a short path, which Segment's browser library uses. `/v1/import` accepts a batch, as
// `/v1/batch` does.
constexpr std::array paths{
    Path{"/v1/track", EventType::track},       Path{"/v1/t", EventType::track},
    Path{"/v1/page", EventType::page},         Path{"/v1/p", EventType::page},
    Path{"/v1/screen", EventType::screen},     Path{"/v1/s", EventType::screen},
    Path{"/v1/identify", EventType::identify}, Path{"/v1/i", EventType::identify},
    Path{"/v1/group", EventType::group},       Path{"/v1/g", EventType::group},
    Path{"/v1/alias", EventType::alias},       Path{"/v1/a", EventType::alias},
    Path{"/v1/batch", std::nullopt},           Path{"/v1/b", std::nullopt},
    Path{"/v1/import", std::nullopt},
};

constexpr std::string_view gzip_magic = "\x1F\x8B";  // RFC 1952 §2.3.1; no JSON begins with it

// The JSON of a request. Some libraries send gzip without saying so. `inflated` holds the result then. A body
// that the server has decompressed is not decompressed a second time.
Result<std::string_view> json_of(const http::Request& request, std::string& inflated) {
  const bool is_declared = !request.header("content-encoding").value_or("").empty();
  if (is_declared || !request.body.starts_with(gzip_magic)) return request.body;
  auto json = decompress::inflate(decompress::Encoding::gzip, request.body, limits::segment_body_bytes_max);
  if (!json) return propagate(json);
  inflated = *std::move(json);
  return std::string_view(inflated);
}

// What the routes of one io thread share.
struct Shared {
  intake::Intake& intake;
  std::function<WallTime()> now;
  CheckWriteKey check_write_key;
  const IngestTracing& tracing;
  activity::Decoder decoder;
  segment::Translator translator;
};

// `inflated` and `items` live until accept_batch() returns. The reply may follow later, on another thread.
void handle(Shared& shared, std::optional<EventType> type, const http::Request& request,
            http::Respond respond) {
  std::string inflated;
  const WallTime now = shared.now();
  segment::SegmentItems items(json_of(request, inflated), type, shared.translator, now);
  // The parameter writeKey counts only if the body has no write key.
  if (shared.check_write_key) {
    const http::Query query(items.write_key().empty() ? request.query : std::string_view());
    const std::string_view write_key = query.get("writeKey").value_or(items.write_key());
    if (auto refusal = shared.check_write_key(request, write_key)) return respond(*std::move(refusal));
  }
  IngestTrace trace(shared.tracing, request);
  auto headers = trace.record_headers();
  shared.intake.accept_batch(
      shared.decoder, items, now,
      [trace = std::move(trace), respond = std::move(respond),
       is_one = type.has_value()](const intake::Outcome& outcome) mutable {
        http::Reply reply = reply_to_segment(outcome, is_one);
        trace.finish(outcome, reply);
        respond(std::move(reply));
      },
      std::move(headers));
}

}  // namespace

// Segment's libraries repeat a request after 429, 500 and 503, and drop it after 400. So a fault of the
// client is 400, and an event that is not durable gets the status of /activities.
http::Reply reply_to_segment(const intake::Outcome& outcome, bool is_one) {
  const auto bad_request = [](std::string_view why) {
    return http::error_reply(400, segment::in_segments_terms(why));
  };
  if (outcome.refused && outcome.refused->kind == ErrorKind::invalid)
    return bad_request(outcome.refused->text);
  if (outcome.refused || !outcome.failed.empty()) return reply_to_batch(outcome);
  if (is_one && !outcome.rejected.empty()) return bad_request(outcome.rejected.front().error);
  http::Reply reply{.body = R"({"success":true})"};
  if (!outcome.rejected.empty())
    reply.headers.emplace_back("X-Weir-Rejected", std::to_string(outcome.rejected.size()));
  return reply;
}

std::vector<http::Route> segment_routes(intake::Intake& intake, std::function<WallTime()> clock,
                                        CheckWriteKey check_write_key, const IngestTracing& tracing) {
  const std::shared_ptr<Shared> shared(
      new Shared{intake, std::move(clock), std::move(check_write_key), tracing, {}, {}});
  std::vector<http::Route> routes;
  for (const auto& [path, type] : paths) {
    http::Route route{.method = "POST", .path = std::string(path)};
    // Larger bodies are read than accepted: the reply to them is 400 as Segment's, and not 413.
    route.body_bytes_max = intake.settings().body_bytes_max;
    route.cross_origin = true;
    route.handle = [shared, type](const http::Request& request, http::Respond respond) {
      handle(*shared, type, request, std::move(respond));
    };
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace weir::routes
