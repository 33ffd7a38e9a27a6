// What counting costs: one event into its windows, a user into a sketch, a stored sketch into an answer.
#include <benchmark/benchmark.h>

#include "activity/decoder.hpp"
#include "base/hash.hpp"
#include "bench/own_dimensions.hpp"
#include "tally/sketch.hpp"
#include "tally/tally.hpp"

namespace weir::bench {
namespace {

// Decoding is part of the loop, because its views live no longer; decode_one is what to take off.
void decode_and_tally(benchmark::State& state, const Events& events,
                      const std::vector<tally::CountedDimension>& dimensions) {
  activity::Decoder decoder;
  tally::EventValueReader values(dimensions);
  tally::Tally tally(std::chrono::days{7});
  const RecordTime record_time{std::chrono::milliseconds{1'790'000'200'000}};
  std::size_t next = 0;
  for (auto _ : state) {
    const auto decoded = decoder.decode(events.json(next), values.metadata_members());
    tally.add({decoded->timestamp, decoded->is_page_view(), values.read(*decoded)},
              murmur3(decoded->user_id).low, record_time);
    if (++next == events.size()) {
      next = 0;
      tally = tally::Tally(std::chrono::days{7});
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void decode_and_tally_one(benchmark::State& state) { decode_and_tally(state, Events(10'000), {}); }
BENCHMARK(decode_and_tally_one);

// DIMENSIONS with so many entries, over events that have all members and parameters: what an entry adds is the
// difference between two lines.
void decode_and_tally_members(benchmark::State& state) {
  decode_and_tally(
      state, Events(10'000, OwnSources::present),
      own_dimensions(static_cast<std::size_t>(state.range(0)), tally::DimensionSource::Kind::metadata));
}
BENCHMARK(decode_and_tally_members)->Arg(0)->Arg(1)->Arg(4)->Arg(8);

void decode_and_tally_parameters(benchmark::State& state) {
  decode_and_tally(
      state, Events(10'000, OwnSources::present),
      own_dimensions(static_cast<std::size_t>(state.range(0)), tally::DimensionSource::Kind::query));
}
BENCHMARK(decode_and_tally_parameters)->Arg(0)->Arg(1)->Arg(4)->Arg(8);

std::string text_of(std::size_t number) { return "user-" + std::to_string(number); }

tally::Sketch sketch_of(std::size_t users) {
  tally::Sketch sketch;
  for (std::size_t i = 0; i < users; ++i) sketch.add(murmur3(text_of(i)).low);
  return sketch;
}

void add_to_sketch(benchmark::State& state) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i)
    hashes.push_back(murmur3(text_of(i)).low);
  for (auto _ : state) {
    tally::Sketch sketch;
    for (const std::uint64_t hash : hashes) sketch.add(hash);
    benchmark::DoNotOptimize(sketch);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(add_to_sketch)->Arg(2)->Arg(100)->Arg(4'000)->Arg(100'000);

void unite_stored(benchmark::State& state) {
  const std::string stored = sketch_of(static_cast<std::size_t>(state.range(0))).encode();
  tally::Sketch united = sketch_of(10'000);
  for (auto _ : state) benchmark::DoNotOptimize(united.unite_encoded(stored));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(unite_stored)->Arg(1)->Arg(100)->Arg(4'000)->Arg(5'000)->Arg(100'000);

void encode(benchmark::State& state) {
  const tally::Sketch sketch = sketch_of(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(sketch.encode());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode)->Arg(1)->Arg(100)->Arg(4'000)->Arg(5'000)->Arg(100'000);

}  // namespace
}  // namespace weir::bench
