// Filters run on io threads before the body is read, so a client without a key or over its limit costs
// neither memory nor decompression. Each filter owns a KeyRing::Reader, because a route is used by one io
// thread.
#include "routes/access_control.hpp"

#include <memory>
#include <string>

#include "access/basic_credentials.hpp"
#include "access/forwarded.hpp"
#include "base/text.hpp"
#include "telemetry/exposition.hpp"

namespace weir::routes {
namespace {

using access::Refused;

constexpr std::string_view dashboard_user = "weir";

// Returns what follows the name of the scheme in an Authorization header; nothing if it is of another scheme.
std::optional<std::string_view> credentials_of(std::string_view authorization, std::string_view scheme) {
  const std::size_t space = std::min(authorization.find(' '), authorization.size());
  if (!http::same_ignoring_case(authorization.substr(0, space), scheme)) return std::nullopt;
  return trimmed(authorization.substr(space), header_spaces);
}

// The last parameter `key` of the query, decoded; empty if there is none. The others are not decoded.
std::string key_in_query(std::string_view query) {
  std::string_view found;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    if (query.starts_with("key=")) found = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::string(http::Query(found).get("key").value_or(""));
}

// Retry-After has whole seconds (RFC 9110 §10.2.3). Rounded up, and at least 1, so that no client retries too
// early.
std::int64_t ceil_seconds(std::chrono::nanoseconds time) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time).count());
}

// The window is rounded up to whole seconds. A client that follows the policy is then never refused.
std::string policy_text(const access::RateLimit& limit) {
  if (limit.per_second == 0) return {};
  const std::int64_t window = (limit.burst + limit.per_second - 1) / limit.per_second;
  return "\"default\";q=" + std::to_string(limit.burst) + ";w=" + std::to_string(window);
}

http::Reply too_many_requests(const access::RateLimiter::Decision& decision) {
  const std::string seconds = std::to_string(ceil_seconds(decision.next_request));
  http::Reply reply = http::error_reply(429, "too many requests: try again in " + seconds + " s");
  reply.headers.emplace_back("Retry-After", seconds);
  return reply;
}

// RFC 9110 §15.5.2: a 401 names at least one scheme by which the client can authenticate.
http::Reply challenge(std::string_view scheme, std::string_view error) {
  http::Reply reply = http::error_reply(401, error);
  reply.headers.emplace_back("WWW-Authenticate", scheme);
  return reply;
}

}  // namespace

PresentedKey find_key(const access::ApiKeys& keys, const http::Request& head) {
  PresentedKey key;
  // Tries one secret. An unknown secret does not end the search, because a later place may have a known one.
  const auto is_known = [&](std::string_view secret) {
    if (secret.empty()) return false;
    key.is_present = true;
    key.known = keys.find(secret);
    return key.known.has_value();
  };
  if (const auto header = head.header("X-Api-Key"); header && is_known(*header)) return key;
  if (const auto authorization = head.header("Authorization")) {
    if (const auto token = credentials_of(*authorization, "Bearer"); token && is_known(*token)) return key;
    if (const auto base64 = credentials_of(*authorization, "Basic"); base64 && !base64->empty()) {
      const auto basic = access::parse_basic_credentials(*base64);
      if (!basic) key.is_present = true;  // malformed, which is as good as unknown
      if (basic && is_known(basic->user)) return key;
    }
  }
  if (!head.query.empty()) (void)is_known(key_in_query(head.query));
  return key;
}

AccessControl::AccessControl(AccessSettings settings, std::function<MonoTime()> clock)
    : keys_(std::move(settings.secrets)),
      limit_(std::make_shared<const LimitInForce>(settings.rate_limit)),
      rate_limit_(settings.rate_limit),
      trusted_proxies_(std::move(settings.trusted_proxies)),
      clock_(std::move(clock)) {}

AccessControl::LimitInForce::LimitInForce(const access::RateLimit& limit)
    : limiter(limit), policy(policy_text(limiter.limit())) {}

void AccessControl::reload(access::Secrets secrets, const access::RateLimit& rate_limit) {
  keys_.reload(std::move(secrets));
  const bool is_same =
      rate_limit.per_second == rate_limit_.per_second && rate_limit.burst == rate_limit_.burst;
  if (is_same) return;  // a new limiter would forget what its clients have used
  rate_limit_ = rate_limit;
  limit_.publish(std::make_shared<const LimitInForce>(rate_limit));
}

