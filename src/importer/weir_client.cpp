#include "importer/weir_client.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <optional>

#include "base/decimal.hpp"
#include "importer/weir_answer.hpp"

namespace weir::importer {
namespace {

namespace json = boost::json;

// Longer than the 10 s within which Weir promises an answer.
constexpr std::chrono::seconds answer_deadline{15};

// The rejected items in Weir's reply to a batch of `events` events. In such a reply each event is either
// counted as accepted or named once among the rejected ones. Nothing for any other reply.
// A proxy may invent a 200 or a 400. Only a reply whose numbers add up says that the log has the events.
std::optional<std::vector<RejectedItem>> rejected_items_in(const http::Response& response,
                                                           std::size_t events) {
  constexpr int ok = 200, bad_request = 400;
  if (response.status != ok && response.status != bad_request) return std::nullopt;
  const auto body = object_in(response.body);
  if (!body) return std::nullopt;
  const auto accepted = number_at(*body, {"accepted"});
  const json::value* const list = find(*body, {"rejected"});
  if (!accepted || *accepted < 0 || list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<bool> seen(events);
  std::vector<RejectedItem> rejected;
  for (const json::value& item : list->get_array()) {
    const json::object* const object = item.if_object();
    const auto number = object == nullptr ? std::nullopt : number_at(*object, {"index"});
    const auto index = static_cast<std::size_t>(number.value_or(-1));  // without an index: an impossible one
    if (index >= events || seen[index]) return std::nullopt;
    seen[index] = true;
    rejected.push_back({index, text_at(*object, {"error"})});
  }
  if (static_cast<std::size_t>(*accepted) + rejected.size() != events) return std::nullopt;
  if ((response.status == bad_request) != (*accepted == 0)) return std::nullopt;
  return rejected;
}

// Weir's reply where some events of a batch could not be published.
bool is_partial_outcome(const http::Response& response) {
  constexpr int internal_error = 500;
  const auto body = response.status == internal_error ? object_in(response.body) : std::nullopt;
  return body && number_at(*body, {"accepted"}) && find(*body, {"failed"}) != nullptr;
}

std::int64_t retry_after_ms(const http::Response& response) {
  const std::string_view text = response.header("Retry-After").value_or("");
  constexpr std::int64_t seconds_max = 3600;
  return parse_decimal<std::int64_t>(text, 1, seconds_max).value_or(0) * 1000;  // an HTTP date: 0
}

// A limit in the report; without it, no limit.
std::size_t limit_at(const json::object& report, std::string_view name) {
  const auto stated = number_at(report, {"checks", "event_log", name});
  return stated && *stated > 0 ? static_cast<std::size_t>(*stated) : SIZE_MAX;
}

class HttpWeirClient final : public WeirClient {
 public:
  HttpWeirClient(http::BaseUrl base, http::HeaderList credentials, http::Trust trust)
      : client_(std::move(base), {.request_deadline = answer_deadline,
                                  .headers = std::move(credentials),
                                  .trust = std::move(trust)}) {}

  Result<LogState> log_state() override {
    const auto response = client_.send("GET", "/health/ready", {}, "");
    if (!response) return std::unexpected(response.error());
    const auto body = object_in(response->body);
    constexpr int ok = 200, unavailable = 503;
    const json::value* const check = body ? find(*body, {"checks", "event_log"}) : nullptr;
    if ((response->status != ok && response->status != unavailable) || check == nullptr ||
        !check->is_object())
      return not_a_report(*response);
    LogState state{.log_id = text_at(*body, {"checks", "event_log", "log_id"})};
    const auto end = number_at(*body, {"checks", "event_log", "end"});
    if (state.log_id.empty() || !end) {
      const std::string why = text_at(*body, {"checks", "event_log", "reason"});
      return fail(ErrorKind::unavailable, "log_unavailable",
                  "Weir's event log is unavailable" + (why.empty() ? "" : ": " + why));
    }
    state.end = *end;
    // Without a window in the report, no id counts as deduplicated.
    state.dedup_window_ms = number_at(*body, {"checks", "event_log", "dedup_window_sec"}).value_or(0) * 1000;
    state.dedup_window_events = number_at(*body, {"checks", "event_log", "dedup_window_events"}).value_or(0);
    state.limits = {.event_bytes = limit_at(*body, "max_event_bytes"),
                    .body_bytes = limit_at(*body, "max_body_bytes")};
    state.has_page = find(*body, {"checks", "metrics_store"}) != nullptr;
    return state;
  }

  Posted post(std::string_view ndjson, std::size_t events) override {
    const auto response =
        client_.send("POST", "/activities", {{"Content-Type", "application/x-ndjson"}}, ndjson);
    if (!response) {
      // Without a connection nothing was sent. After that, any part of the request may have arrived.
      const bool not_sent = response.error().code == http::Client::connect_failed;
      return {.outcome = not_sent ? PostOutcome::not_kept : PostOutcome::unknown,
              .reason = response.error().text};
    }
    if (auto rejected = rejected_items_in(*response, events))
      return {.outcome = PostOutcome::accepted, .rejected = std::move(*rejected)};
    Posted posted{.retry_after_ms = retry_after_ms(*response)};
    const std::string status = "Weir answers " + std::to_string(response->status);
    if (const auto error = weir_error(*response)) {
      posted.outcome = outcome_of_error(response->status);
      posted.reason = status + ": " + *error;
    } else if (is_partial_outcome(*response)) {
      posted.reason = status + ": the event log did not keep all of the events";
    } else {
      posted.reason = describe_foreign(*response, client_.base());
    }
    return posted;
  }

 private:
  // For an error reply in Weir's own form.
  static PostOutcome outcome_of_error(int status) {
    constexpr int request_timeout = 408, too_many_requests = 429, unavailable = 503;
    if (status == too_many_requests || status == unavailable) return PostOutcome::not_kept;
    if (status == request_timeout || status >= 500) return PostOutcome::unknown;
    return PostOutcome::refused;
  }

  // The error for a reply to /health/ready without a report. ErrorKind::unavailable where the cause may be
  // temporary.
  std::unexpected<Error> not_a_report(const http::Response& response) const {
    if (const auto error = weir_error(response))
      return fail(ErrorKind::unavailable, "log_unavailable",
                  "Weir answers " + std::to_string(response.status) + ": " + *error);
    return fail(outcome_of_error(response.status) == PostOutcome::refused ? ErrorKind::invalid
                                                                          : ErrorKind::unavailable,
                "not_weir", describe_foreign(response, client_.base()));
  }

  http::Client client_;
};

}  // namespace

std::unique_ptr<WeirClient> make_weir_client(http::BaseUrl base, http::HeaderList credentials,
                                             http::Trust trust) {
  return std::make_unique<HttpWeirClient>(std::move(base), std::move(credentials), std::move(trust));
}

}  // namespace weir::importer
