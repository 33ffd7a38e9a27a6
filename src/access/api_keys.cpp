#include "access/api_keys.hpp"

#include <algorithm>

#include "access/limits.hpp"
#include "base/decimal.hpp"
#include "base/text.hpp"

namespace weir::access {
namespace {

constexpr std::size_t name_bytes_max = 64;

// A name is a label value in the metrics and may appear in the log, so its characters are restricted.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '_' ||
           c == '-';
  });
}

// Returns what is wrong with a secret, or an empty text.
std::string fault_of_secret(std::string_view secret) {
  if (secret.empty()) return "its secret is empty";
  if (secret.size() > limits::api_key_bytes_max)
    return "its secret is longer than " + std::to_string(limits::api_key_bytes_max) + " bytes";
  return is_visible_ascii(secret) ? "" : "its secret has a character that is not visible ASCII";
}

// An entry without a colon may be a secret without a name, so no error quotes it.
std::expected<ApiKey, std::string> parse_entry(std::string_view entry) {
  const std::size_t colon = entry.find(':');
  if (colon == std::string_view::npos) return std::unexpected("there is no ':' in it");
  const std::string_view name = trimmed(entry.substr(0, colon), json_spaces);
  const std::string_view secret = trimmed(entry.substr(colon + 1), json_spaces);
  if (!is_name(name))
    return std::unexpected("its name must be 1 to " + std::to_string(name_bytes_max) +
                           " letters, digits, '.', '_' or '-'");
  if (std::string fault = fault_of_secret(secret); !fault.empty()) return std::unexpected(std::move(fault));
  return ApiKey{std::string(name), digest_of(secret)};
}

}  // namespace

std::expected<std::vector<ApiKey>, std::string> parse_api_keys(std::string_view text) {
  std::vector<ApiKey> keys;
  for (const std::string_view entry : split(text, ',')) {
    // White space around entries is ignored, so that a setting may be written on several lines.
    auto key = parse_entry(trimmed(entry, json_spaces));
    // Entries are counted from 1. A number identifies the entry, because its text may be a secret.
    const auto refuse = [number = keys.size() + 1](std::string_view why) {
      return std::unexpected("entry " + std::to_string(number) + ": " + std::string(why));
    };
    if (!key) return refuse(key.error());
    if (std::ranges::find(keys, key->name, &ApiKey::name) != keys.end())
      return refuse("its name is that of an earlier entry");
    if (std::ranges::find(keys, key->digest, &ApiKey::digest) != keys.end())
      return refuse("its secret is that of an earlier entry");
    if (keys.size() == limits::api_keys_max)
      return refuse("it is one more than " + std::to_string(limits::api_keys_max));
    keys.push_back(*std::move(key));
  }
  return keys;
}

std::string api_keys_expected() {
  return "name:secret,…, at most " + std::to_string(limits::api_keys_max) +
         ", each name and each secret once, a secret of visible ASCII without ','";
}

std::optional<std::size_t> ApiKeys::find(std::string_view secret) const {
  if (secret.empty() || secret.size() > limits::api_key_bytes_max) return std::nullopt;
  // The loop does not end at the first match: the time must not depend on the position of the key.
  const Digest digest = digest_of(secret);
  std::size_t found = keys_.size();
  for (std::size_t at = 0; at < keys_.size(); ++at)
    if (is_equal(keys_[at].digest, digest)) found = at;
  return found < keys_.size() ? std::optional(found) : std::nullopt;
}

}  // namespace weir::access
