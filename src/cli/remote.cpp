#include "cli/remote.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <chrono>

namespace weir::cli {
namespace {

namespace json = boost::json;

// Longer than the ten seconds within which Weir promises an answer.
constexpr std::chrono::seconds answer_deadline{15};

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// Null where a member on the way is missing or no object.
const json::value* find(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::object* at = &object;
  const json::value* found = nullptr;
  for (const std::string_view name : path) {
    if (at == nullptr) return nullptr;
    found = at->if_contains(json::string_view(name.data(), name.size()));
    at = found == nullptr ? nullptr : found->if_object();
  }
  return found;
}

std::string text_at(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::value* const found = find(object, path);
  if (found == nullptr || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

std::optional<std::int64_t> number_at(const json::object& object,
                                      std::initializer_list<std::string_view> path) {
  const json::value* const found = find(object, path);
  if (found == nullptr || !found->is_int64()) return std::nullopt;
  return found->get_int64();
}

std::vector<RejectedItem> rejected_in(const json::object& body) {
  std::vector<RejectedItem> rejected;
  const json::value* const list = find(body, {"rejected"});
  if (list == nullptr || !list->is_array()) return rejected;
  for (const json::value& item : list->get_array()) {
    const json::object* const object = item.if_object();
    const auto index = object == nullptr ? std::nullopt : number_at(*object, {"index"});
    if (index && *index >= 0)
      rejected.push_back({static_cast<std::size_t>(*index), text_at(*object, {"error"})});
  }
  return rejected;
}

std::int64_t retry_after_ms(const http::Response& response) {
  const std::string_view text = response.header("Retry-After").value_or("");
  std::int64_t seconds = 0;
  const bool number = std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc();
  return number && seconds > 0 && seconds <= 3600 ? seconds * 1000 : 0;
}

class HttpRemote final : public Remote {
 public:
  explicit HttpRemote(http::BaseUrl base) : client_(std::move(base), {.request_deadline = answer_deadline}) {}

  Result<LogState> log_state() override {
    const auto response = client_.send("GET", "/health/ready", {}, "");
    if (!response) return std::unexpected(response.error());
    const auto body = object_in(response->body);
    const bool weirs = body && find(*body, {"checks"}) != nullptr;
    if (!weirs && response->status < 500)
      return fail(Move::caller, "no_weir", client_.base().authority() + " answers, but is no Weir");
    LogState state{.log_id = body ? text_at(*body, {"checks", "event_log", "log_id"}) : ""};
    const auto end = body ? number_at(*body, {"checks", "event_log", "end"}) : std::nullopt;
    if (state.log_id.empty() || !end) {
      const std::string why = body ? text_at(*body, {"checks", "event_log", "reason"}) : "";
      return fail(Move::peer, "log_away", "its event log is away" + (why.empty() ? "" : ": " + why));
    }
    state.end = *end;
    // Not said is as good as no window: then nothing is surely covered.
    state.dedup_window_ms = number_at(*body, {"checks", "event_log", "dedup_window_sec"}).value_or(0) * 1000;
    state.dedup_window_events = number_at(*body, {"checks", "event_log", "dedup_window_events"}).value_or(0);
    state.has_page = find(*body, {"checks", "metrics_store"}) != nullptr;
    return state;
  }

  Posted post(std::string_view ndjson) override {
    const auto response =
        client_.send("POST", "/activities", {{"Content-Type", "application/x-ndjson"}}, ndjson);
    if (!response) {
      const bool surely_not = response.error().code == http::Client::connect_failed;
      return {.answer = surely_not ? Answer::not_kept : Answer::unknown, .why = response.error().text};
    }
    const auto body = object_in(response->body);
    const bool counted = body && find(*body, {"accepted"}) != nullptr;
    if (response->status == 200 || (response->status == 400 && counted))
      return {.answer = Answer::taken, .rejected = body ? rejected_in(*body) : std::vector<RejectedItem>{}};
    Posted posted{.answer = answer_of(response->status), .retry_after_ms = retry_after_ms(*response)};
    const std::string error = body ? text_at(*body, {"error"}) : "";
    posted.why = "it answers " + std::to_string(response->status) + (error.empty() ? "" : ": " + error);
    return posted;
  }

 private:
  static Answer answer_of(int status) {
    constexpr int request_timeout = 408, too_many_requests = 429, unavailable = 503;
    if (status == too_many_requests || status == unavailable) return Answer::not_kept;
    if (status == request_timeout || status >= 500) return Answer::unknown;
    return Answer::refused;
  }

  http::Client client_;
};

}  // namespace

std::unique_ptr<Remote> connect_remote(http::BaseUrl base) {
  return std::make_unique<HttpRemote>(std::move(base));
}

}  // namespace weir::cli
