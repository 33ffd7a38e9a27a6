// A request passes three threads. Its io thread checks the token and queues the job. The thread of the
// executor reads the rows from the store. A thread of the log calls the callback, which sends the reply.
#include "app/replay_endpoint.hpp"

#include <utility>
#include <vector>

#include "app/replay_sender.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "commit/metrics_store.hpp"

namespace weir::app {
namespace {

// Bounds of the queue and of one request. `weir dlq replay` sends one request at a time.
constexpr std::size_t waiting_requests_max = 4;
constexpr std::size_t ids_bytes_max = 64 * 1024;

// Compares in a time that does not depend on where the texts differ.
bool same_token(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned difference = 0;
  for (std::size_t at = 0; at < one.size(); ++at)
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(one[at]) ^ static_cast<unsigned char>(other[at]));
  return difference == 0;
}

// 503 promises that nothing was sent, so the command may repeat the request.
http::Reply unavailable(std::string_view why) {
  http::Reply reply = http::error_reply(503, why);
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

// All records of the request are one batch of the log. Its receipt decides the status.
http::Reply reply_to(const intake::Receipts& receipts, std::size_t count) {
  switch (receipts.all) {
    case intake::Receipt::kept:
      return {.body = "{\"sent\":" + std::to_string(count) + "}"};
    case intake::Receipt::not_kept:
      return unavailable(receipts.why.text);
    case intake::Receipt::unknown:
      break;
  }
  return http::error_reply(500, receipts.why.text);
}

// Reads the dead letters of the ids, one on each line.
Result<std::vector<report::DeadLetterRow>> read_rows(report::MetricsReader& reader, const std::string& topic,
                                                     std::string_view ids) {
  auto snapshot = reader.snapshot(
      report::Cancellation(read_clock().mono + limits::query_deadline, {}, [] { return read_clock().mono; }));
  if (!snapshot) return propagate(snapshot);
  std::vector<report::DeadLetterRow> rows;
  while (!ids.empty()) {
    const std::string_view line = ids.substr(0, ids.find('\n'));
    ids.remove_prefix(std::min(ids.size(), line.size() + 1));
    const auto id = commit::parse_dead_letter_id(topic + '/' + std::string(line));
    if (!id || id->topic != topic) return fail(ErrorKind::invalid, "bad_id", "a line is no partition/offset");
    report::DeadLetterFilter filter;
    filter.partition = id->partition;
    filter.offset = id->offset;
    const std::size_t before = rows.size();
    auto scanned = (*snapshot)->scan_dead_letters(filter, [&rows](report::DeadLetterRow row) {
      rows.push_back(std::move(row));
      return true;
    });
    if (!scanned) return propagate(scanned);
    // An id without a row refuses the whole request, before anything is appended.
    if (rows.size() == before)
      return fail(ErrorKind::invalid, "dead_letter_unknown",
                  "the metrics store has no dead letter at " + std::string(line));
  }
  return rows;
}

}  // namespace

ReplayEndpoint::ReplayEndpoint(report::MetricsReader& reader, intake::EventLog& log, std::string topic,
                               std::string token)
    : reader_(reader),
      log_(log),
      topic_(std::move(topic)),
      token_(std::move(token)),
      executor_(1, waiting_requests_max) {}

http::Route ReplayEndpoint::route() {
  http::Route route{.method = "POST", .path = std::string(replay_path)};
  route.body_bytes_max = ids_bytes_max;
  // Before the body is read.
  route.filters.push_back([this](const http::Request& head, http::HeaderList&) -> std::optional<http::Reply> {
    if (same_token(head.header(token_header).value_or(""), token_)) return std::nullopt;
    return http::error_reply(403, "only weir dlq replay may use this path, with the token of weir.control");
  });
  route.handle = [this](const http::Request& request, http::Respond respond) {
    executor_.submit([this, ids = std::string(request.body),
                      respond = std::move(respond)](routes::BoundedExecutor::Call call) mutable {
      if (call == routes::BoundedExecutor::Call::run) return replay(ids, std::move(respond));
      respond(unavailable("the service is busy or shutting down"));
    });
  };
  return route;
}

// On the thread of the executor. The reply follows on a thread of the log.
void ReplayEndpoint::replay(const std::string& ids, http::Respond respond) {
  const auto rows = read_rows(reader_, topic_, ids);
  if (!rows) {
    const Error& why = rows.error();
    return respond(why.kind == ErrorKind::invalid ? http::error_reply(400, why.text) : unavailable(why.text));
  }
  log_.append(replay_batch(topic_, *rows),
              [count = rows->size(), respond = std::move(respond)](intake::Receipts receipts) mutable {
                respond(reply_to(receipts, count));
              });
}

}  // namespace weir::app
