#include "consul/key_values.hpp"

#include <algorithm>
#include <limits>
#include <simdjson.h>

#include "base/decimal.hpp"
#include "base/limits.hpp"
#include "base64/base64.hpp"

namespace weir::consul {
namespace {

// Percent-encodes all but the unreserved characters of RFC 3986 and the slash, which separates Consul's keys.
std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").contains(c);
    if (plain)
      out += c;
    else
      (out += '%').append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
  }
  return out;
}

// A proxy or another service may answer in place of Consul. That is no reason to drop the settings in force.
std::unexpected<Error> not_consul(std::string_view what) {
  return fail(ErrorKind::unavailable, "consul_reply",
              "the reply is not one of Consul's key/value store: " + std::string(what));
}

// One element of the array: {"Key": "weir/batch_size", "Value": "NTAw", …}. Value is null for an empty one.
// False if it has another form.
bool add_entry(const simdjson::dom::element& entry, const std::string& folder, KeyValues& into) {
  std::string_view key;
  if (entry["Key"].get_string().get(key) != simdjson::SUCCESS || !key.starts_with(folder)) return false;
  key.remove_prefix(folder.size());
  simdjson::dom::element value;
  if (entry["Value"].get(value) != simdjson::SUCCESS) return false;
  if (key.empty() || key.ends_with('/')) return true;
  std::string_view base64;
  if (!value.is_null() && value.get_string().get(base64) != simdjson::SUCCESS) return false;
  auto text = decode_base64(base64, Base64Padding::optional);
  if (!text) return false;
  into.values.insert_or_assign(std::string(key), *std::move(text));
  return true;
}

}  // namespace

std::string path_of(const Query& query, std::uint64_t index, std::chrono::seconds wait) {
  std::string path = "/v1/kv/" + encoded(query.prefix) + "/?recurse=true";
  if (!query.datacenter.empty()) path += "&dc=" + encoded(query.datacenter);
  if (index > 0) path += "&index=" + std::to_string(index) + "&wait=" + std::to_string(wait.count()) + "s";
  return path;
}

http::HeaderList headers_of(const Query& query) {
  http::HeaderList headers;
  if (!query.token.empty()) headers.emplace_back("X-Consul-Token", query.token);
  return headers;
}

Result<KeyValues> parse_reply(const http::Response& reply, const Query& query) {
  if (reply.status != 200 && reply.status != 404)
    return fail(
        ErrorKind::unavailable, "consul_status",
        "it answered with status " + std::to_string(reply.status) +
            (reply.status == 403 ? ": CONSUL_HTTP_TOKEN may not read the keys below " + query.prefix + "/"
                                 : ""));
  const auto header = reply.header("X-Consul-Index");
  const auto index = header
                         ? parse_decimal<std::int64_t>(*header, 0, std::numeric_limits<std::int64_t>::max())
                         : std::nullopt;
  if (!index) return not_consul("it has no X-Consul-Index");
  KeyValues keys;
  // Index 0 would mean "no index" in the next query, which Consul then answers at once (its documents ask for
  // 1).
  keys.index = static_cast<std::uint64_t>(std::max<std::int64_t>(1, *index));
  if (reply.status == 404) return keys;
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (parser.parse(simdjson::padded_string(reply.body)).get_array().get(entries) != simdjson::SUCCESS)
    return not_consul("its body is no JSON array");
  for (const simdjson::dom::element entry : entries)
    if (!add_entry(entry, query.prefix + "/", keys)) return not_consul("its body has no Key and Value");
  return keys;
}

Result<KeyValues> fetch(const Query& query, std::chrono::milliseconds timeout) {
  http::Client client(query.agent, {.connect_deadline = timeout,
                                    .request_deadline = timeout,
                                    .response_bytes_max = 4 * limits::MiB,
                                    .headers = headers_of(query)});
  const auto reply = client.send("GET", path_of(query, 0, {}), {}, "");
  if (!reply) return std::unexpected(reply.error());
  return parse_reply(*reply, query);
}

}  // namespace weir::consul
