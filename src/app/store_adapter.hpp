// The store as this process uses it. Which one it is, SQLite or PostgreSQL, is decided here and known nowhere
// else.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "config/settings.hpp"
#include "report/metrics_reader.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

class StoreAdapter {
 public:
  StoreAdapter() = default;
  StoreAdapter(const StoreAdapter&) = delete;
  StoreAdapter& operator=(const StoreAdapter&) = delete;
  virtual ~StoreAdapter() = default;

  // Makes or upgrades the tables; before anything else is asked of the store. Blocks for as long as the store
  // does, and may be tried again after any error.
  virtual Result<void> prepare() = 0;

  virtual commit::MetricsStore& store() = 0;     // the writer's thread
  virtual report::MetricsReader& metrics() = 0;  // any thread
  // See LogRetention::Settle. From one thread, which need not be the writer's.
  virtual Result<bool> settle() = 0;
};

// How many threads ask questions at once.
inline constexpr std::size_t report_threads = 2;

// The file in DATA_DIR, which the caller has locked; open when this returns.
[[nodiscard]] Result<std::unique_ptr<StoreAdapter>> open_sqlite_store(const config::Settings& settings);
// The database need not be there yet.
[[nodiscard]] std::unique_ptr<StoreAdapter> make_postgres_store(const config::Settings& settings,
                                                                telemetry::Logger& logger);

}  // namespace weir::app
