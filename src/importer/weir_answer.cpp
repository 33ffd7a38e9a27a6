#include "importer/weir_answer.hpp"

#include <boost/json/parse.hpp>

#include "base/printable.hpp"

namespace weir::importer {

namespace json = boost::json;

namespace {

constexpr int first_error_status = 400;
constexpr std::size_t excerpt_bytes = 60;

// The beginning of the body, enough to recognize a login page.
std::string excerpt_of(std::string_view body) {
  if (body.empty()) return "no body";
  return "body \"" + printable(body.substr(0, excerpt_bytes)) +
         (body.size() > excerpt_bytes ? "...\"" : "\"");
}

// The query and the part before an @ may hold a token.
std::string without_secrets(std::string_view location) {
  return http::without_credentials(location.substr(0, location.find_first_of("?#")));
}

}  // namespace

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

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

std::optional<std::string> weir_error(const http::Response& response) {
  if (response.status < first_error_status) return std::nullopt;
  const auto body = object_in(response.body);
  // Errors of other programs often have more members, or an object as the value.
  if (!body || body->size() != 1) return std::nullopt;
  const json::value* const error = find(*body, {"error"});
  if (error == nullptr || !error->is_string()) return std::nullopt;
  return text_at(*body, {"error"});
}

std::string describe_foreign(const http::Response& response, const http::BaseUrl& base) {
  std::string text = "something else answers in Weir's place at " + base.authority() + ": status " +
                     std::to_string(response.status);
  for (const std::string_view name : {"Content-Type", "Server", "Location"})
    if (const auto value = response.header(name))
      text.append(", ").append(name).append(" ").append(printable(without_secrets(*value)));
  return text + ", " + excerpt_of(response.body);
}

}  // namespace weir::importer
