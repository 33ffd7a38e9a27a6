#include "http/exchange.hpp"

#include "base/hex.hpp"
#include "base/json_text.hpp"

namespace weir::http {

namespace {

// Independent of the locale, unlike std::tolower.
char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte; }

// Decodes percent-encoding and '+'. A '%' without two hex digits after it stays as it is, as in browsers.
std::string decode_component(std::string_view raw) {
  std::string decoded;
  decoded.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] == '%' && at + 2 < raw.size()) {
      if (const int byte = hex_number(raw.substr(at + 1, 2)); byte >= 0) {
        decoded.push_back(static_cast<char>(byte));
        at += 2;
        continue;
      }
    }
    decoded.push_back(raw[at] == '+' ? ' ' : raw[at]);
  }
  return decoded;
}

}  // namespace

bool same_ignoring_case(std::string_view one, std::string_view other) {
  return one.size() == other.size() &&
         std::equal(one.begin(), one.end(), other.begin(),
                    [](char left, char right) { return lower(left) == lower(right); });
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [field_name, value] : headers)
    if (same_ignoring_case(field_name, name)) return value;
  return std::nullopt;
}

Query::Query(std::string_view raw) {
  // A part without '=' is a parameter with an empty value; empty parts are skipped.
  while (!raw.empty()) {
    const std::size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    pairs_.emplace_back(decode_component(pair.substr(0, equals)),
                        decode_component(pair.substr(std::min(equals + 1, pair.size()))));
  }
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  // Backwards, because the last value counts.
  for (auto pair = pairs_.rbegin(); pair != pairs_.rend(); ++pair)
    if (pair->first == name) return pair->second;
  return std::nullopt;
}

Reply error_reply(int status, std::string_view error) {
  Reply reply{.status = status};
  reply.body = R"({"error":)";
  append_json_string(reply.body, error);
  reply.body.push_back('}');
  return reply;
}

}  // namespace weir::http
