// What the door and the consumer pay to look at one event.
#include <benchmark/benchmark.h>

#include "activity/decoder.hpp"
#include "bench/events.hpp"

namespace weir::bench {
namespace {

void decode_one(benchmark::State& state) {
  const Events events(10'000);
  activity::Decoder decoder;
  std::size_t next = 0;
  for (auto _ : state) {
    auto decoded = decoder.decode(events.json(next));
    benchmark::DoNotOptimize(decoded);
    next = next + 1 == events.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_one);

}  // namespace
}  // namespace weir::bench
