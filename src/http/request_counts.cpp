#include "http/request_counts.hpp"

#include <algorithm>

#include "telemetry/exposition.hpp"

namespace weir::http {
namespace {

// Statuses of replies to requests without a route. These series exist from the start.
constexpr std::array<int, 12> without_route{204, 400, 404, 405, 408, 413, 414, 415, 417, 431, 500, 503};

// A load and a store are enough, because only one thread writes.
void increase(std::atomic<std::uint64_t>& count, std::uint64_t more) {
  count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

// The index of the status in `statuses`; that of the last one if it has no counter of its own.
std::size_t index_of(int status) {
  const auto& all = RequestCounts::statuses;
  return static_cast<std::size_t>(std::find(all.begin(), all.end() - 1, status) - all.begin());
}

}  // namespace

RequestCounts::RequestCounts(std::span<const Route> routes) : routes_(routes), counts_(routes.size() + 1) {}

void RequestCounts::begin() { increase(received_, 1); }

void RequestCounts::abandon() { increase(abandoned_, 1); }

void RequestCounts::count(const Route* route, int status) {
  OfRoute& counts = route ? counts_[static_cast<std::size_t>(route - routes_.data())] : counts_.back();
  increase(counts.by_status[index_of(status)], 1);
}

void RequestCounts::time(const Route& route, std::chrono::nanoseconds duration) {
  OfRoute& counts = counts_[static_cast<std::size_t>(&route - routes_.data())];
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::ranges::lower_bound(seconds_max, seconds) - seconds_max.begin();
  increase(counts.by_time[static_cast<std::size_t>(bucket)], 1);
  increase(counts.nanoseconds, static_cast<std::uint64_t>(duration.count()));
}

void RequestCounts::collect(Threads threads, telemetry::Exposition& into) {
  collect_requests(threads, into);
  collect_counts(threads, into);
  collect_durations(threads, into);
}

void RequestCounts::collect_requests(Threads threads, telemetry::Exposition& into) {
  std::uint64_t received = 0;
  std::uint64_t abandoned = 0;
  for (const RequestCounts* thread : threads) {
    received += thread->received_;
    abandoned += thread->abandoned_;
  }
  into.counter("weir_http_requests_received_total", "Requests whose head is complete, or was refused.",
               static_cast<double>(received));
  into.counter("weir_http_requests_abandoned_total", "Requests whose connection closed before their reply.",
               static_cast<double>(abandoned));
}

void RequestCounts::collect_counts(Threads threads, telemetry::Exposition& into) {
  const std::span<const Route> routes = threads.front()->routes_;
  for (std::size_t at = 0; at <= routes.size(); ++at) {
    const bool other = at == routes.size();
    for (std::size_t status = 0; status < statuses.size(); ++status) {
      std::uint64_t times = 0;
      for (const RequestCounts* thread : threads) times += thread->counts_[at].by_status[status];
      // An alert can use rate() only on a series that exists before the first event. The other series
      // appear when they are not zero: most routes never use most statuses.
      const bool always = other ? std::ranges::find(without_route, statuses[status]) != without_route.end()
                                : statuses[status] == 200;
      if (times == 0 && !always) continue;
      into.counter("weir_http_requests_total", "Requests answered, by the path of the route and the status.",
                   static_cast<double>(times),
                   {{"route", other ? std::string_view("other") : routes[at].path},
                    {"method", other ? std::string_view("other") : routes[at].method},
                    {"code", statuses[status] == 0 ? "other" : std::to_string(statuses[status])}});
    }
  }
}

void RequestCounts::collect_durations(Threads threads, telemetry::Exposition& into) {
  const std::span<const Route> routes = threads.front()->routes_;
  for (std::size_t at = 0; at < routes.size(); ++at) {
    std::array<std::uint64_t, seconds_max.size() + 1> counts{};
    std::uint64_t nanoseconds = 0;
    for (const RequestCounts* thread : threads) {
      for (std::size_t bucket = 0; bucket < counts.size(); ++bucket)
        counts[bucket] += thread->counts_[at].by_time[bucket];
      nanoseconds += thread->counts_[at].nanoseconds;
    }
    if (std::ranges::all_of(counts, [](std::uint64_t count) { return count == 0; })) continue;
    into.histogram("weir_http_request_duration_seconds", "Time from a complete request to its reply.",
                   seconds_max, counts, static_cast<double>(nanoseconds) / 1e9,
                   {{"route", routes[at].path}, {"method", routes[at].method}});
  }
}

}  // namespace weir::http
