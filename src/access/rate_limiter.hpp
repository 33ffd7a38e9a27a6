// Limits the requests a second of each client: the generic cell rate algorithm (GCRA, ITU-T I.371 Annex A,
// "virtual scheduling"), which is a token bucket that needs one number a client.
//
// The number is the theoretical arrival time (TAT): when the client's bucket is full again. A request moves
// it by one emission interval, 1 ÷ RPS. A request is refused if the TAT would be more than burst intervals
// ahead of the clock. A refused request costs nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "base/ip_address.hpp"
#include "base/limits.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::access {

struct RateLimit {
  std::int64_t per_second = 0;  // 0: no limit
  std::int64_t burst = 0;       // requests at once, at least 1; 0: twice per_second
};

// The client that a request counts for, as a hash. Two clients have the same one with a probability of 2^-64.
// Its key is secret and differs in each process, so no client can choose to share one.
enum class RateLimited : std::uint64_t {};

[[nodiscard]] RateLimited rate_limited_key(std::string_view key_name);
[[nodiscard]] RateLimited rate_limited_address(const ClientAddress& address);

// Thread-safe. Memory is fixed: a table of limits::rate_limited_clients_max clients, of which the system
// provides a page when the first client falls into it. The table is divided into sets of eight neighbours,
// and into shards with a lock each, which is held for about 20 ns. There is no lock over all.
//
// A client is forgotten when its set is full and it is the one whose bucket is closest to full. Usually that
// bucket is full already, and nothing is lost. Otherwise, with millions of clients within a few seconds, the
// forgotten client gets back what it had used, and no client is refused because of others.
class RateLimiter {
 public:
  struct Decision {
    bool allowed = true;
    std::int64_t remaining = 0;                // requests that would be allowed at once, after this one
    std::chrono::nanoseconds next_request{0};  // until one more is allowed; of a refused one: until it is
  };

  // `clients` is rounded up to a power of two of at least one set.
  explicit RateLimiter(RateLimit limit, std::size_t clients = limits::rate_limited_clients_max);
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;
  ~RateLimiter();

  // Decides about one request of the client at `now`, and counts it if it is allowed. About 15 ns for
  // thousands of clients, and 100 ns for a million that take turns, most of it cache misses.
  [[nodiscard]] Decision take(RateLimited client, MonoTime now);

  [[nodiscard]] bool is_on() const { return interval_ns_ > 0; }
  [[nodiscard]] const RateLimit& limit() const { return limit_; }
  // Clients that were forgotten before their bucket was full.
  [[nodiscard]] std::uint64_t forgotten() const;

  // Adds weir_access_rate_limit_forgotten_total.
  void collect(telemetry::Exposition& into) const;

 private:
  struct Entry;
  struct Shard;

  RateLimit limit_;
  std::int64_t interval_ns_ = 0;  // between two requests at the sustained rate
  std::int64_t burst_ns_ = 0;     // how far the TAT may be ahead after a request
  std::size_t sets_ = 0;
  Entry* table_ = nullptr;  // an anonymous mapping of all sets; null if there is no limit
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace weir::access
