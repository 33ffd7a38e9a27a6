// The key/value store of Consul: the request and the reply of a blocking query
// (https://developer.hashicorp.com/consul/api-docs/kv,
// https://developer.hashicorp.com/consul/api-docs/features/blocking). Pure functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.hpp"
#include "http/client.hpp"

namespace weir::consul {

// What to ask, and whom.
struct Query {
  http::BaseUrl agent;
  std::string prefix;      // the keys are PREFIX/…
  std::string token;       // empty: none
  std::string datacenter;  // empty: the agent's own
};

// All keys below the prefix at one moment.
struct KeyValues {
  std::uint64_t index = 1;                                 // X-Consul-Index; at least 1
  std::map<std::string, std::string, std::less<>> values;  // by the key without the prefix
};

// The path of a request for all keys. Index 0: Consul replies at once. Otherwise it replies when its index is
// above `index`, or after `wait` and up to a sixteenth more.
[[nodiscard]] std::string path_of(const Query& query, std::uint64_t index, std::chrono::seconds wait);

// The header with the token, if there is one.
[[nodiscard]] http::HeaderList headers_of(const Query& query);

// Reads the reply. 404 means that there are no keys. Folders, whose keys end with a slash, are left out.
//
// Errors: unavailable, consul_status (another status); unavailable, consul_reply (no X-Consul-Index, or a
// body that is not Consul's). No error contains a value or the token.
[[nodiscard]] Result<KeyValues> parse_reply(const http::Response& reply, const Query& query);

// Asks once and waits at most `timeout` for the connection and as long again for the reply. Also the errors
// of http::Client.
[[nodiscard]] Result<KeyValues> fetch(const Query& query, std::chrono::milliseconds timeout);

}  // namespace weir::consul
