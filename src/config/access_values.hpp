// The accepted values of API_KEYS, TRUSTED_PROXIES and WEIR_API_KEY. Only variable.cpp includes this header.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "access/api_keys.hpp"
#include "access/forwarded.hpp"
#include "access/limits.hpp"
#include "base/text.hpp"
#include "config/value_spec.hpp"

namespace weir::config {

inline constexpr ValueSpec api_keys{[](std::string_view text, Settings& into) {
                                      auto keys = access::parse_api_keys(text);
                                      if (!keys) return false;
                                      into.api_keys = *std::move(keys);
                                      return true;
                                    },
                                    access::api_keys_expected,
                                    [](std::string_view text) {
                                      const auto keys = access::parse_api_keys(text);
                                      return keys ? std::string() : keys.error();
                                    }};

inline constexpr ValueSpec networks{[](std::string_view text, Settings& into) {
                                      auto list = access::parse_networks(text);
                                      if (!list) return false;
                                      into.trusted_proxies = *std::move(list);
                                      return true;
                                    },
                                    [] {
                                      return std::string(
                                          "a list of networks like 10.0.0.0/8 or fd00::/8 and of addresses, "
                                          "separated by commas");
                                    },
                                    [](std::string_view text) {
                                      const auto list = access::parse_networks(text);
                                      return list ? std::string() : list.error();
                                    }};

// A key travels in a header, so it is visible ASCII.
inline constexpr ValueSpec own_key{
    [](std::string_view text, Settings& into) {
      if (!is_visible_ascii(text) || text.size() > limits::api_key_bytes_max) return false;
      into.weir_api_key = text;
      return true;
    },
    [] { return "at most " + std::to_string(limits::api_key_bytes_max) + " visible ASCII characters"; }};

}  // namespace weir::config
