// What the consumer costs from 1 to 1,000 partitions: one process of the simulation with the default settings,
// on a log and a store in memory. In each iteration every partition gets 20 events, and two seconds pass, so
// the events are polled, counted and flushed.
//
// cpu_us: CPU time an event. It should not depend on the number of partitions.
#include <benchmark/benchmark.h>
#include <string>

#include "consumer/testing/test_event.hpp"
#include "simulation/cluster.hpp"

namespace weir::bench {
namespace {

using std::chrono::milliseconds;

constexpr int events_each = 20;

class OneConsumer {
 public:
  explicit OneConsumer(std::int32_t partitions)
      : topic_(partitions), process_(settings(), topic_, database_, false, nullptr, [this] { return now_; }) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(partitions));
    for (std::int32_t partition = 0; partition < partitions; ++partition)
      all[static_cast<std::size_t>(partition)] = partition;
    process_.log().records_a_poll_max(500);  // as max.poll.records of Kafka's consumer
    process_.log().assign(std::move(all));
    process_.run_until_idle();
  }

  void append() {
    for (std::int32_t partition = 0; partition < topic_.partition_count(); ++partition) {
      topic_.prune_before(partition, topic_.bounds(partition).end - 100);
      for (int i = 0; i < events_each; ++i)
        topic_.append(partition, consumer::make_record({.user = "user-" + std::to_string(i % 10),
                                                        .page = "/page-" + std::to_string(i % 5),
                                                        .at = now_.wall},
                                                       now_.wall));
    }
  }

  void pass_two_seconds() {
    for (milliseconds passed{0}; passed < milliseconds{2000}; passed += milliseconds{100}) {
      now_.wall += milliseconds{100};
      now_.mono += milliseconds{100};
      process_.run_until_idle();
    }
  }

  [[nodiscard]] bool has_counted_all() const {
    for (std::int32_t partition = 0; partition < topic_.partition_count(); ++partition) {
      const auto row = database_.ledgers.find(partition);
      if (row == database_.ledgers.end() || row->second.next_offset != topic_.bounds(partition).end)
        return false;
    }
    return true;
  }

 private:
  static consumer::ConsumerSettings settings() {
    consumer::ConsumerSettings settings;
    settings.topic = commit::FakeMetricsStore::topic;
    return settings;
  }

  Now now_{WallTime{milliseconds{1'790'000'000'000}}, MonoTime{std::chrono::hours{1}}};
  consumer::FakeTopic topic_;
  commit::FakeDatabase database_;
  simulation::SimulatedProcess process_;
};

void consume_partitions(benchmark::State& state) {
  const auto partitions = static_cast<std::int32_t>(state.range(0));
  OneConsumer one(partitions);
  for (auto _ : state) {
    state.PauseTiming();
    one.append();
    state.ResumeTiming();
    one.pass_two_seconds();
    if (!one.has_counted_all()) state.SkipWithError("not all events were counted");
  }
  const auto events = static_cast<double>(state.iterations()) * partitions * events_each;
  state.counters["cpu_us"] =
      benchmark::Counter(events / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(consume_partitions)->RangeMultiplier(10)->Range(1, 1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir::bench
