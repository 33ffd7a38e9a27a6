// What one io thread counted of its requests, for /metrics.
//
// Only its thread writes, without a locked instruction; a scrape reads from any thread, and adds the threads
// up. The series are those of the routes, whatever clients ask for: what has no route counts as "other".
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

class RequestCounts {
 public:
  // The statuses that are counted by themselves; any other one counts as the last, 0.
  static constexpr std::array<int, 18> statuses{200, 204, 304, 400, 401, 403, 404, 405, 408,
                                                413, 414, 415, 417, 429, 431, 500, 503, 0};
  // In which a request is answered, once it has come whole.
  static constexpr std::array<double, 13> seconds_max{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,    0.25,  0.5,    1,     2.5,  10};

  explicit RequestCounts(std::span<const Route> routes);
  RequestCounts(const RequestCounts&) = delete;
  RequestCounts& operator=(const RequestCounts&) = delete;

  // `route` is one of those of the constructor; null if there is none. From the io thread.
  void count(const Route* route, int status);
  void time(const Route& route, std::chrono::nanoseconds took);

  // weir_http_requests_total and weir_http_request_duration_seconds of all of them together, which have the
  // same routes. From any thread.
  static void collect(std::span<const RequestCounts* const> threads, telemetry::Exposition& into);

 private:
  using Count = std::atomic<std::uint64_t>;
  using Threads = std::span<const RequestCounts* const>;
  struct OfRoute {
    std::array<Count, statuses.size()> by_status{};
    std::array<Count, seconds_max.size() + 1> by_time{};
    Count nanoseconds{0};
  };

  static void describe_requests(Threads threads, telemetry::Exposition& into);
  static void describe_times(Threads threads, telemetry::Exposition& into);

  std::span<const Route> routes_;
  std::vector<OfRoute> counts_;  // as many as routes, and one more for what has none
};

}  // namespace weir::http
