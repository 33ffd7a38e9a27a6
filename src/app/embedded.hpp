// The parts of `weir serve` on the embedded log and store, and their wiring.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "app/signals.hpp"
#include "app/upkeep.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "http/server.hpp"
#include "intake/intake.hpp"
#include "observe/health.hpp"
#include "observe/log.hpp"
#include "report/report.hpp"
#include "rollup/runner.hpp"
#include "routes/report_pool.hpp"
#include "sqlite/directory_lock.hpp"
#include "sqlite/event_log.hpp"
#include "sqlite/log_reader.hpp"
#include "sqlite/metrics_reader.hpp"
#include "sqlite/metrics_store.hpp"

namespace weir::app {

// Born whole by open(), in the order of its members; they die in the reverse order.
class Embedded {
 public:
  // Nothing is served before start(). The error says what a person must do: the port is taken, the folder is in use,
  // a file is not what it should be.
  [[nodiscard]] static Result<std::unique_ptr<Embedded>> open(const config::Settings& settings,
                                                              Signals& signals, observe::Log& log);
  Embedded(const Embedded&) = delete;
  Embedded& operator=(const Embedded&) = delete;

  void start();
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  // Says so in health, takes nothing more, finishes what is in flight, commits, counts and flushes; within about
  // 25 s. Answers how many events were read and are not in the store: 0 when all went well. From one thread, once.
  [[nodiscard]] std::int64_t drain();

  // A part cannot go on and the process is about to leave: lets the requests under way have their answers (500, 503),
  // for a second at most, and writes nothing more. From one thread, instead of drain().
  void answer_last();

  // What would be lost to the caller's eye by leaving now: requests' bytes without an answer, and events that are in
  // the log but not in the numbers yet (those are read again at the next start).
  [[nodiscard]] std::size_t unanswered_bytes() const;
  [[nodiscard]] std::int64_t unflushed_events() const;

 private:
  Embedded(const config::Settings& settings, Signals& signals, observe::Log& log);

  [[nodiscard]] Result<void> open_server();
  [[nodiscard]] Result<void> open_files();
  [[nodiscard]] std::vector<http::Route> make_routes();
  [[nodiscard]] observe::Health health() const;
  [[nodiscard]] observe::Check log_check() const;
  [[nodiscard]] observe::Check store_check(const rollup::Status& status) const;
  [[nodiscard]] observe::Check freshness_check(const rollup::Status& status) const;
  void await_reading(std::chrono::milliseconds patience);

  const config::Settings settings_;
  Signals& signals_;
  observe::Log& log_;
  std::atomic<bool> draining_{false};

  std::optional<sqlite::DirectoryLock> lock_;
  std::unique_ptr<sqlite::EmbeddedLog> events_;
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::unique_ptr<sqlite::SqliteMetricsStore> store_;
  std::unique_ptr<sqlite::SqliteMetricsReader> metrics_;
  std::optional<report::Report> report_;
  std::optional<intake::Intake> intake_;
  std::optional<rollup::Runner> runner_;
  std::optional<Upkeep> upkeep_;
  std::optional<routes::ReportPool> pool_;  // before the server: it answers what the server took
  std::unique_ptr<http::Server> server_;
};

}  // namespace weir::app
