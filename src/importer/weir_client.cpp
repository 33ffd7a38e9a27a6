#include "importer/weir_client.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <optional>

#include "importer/weir_answer.hpp"

namespace weir::importer {
namespace {

namespace json = boost::json;

// Longer than the ten seconds within which Weir promises an answer.
constexpr std::chrono::seconds answer_deadline{15};

// The items that Weir says it rejected, if this is its reply to a batch of so many events: each event is
// either accepted or named once among the rejected ones. Nothing if it is any other reply.
std::optional<std::vector<RejectedItem>> outcome_in(const http::Response& response, std::size_t events) {
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
    const auto index = static_cast<std::size_t>(number.value_or(-1));  // beyond every batch if there is none
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
  std::int64_t seconds = 0;
  const bool number = std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc();
  return number && seconds > 0 && seconds <= 3600 ? seconds * 1000 : 0;
}

// A bound that /health/ready states; no bound if it states none.
std::size_t limit_at(const json::object& report, std::string_view name) {
  const auto stated = number_at(report, {"checks", "event_log", name});
  return stated && *stated > 0 ? static_cast<std::size_t>(*stated) : SIZE_MAX;
}

class HttpRemote final : public WeirClient {
 public:
  explicit HttpRemote(http::BaseUrl base) : client_(std::move(base), {.request_deadline = answer_deadline}) {}

  Result<LogState> log_state() override {
    const auto response = client_.send("GET", "/health/ready", {}, "");
    if (!response) return std::unexpected(response.error());
    const auto body = object_in(response->body);
    constexpr int ok = 200, unavailable = 503;
    const json::value* const check = body ? find(*body, {"checks", "event_log"}) : nullptr;
    if ((response->status != ok && response->status != unavailable) || check == nullptr ||
        !check->is_object())
      return no_report(*response);
    LogState state{.log_id = text_at(*body, {"checks", "event_log", "log_id"})};
    const auto end = number_at(*body, {"checks", "event_log", "end"});
    if (state.log_id.empty() || !end) {
      const std::string why = text_at(*body, {"checks", "event_log", "reason"});
      return fail(ErrorKind::unavailable, "log_away",
                  "its event log is away" + (why.empty() ? "" : ": " + why));
    }
    state.end = *end;
    // Not said is as good as no window: then nothing is surely covered.
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
      const bool surely_not = response.error().code == http::Client::connect_failed;
      return {.answer = surely_not ? PostOutcome::not_kept : PostOutcome::unknown,
              .why = response.error().text};
    }
    if (auto rejected = outcome_in(*response, events))
      return {.answer = PostOutcome::taken, .rejected = std::move(*rejected)};
    Posted posted{.retry_after_ms = retry_after_ms(*response)};
    const std::string answers = "it answers " + std::to_string(response->status);
    if (const auto error = weir_error(*response)) {
      posted.answer = answer_of(response->status);
      posted.why = answers + ": " + *error;
    } else if (is_partial_outcome(*response)) {
      posted.why = answers + ": the event log did not keep all of the events";
    } else {
      posted.why = describe_foreign(*response, client_.base());
    }
    return posted;
  }

 private:
  static PostOutcome answer_of(int status) {
    constexpr int request_timeout = 408, too_many_requests = 429, unavailable = 503;
    if (status == too_many_requests || status == unavailable) return PostOutcome::not_kept;
    if (status == request_timeout || status >= 500) return PostOutcome::unknown;
    return PostOutcome::refused;
  }

  // Why a reply to /health/ready says nothing of the log. Only what may be over in a moment is worth another
  // try.
  std::unexpected<Error> no_report(const http::Response& response) const {
    if (const auto error = weir_error(response))
      return fail(ErrorKind::unavailable, "log_away",
                  "it answers " + std::to_string(response.status) + ": " + *error);
    return fail(
        answer_of(response.status) == PostOutcome::refused ? ErrorKind::invalid : ErrorKind::unavailable,
        "no_weir", describe_foreign(response, client_.base()));
  }

  http::Client client_;
};

}  // namespace

std::unique_ptr<WeirClient> connect_weir(http::BaseUrl base) {
  return std::make_unique<HttpRemote>(std::move(base));
}

}  // namespace weir::importer
