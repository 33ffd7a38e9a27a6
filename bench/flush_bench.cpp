// What a flush costs in the embedded store: read, merge, write, commit, as the writer's thread does it.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "bench/events.hpp"
#include "bench/gathered.hpp"
#include "bench/own_dimensions.hpp"
#include "commit/transaction.hpp"
#include "sqlite/metrics_store.hpp"

namespace weir::bench {
namespace {

// A folder that goes with its benchmark.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Events a flush: 100 is the default BATCH_SIZE, 10,000 what a second brings to a busy site.
void flush_events(benchmark::State& state) {
  const Folder folder;
  const Events events(20'000, OwnSources::present);
  const auto dimensions =
      own_dimensions(static_cast<std::size_t>(state.range(1)), tally::DimensionSource::Kind::metadata);
  auto store =
      sqlite::SqliteMetricsStore::open({.data_dir = folder.path(), .topic = "bench", .group_id = "bench"});
  const WallTime now{std::chrono::milliseconds{1'790'000'300'000}};
  auto ledger = (*store)->open_ledger(0, 0, now);
  const auto count = static_cast<std::size_t>(state.range(0));
  std::size_t from = 0;
  for (auto _ : state) {
    state.PauseTiming();
    commit::Transaction flush = flush_of(events, from, count, *ledger, now, dimensions);
    from += count;
    state.ResumeTiming();

    commit::run_to_end(flush, **store);
    if (flush.failure()) state.SkipWithError(flush.failure()->text.c_str());

    state.PauseTiming();
    ledger = flush.commits()[0].after;
    if (!(*store)->checkpoint()) state.SkipWithError("checkpoint");
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(flush_events)
    ->ArgNames({"events", "dimensions"})
    ->ArgsProduct({{100, 1'000, 10'000}, {0}})
    ->Args({10'000, 1})
    ->Args({10'000, 8})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::bench
