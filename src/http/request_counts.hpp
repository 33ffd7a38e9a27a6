// Counts the requests of one io thread, for /metrics.
//
// The series depend on the routes alone, never on what clients send: requests without a route count as
// "other". So clients cannot create series.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "http/exchange.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::http {

// Only its io thread writes, so an increment needs no locked instruction. Any thread may collect. Memory: 264
// bytes for each route.
class RequestCounts {
 public:
  // Statuses with a counter of their own. Every other one counts as the last, 0.
  static constexpr std::array<int, 18> statuses{200, 204, 304, 400, 401, 403, 404, 405, 408,
                                                413, 414, 415, 417, 429, 431, 500, 503, 0};
  // Upper bounds of the histogram's buckets, in seconds.
  static constexpr std::array<double, 13> seconds_max{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,    0.25,  0.5,    1,     2.5,  10};

  // `routes` must outlive the counters.
  explicit RequestCounts(std::span<const Route> routes);
  RequestCounts(const RequestCounts&) = delete;
  RequestCounts& operator=(const RequestCounts&) = delete;

  // Counts a request whose head is complete or was refused. Each ends in count() or in abandon(), unless it
  // is in flight. Only for the io thread.
  void begin();
  // Counts a request whose connection closed before its reply. Only for the io thread.
  void abandon();
  // Counts one reply. `route` is an element of the constructor's routes, or null for a request without a
  // route. Only for the io thread.
  void count(const Route* route, int status);
  // Records the time from a complete request to its reply. Only for the io thread.
  void time(const Route& route, std::chrono::nanoseconds duration);

  // Adds weir_http_requests_…_total and weir_http_request_duration_seconds as sums over `threads`, which must
  // have the same routes. For any thread.
  static void collect(std::span<const RequestCounts* const> threads, telemetry::Exposition& into);

 private:
  using Count = std::atomic<std::uint64_t>;
  using Threads = std::span<const RequestCounts* const>;
  struct OfRoute {
    std::array<Count, statuses.size()> by_status{};
    std::array<Count, seconds_max.size() + 1> by_time{};
    Count nanoseconds{0};
  };

  static void collect_requests(Threads threads, telemetry::Exposition& into);
  static void collect_counts(Threads threads, telemetry::Exposition& into);
  static void collect_durations(Threads threads, telemetry::Exposition& into);

  std::span<const Route> routes_;
  Count received_{0};
  Count abandoned_{0};
  std::vector<OfRoute> counts_;  // one for each route, then one for requests without a route
};

}  // namespace weir::http
