// Cost of one request's access checks: the rate limiter, a key, and the filter of an ingest route.
#include <benchmark/benchmark.h>

#include "access/rate_limiter.hpp"
#include "base/clock.hpp"
#include "routes/access_control.hpp"

namespace weir::bench {
namespace {

MonoTime clock_now() { return std::chrono::steady_clock::now(); }

// Argument: the number of addresses that take turns, in an order that no cache foresees.
void rate_limiter_take(benchmark::State& state) {
  static access::RateLimiter limiter({.per_second = 10, .burst = 20});
  const auto addresses = static_cast<std::uint32_t>(state.range(0));
  std::uint32_t next = static_cast<std::uint32_t>(state.thread_index()) * 7919;
  const MonoTime now = clock_now();
  for (auto _ : state) {
    next = (next + 1'000'003) % addresses;
    const auto client = access::rate_limited_address(ClientAddress::of(IpAddress::of_v4(next)));
    auto decision = limiter.take(client, now);
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(rate_limiter_take)->Arg(1)->Arg(1'000)->Arg(1'000'000)->Threads(1)->Threads(2);

void find_api_key(benchmark::State& state) {
  std::string text = "web:4f1c6a52d1b94e8f9b2d";
  for (std::int64_t more = 1; more < state.range(0); ++more)
    text += ",k" + std::to_string(more) + ":s" + std::to_string(more);
  const access::ApiKeys keys(*access::parse_api_keys(text));
  for (auto _ : state) {
    auto found = keys.find("4f1c6a52d1b94e8f9b2d");
    benchmark::DoNotOptimize(found);
  }
}
BENCHMARK(find_api_key)->Arg(1)->Arg(10)->Arg(100);

// The whole filter. Argument: 0: nothing set; 1: a rate limit; 2: a key; 3: both.
void ingest_filter(benchmark::State& state) {
  routes::AccessSettings settings;
  if ((state.range(0) & 1) != 0) settings.rate_limit = {.per_second = 1'000'000, .burst = 2'000'000};
  if ((state.range(0) & 2) != 0)
    settings.secrets.api_keys = *access::parse_api_keys("web:4f1c6a52d1b94e8f9b2d");
  routes::AccessControl control(std::move(settings), clock_now);
  const http::Filter filter = control.ingest_filter();
  http::Request head{.method = "POST", .path = "/activity"};
  head.peer = IpAddress::of_v4(0x7f000001);
  head.headers = {{"Host", "weir:8080"},     {"User-Agent", "bench/1.0"},
                  {"Accept", "*/*"},         {"Content-Type", "application/json"},
                  {"Content-Length", "200"}, {"Authorization", "Bearer 4f1c6a52d1b94e8f9b2d"}};
  for (auto _ : state) {
    http::HeaderList reply_headers;
    auto refused = filter(head, reply_headers);
    benchmark::DoNotOptimize(refused);
    benchmark::DoNotOptimize(reply_headers);
  }
}
BENCHMARK(ingest_filter)->DenseRange(0, 3);

}  // namespace
}  // namespace weir::bench
