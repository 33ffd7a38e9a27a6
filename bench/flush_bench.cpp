// What a flush costs in the embedded store: read, merge, write, commit, as the writer's thread does it.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "activity/decoder.hpp"
#include "base/hash.hpp"
#include "bench/events.hpp"
#include "rollup/flush.hpp"
#include "rollup/transaction.hpp"
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

rollup::Part gather(const Events& events, std::size_t from, std::size_t count, activity::Decoder& decoder) {
  rollup::Part part(std::chrono::days{7});
  const RecordTime record_time{std::chrono::milliseconds{1'790'000'200'000}};
  for (std::size_t i = 0; i < count; ++i) {
    const auto decoded = decoder.decode(events.json((from + i) % events.size()));
    part.tally.add(*decoded, murmur3(decoded->user_id).low, record_time);
  }
  part.counts = {.read = static_cast<std::int64_t>(count), .tallied = static_cast<std::int64_t>(count)};
  return part;
}

// Events a flush: 100 is the default BATCH_SIZE, 10,000 what a second brings to a busy site.
void flush_events(benchmark::State& state) {
  const Folder folder;
  const Events events(20'000);
  activity::Decoder decoder;
  auto store =
      sqlite::SqliteMetricsStore::open({.data_dir = folder.path(), .topic = "bench", .group_id = "bench"});
  const WallTime now{std::chrono::milliseconds{1'790'000'300'000}};
  auto ledger = (*store)->open_ledger(0, 0, now);
  const auto count = static_cast<std::size_t>(state.range(0));
  std::size_t from = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<rollup::Flush::Share> shares;
    rollup::Part part = gather(events, from, count, decoder);
    part.next_offset = ledger->next_offset + state.range(0);
    rollup::Claim claim{.before = *ledger, .after = part.added_to(*ledger)};
    shares.push_back({0, std::move(part)});
    from += count;
    state.ResumeTiming();

    rollup::Transaction flush(
        {claim}, std::make_unique<rollup::Flush>(std::move(shares), rollup::Flush::Pruning{}, "bench"), now);
    rollup::run_to_end(flush, **store);
    if (flush.failure()) state.SkipWithError(flush.failure()->text.c_str());

    state.PauseTiming();
    ledger = flush.claims()[0].after;
    if (!(*store)->checkpoint()) state.SkipWithError("checkpoint");
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(flush_events)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::bench
