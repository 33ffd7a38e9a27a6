// How fast the consumer's side drains: polled records into parts, by one thread or by more. The store is left
// out.
//
// cpu_us: CPU time of all threads an event. items_per_second: by the clock on the wall.
#include <benchmark/benchmark.h>

#include "bench/events.hpp"
#include "consumer/partition.hpp"
#include "consumer/worker_pool.hpp"

namespace weir::bench {
namespace {

constexpr RecordTime record_time{std::chrono::milliseconds{1'790'000'200'000}};

// A poll's records of every partition, and the partitions that take them, again and again.
class Drain {
 public:
  Drain(std::int32_t partitions, std::size_t records_each) : events_(20'000) {
    std::size_t next = 0;
    for (std::int32_t number = 0; number < partitions; ++number) {
      std::vector<consumer::RecordView>& views = views_.emplace_back();
      for (std::size_t i = 0; i < records_each; ++i, ++next)
        views.push_back({.time = record_time, .key = "key", .value = events_.json(next % events_.size())});
      consumer::OpenedPartition opened;
      opened.ledger.partition = number;
      const consumer::PartitionSettings settings{.dedupe = {.records = 1'000'000 / partitions}};
      partitions_.push_back(std::make_unique<consumer::Partition>(std::move(opened), settings, MonoTime{}));
    }
  }

  void poll_again() {
    const auto records = static_cast<std::int64_t>(views_[0].size());
    for (std::vector<consumer::RecordView>& views : views_) {
      for (std::size_t i = 0; i < views.size(); ++i) views[i].offset = offset_ + static_cast<std::int64_t>(i);
    }
    offset_ += records;
  }

  void process(std::size_t at, activity::Decoder& decoder) {
    partitions_[at]->process({.partition = static_cast<std::int32_t>(at),
                              .records = views_[at],
                              .next_offset = offset_,
                              .log_end = offset_},
                             decoder);
  }

  // As flushes do: what was gathered goes elsewhere.
  void close() {
    for (const auto& partition : partitions_) {
      const commit::PendingBatch part = partition->take_batch();
      tally::LedgerRow ledger = part.added_to(partition->ledger(), {});
      ++ledger.version;
      partition->on_committed(ledger);
    }
  }

 private:
  Events events_;
  std::vector<std::vector<consumer::RecordView>> views_;
  std::vector<std::unique_ptr<consumer::Partition>> partitions_;
  std::int64_t offset_ = 0;
};

// ParallelFor, partitions, records of each partition in a poll.
void drain(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto partitions = static_cast<std::size_t>(state.range(1));
  const auto records = static_cast<std::size_t>(state.range(2));
  Drain drain(static_cast<std::int32_t>(partitions), records);
  consumer::WorkerPool pool(workers);
  std::vector<std::unique_ptr<activity::Decoder>> decoders;
  for (std::size_t i = 0; i < workers; ++i) decoders.push_back(std::make_unique<activity::Decoder>());
  const consumer::Task task = [&](std::size_t worker, std::size_t at) {
    drain.process(at, *decoders[worker]);
  };
  std::size_t gathered = 0;
  for (auto _ : state) {
    state.PauseTiming();
    drain.poll_again();
    state.ResumeTiming();
    pool.run(partitions, task);
    gathered += partitions * records;
    if (gathered < 100'000) continue;
    state.PauseTiming();
    drain.close();
    gathered = 0;
    state.ResumeTiming();
  }
  const auto events = static_cast<std::int64_t>(partitions * records);
  state.SetItemsProcessed(state.iterations() * events);
  state.counters["events_a_poll"] = static_cast<double>(events);
}
BENCHMARK(drain)
    ->ArgNames({"workers", "partitions", "records"})
    ->ArgsProduct({{1, 2, 3}, {4, 12}, {4, 16, 64, 256, 1'000}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::bench
