// What a flush costs in PostgreSQL, on a server that this starts itself: our CPU in the usual columns; beside
// them, for each event, what the server's process for our session takes (server_us) and writes ahead
// (wal_bytes; pages are not written whole there), and how many rows it changes.
#include <benchmark/benchmark.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <unistd.h>

#include "bench/gathered.hpp"
#include "bench/own_dimensions.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/migrations.hpp"
#include "support/postgres_server.hpp"

namespace weir::bench {
namespace {

using postgres::Connection;
using postgres::ConnectionSettings;

// The CPU that a process has used, from the 14th and 15th field of /proc/PID/stat.
double cpu_seconds(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// What the server tells of itself.
class Observer {
 public:
  explicit Observer(const ConnectionSettings& settings) : session_(*Connection::open(settings)) {}

  std::int64_t number(const std::string& sql) { return session_.run({"", sql})->number(0, 0); }
  std::int64_t writers_pid() {
    return number("SELECT pid FROM pg_stat_activity WHERE application_name = 'writer'");
  }
  std::int64_t wal_bytes() { return number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"); }
  // Once the writer's session has ended.
  std::int64_t rows_changed() {
    while (number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer'") > 0) {
    }
    return number("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables");
  }
  Connection& session() { return session_; }

 private:
  Connection session_;
};

void flush_events_to_postgres(benchmark::State& state) {
  const auto programs = support::find_postgres("plpgsql");
  if (!programs) return state.SkipWithError("PostgreSQL is not installed");
  const support::PostgresServer server(*programs);
  ConnectionSettings settings;
  settings.url = server.connection_info();
  Observer observer(settings);
  if (!postgres::migrate(observer.session())) return state.SkipWithError("migrate");
  settings.application_name = "writer";
  std::optional<postgres::PostgresMetricsStore> store;
  store.emplace(postgres::MetricsStoreOptions{.connection = settings, .topic = "bench", .group_id = "bench"});

  const Events events(20'000, OwnSources::present);
  const auto dimensions =
      own_dimensions(static_cast<std::size_t>(state.range(1)), tally::DimensionSource::Kind::metadata);
  const WallTime now{std::chrono::milliseconds{1'790'000'300'000}};
  tally::LedgerRow ledger = store->open_ledger(0, 0, now).value();
  const std::int64_t pid = observer.writers_pid();
  const double cpu_before = cpu_seconds(pid);
  const std::int64_t wal_before = observer.wal_bytes();
  const auto count = static_cast<std::size_t>(state.range(0));
  std::size_t from = 0;
  for (auto _ : state) {
    state.PauseTiming();
    commit::Transaction flush = flush_of(events, from, count, ledger, now, dimensions);
    from += count;
    state.ResumeTiming();
    commit::run_to_end(flush, *store);
    if (flush.failure()) return state.SkipWithError(flush.failure()->text.c_str());
    ledger = flush.commits()[0].after;
  }
  const auto flushed = static_cast<double>(from);
  state.SetItemsProcessed(static_cast<std::int64_t>(from));
  state.counters["server_us"] = (cpu_seconds(pid) - cpu_before) * 1e6 / flushed;
  state.counters["wal_bytes"] = static_cast<double>(observer.wal_bytes() - wal_before) / flushed;
  store.reset();
  state.counters["rows"] = static_cast<double>(observer.rows_changed()) / flushed;
}
BENCHMARK(flush_events_to_postgres)
    ->ArgNames({"events", "dimensions"})
    ->ArgsProduct({{100, 1'000, 10'000}, {0}})
    ->Args({10'000, 1})
    ->Args({10'000, 8})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::bench