http::Filter AccessControl::ingest_filter(KeyPlace place) {
  return
      [this, place, reader = access::KeyRing::Reader(keys_), limit_reader = Limit::Reader(limit_)](
          const http::Request& head, http::HeaderList& reply_headers) mutable -> std::optional<http::Reply> {
        const access::KeySnapshot& now = reader.snapshot();
        // The limit is decided before the key is refused. So attempts to guess a key are limited by address.
        const bool needs_key = !now.keys.empty();
        const PresentedKey key = needs_key ? find_key(now.keys, head) : PresentedKey{};
        access::KeyCounts* const counts = key.known ? now.uses[*key.known].counts : nullptr;
        if (const LimitInForce& in_force = limit_reader.newest(); in_force.limiter.is_on()) {
          const auto client = key.known ? now.uses[*key.known].client : client_of(head);
          if (auto refused = limit(in_force, client, reply_headers, counts)) return refused;
        }
        if (counts != nullptr) counts->accepted.fetch_add(1, std::memory_order_relaxed);
        // A Segment library may send its key in the body. The handler checks it there (body_key_check).
        const bool is_checked_later = place == KeyPlace::head_or_body && !key.is_present;
        if (!needs_key || key.known || is_checked_later) return std::nullopt;
        return refuse_key(key.is_present);
      };
}

AccessControl::CheckBodyKey AccessControl::body_key_check() {
  return [this, reader = access::KeyRing::Reader(keys_)](
             const http::Request& request, std::string_view secret) mutable -> std::optional<http::Reply> {
    const access::KeySnapshot& now = reader.snapshot();
    if (now.keys.empty() || find_key(now.keys, request).known) return std::nullopt;
    // The filter has counted the request for the client's address. Here it is counted for the key.
    const auto known = now.keys.find(secret);
    if (!known) return refuse_key(!secret.empty());
    now.uses[*known].counts->accepted.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  };
}

http::Filter AccessControl::reading_filter() {
  return [this, reader = access::KeyRing::Reader(keys_)](
             const http::Request& head, http::HeaderList&) mutable -> std::optional<http::Reply> {
    const access::KeySnapshot& now = reader.snapshot();
    if (!now.dashboard_password) return std::nullopt;
    const PresentedKey key = find_key(now.keys, head);
    if (key.known) return std::nullopt;
    if (const auto authorization = head.header("Authorization"))
      if (const auto base64 = credentials_of(*authorization, "Basic"))
        if (const auto basic = access::parse_basic_credentials(*base64);
            basic && basic->user == dashboard_user)
          // The user name is not secret. The password is compared in constant time, as a digest.
          if (access::is_equal(access::digest_of(basic->password), *now.dashboard_password))
            return std::nullopt;
    keys_.count(key.is_present ? Refused::password_wrong : Refused::password_missing);
    return challenge(R"(Basic realm="weir", charset="UTF-8")",
                     "the dashboard password is required, as Basic with the user weir, or an API key");
  };
}

// Returns 429 if the client is over its limit. `counts` are those of its key; null if it has none.
std::optional<http::Reply> AccessControl::limit(const LimitInForce& limit, access::RateLimited client,
                                                http::HeaderList& reply_headers, access::KeyCounts* counts) {
  const auto decision = limit.limiter.take(client, clock_());
  reply_headers.emplace_back("RateLimit-Policy", limit.policy);
  reply_headers.emplace_back("RateLimit", "\"default\";r=" + std::to_string(decision.remaining) +
                                              ";t=" + std::to_string(ceil_seconds(decision.next_request)));
  if (decision.allowed) return std::nullopt;
  if (counts != nullptr) counts->rate_limited.fetch_add(1, std::memory_order_relaxed);
  keys_.count(Refused::rate_limited);
  return too_many_requests(decision);
}

access::RateLimited AccessControl::client_of(const http::Request& head) const {
  // Without TRUSTED_PROXIES the header is ignored, because any client can send it.
  IpAddress client = head.peer;
  if (!trusted_proxies_.empty()) {
    std::vector<std::string_view> forwarded;
    for (const auto& [name, value] : head.headers)
      if (http::same_ignoring_case(name, "X-Forwarded-For")) forwarded.push_back(value);
    client = access::client_behind(trusted_proxies_, head.peer, forwarded);
  }
  return access::rate_limited_address(ClientAddress::of(client));
}

http::Reply AccessControl::refuse_key(bool is_present) {
  keys_.count(is_present ? Refused::key_unknown : Refused::key_missing);
  if (is_present) return http::error_reply(403, "the API key is unknown");
  return challenge(
      R"(Bearer realm="weir")",
      "an API key is required, as Authorization: Bearer, as the user name of Basic, as X-Api-Key "
      "or as the parameter key");
}

void AccessControl::collect(telemetry::Exposition& into) const {
  keys_.collect(into);
  limit_.get()->limiter.collect(into);
}

}  // namespace weir::routes
