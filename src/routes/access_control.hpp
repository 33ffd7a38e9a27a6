// API keys, the dashboard password and rate limits as filters of routes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/key_ring.hpp"
#include "access/rate_limiter.hpp"
#include "base/clock.hpp"
#include "base/ip_address.hpp"
#include "base/published.hpp"
#include "http/exchange.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::routes {

// A key that a request presents in its head, as contract §3 lists the ways: X-Api-Key, Authorization: Bearer,
// the user name of Authorization: Basic, and ?key=. A secret that is empty counts as none, and so does an
// Authorization of another scheme. If several are presented, one that is known is enough.
struct PresentedKey {
  bool is_present = false;
  std::optional<std::size_t> known;  // its index in the set of keys
};
[[nodiscard]] PresentedKey find_key(const access::ApiKeys& keys, const http::Request& head);

// Where the key of an ingest request may stand.
enum class KeyPlace : std::uint8_t {
  head,          // as PresentedKey says
  head_or_body,  // also in the body: a request without a key passes the filter; its handler checks the key
};

struct AccessSettings {
  access::Secrets secrets;
  access::RateLimit rate_limit;
  std::vector<IpNetwork> trusted_proxies;
};

// Shared by all io threads, which it must outlive. Thread-safe. What it refuses is counted by reason, what a
// key lets in by the name of the key. No secret is ever in a reply, a metric or a log line.
class AccessControl {
 public:
  AccessControl(AccessSettings settings, std::function<MonoTime()> clock);

  // Replaces keys, password and rate limit. Requests that arrive afterwards are checked against the new ones.
  // With another rate limit, each client begins with its whole burst.
  void reload(access::Secrets secrets, const access::RateLimit& rate_limit);

  // The filter of an ingest route. Each io thread needs its own. With neither keys nor a rate limit it lets
  // all requests pass; that costs a few nanoseconds.
  //
  // Rate limit: a request with a known key counts for the key, any other one for the client's address, also
  // if its key is unknown. Each request counts as one, regardless of its body: the limit is decided before
  // the body is read. A limited request gets RateLimit and RateLimit-Policy
  // (draft-ietf-httpapi-ratelimit-headers-10), and 429 with Retry-After if it is over the limit.
  //
  // Keys: 401 without a key, with a Bearer challenge (a Basic challenge would make browsers ask the visitors
  // of other pages for a password), and 403 with an unknown one.
  [[nodiscard]] http::Filter ingest_filter(KeyPlace place = KeyPlace::head);

  // For handlers of routes with KeyPlace::head_or_body: returns the reply that refuses the request, or
  // nothing if a key in its head or `secret`, from its body, is known, or no key is needed. An empty secret
  // counts as none. Each io thread needs its own function. The request was counted for its address before.
  using CheckBodyKey =
      std::function<std::optional<http::Reply>(const http::Request&, std::string_view secret)>;
  [[nodiscard]] CheckBodyKey body_key_check();

  // The filter of the API and the page. Each io thread needs its own. With a dashboard password, a request
  // needs it as Basic with the user `weir`, or a known API key; else it gets 401 with a Basic challenge, so
  // that a browser asks for it. Without a dashboard password all pass.
  [[nodiscard]] http::Filter reading_filter();

  // Adds the metrics of keys, refusals and rate limits.
  void collect(telemetry::Exposition& into) const;

 private:
  // A limiter belongs to one limit.
  struct LimitInForce {
    explicit LimitInForce(const access::RateLimit& limit);
    mutable access::RateLimiter limiter;  // thread-safe
    std::string policy;                   // the value of RateLimit-Policy
  };
  using Limit = Published<LimitInForce>;

  [[nodiscard]] std::optional<http::Reply> limit(const LimitInForce& limit, access::RateLimited client,
                                                 http::HeaderList& reply_headers, access::KeyCounts* counts);
  [[nodiscard]] access::RateLimited client_of(const http::Request& head) const;
  [[nodiscard]] http::Reply refuse_key(bool is_present);

  access::KeyRing keys_;
  Limit limit_;
  access::RateLimit rate_limit_;  // the one of limit_, as it was set; of the thread that calls reload()
  const std::vector<IpNetwork> trusted_proxies_;
  const std::function<MonoTime()> clock_;
};

}  // namespace weir::routes
