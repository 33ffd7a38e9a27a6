// The metrics store as one process uses it. sqlite_store.cpp and postgres_store.cpp implement it. No other
// code knows which of the two stores is in use.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "config/settings.hpp"
#include "report/metrics_reader.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Owned by the Service, which destroys it after every part that uses it.
class StoreAdapter {
 public:
  StoreAdapter() = default;
  StoreAdapter(const StoreAdapter&) = delete;
  StoreAdapter& operator=(const StoreAdapter&) = delete;
  virtual ~StoreAdapter() = default;

  // Creates or migrates the tables. Call it before any other function. Blocks until the store has answered.
  // May be called again after any error.
  virtual Result<void> prepare() = 0;

  // The writing side, for one thread. Lives as long as the adapter.
  virtual commit::MetricsStore& store() = 0;
  // The reading side, thread-safe. Lives as long as the adapter.
  virtual report::MetricsReader& metrics() = 0;
  // See LogRetention::MakeDurable. For one thread, which may differ from that of store().
  virtual Result<bool> make_durable() = 0;
};

// The number of threads that answer queries.
inline constexpr std::size_t query_threads = 2;
// Threads that read the store at the same time: those, and one each of the live view and of exports.
inline constexpr std::size_t store_readers = query_threads + 2;

// Opens metrics.db in DATA_DIR, which the caller has locked.
[[nodiscard]] Result<std::unique_ptr<StoreAdapter>> open_sqlite_store(const config::Settings& settings);
// Connects at the first call of prepare(); the database may be unavailable until then.
[[nodiscard]] std::unique_ptr<StoreAdapter> make_postgres_store(const config::Settings& settings,
                                                                telemetry::Logger& logger);

// Opens the reading side alone, for a command that runs beside the services. Creates and migrates nothing:
// the tables must exist. With PostgreSQL nothing is connected yet.
[[nodiscard]] Result<std::unique_ptr<report::MetricsReader>> open_sqlite_reader(
    const config::Settings& settings);
[[nodiscard]] std::unique_ptr<report::MetricsReader> make_postgres_reader(const config::Settings& settings);

}  // namespace weir::app
