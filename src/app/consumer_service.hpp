// The consuming half of a process: reads the log, writes windows to the store, and answers API queries.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "app/log_adapter.hpp"
#include "app/log_retention.hpp"
#include "app/store_adapter.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "consumer/flush_spans.hpp"
#include "consumer/runner.hpp"
#include "http/router.hpp"
#include "report/report.hpp"
#include "routes/bounded_executor.hpp"
#include "routes/live_feed.hpp"
#include "schema/schema_set.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/logger.hpp"
#include "tracing/tracer.hpp"

namespace weir::app {

// Whether a topic without ledger rows is consumed from its end (KAFKA_START=latest on Kafka). The embedded
// log is always consumed from its start, because Weir itself accepted every event in it.
[[nodiscard]] bool starts_at_latest(const config::Settings& settings);

// How spans name the log of this process.
[[nodiscard]] consumer::LogName log_name(const config::Settings& settings);

// Starts on a thread of its own (the start thread), because the store and the log may be unavailable:
//
//   prepare the store (10 attempts) ─▶ open the log's reader ─▶ KAFKA_START=latest ─▶ create the runner
//
// Until the store is prepared, queries are answered 503 with the code `starting`. status() tells what the
// start waits for.
class ConsumerService {
 public:
  // The process must exit with this code, and with this reason as its last log line. Called at most once, on
  // any thread.
  using OnFatal = std::function<void(int exit_code, const Error& why)>;
  // The ledger has the start offset of each partition. Called at most once, on the start thread.
  using OnStartStored = std::function<void()>;

  // All references must outlive the object. Starts no consumer: the callbacks are not called before start().
  // No other object may use the log's reader, or the store.
  ConsumerService(
      const config::Settings& settings, LogAdapter& log, StoreAdapter& store, telemetry::Logger& logger,
      OnFatal on_fatal, OnStartStored on_start_stored = [] {}, const schema::Schemas* schemas = nullptr,
      const tracing::Tracer* tracer = nullptr);
  ConsumerService(const ConsumerService&) = delete;
  ConsumerService& operator=(const ConsumerService&) = delete;
  ~ConsumerService();  // stop({}, {}), if it was not called

  // Starts the start thread. Call it once.
  void start();

  // Returns new route objects, for one io thread. The server that uses them must stop before this is
  // destroyed.
  [[nodiscard]] std::vector<http::Route> routes();
  // Answers waiting and new queries with 503, and ends the streams of the live view. Running queries continue
  // until their deadline; a running export ends. Thread-safe.
  void stop_queries();
  // Returns a snapshot of the consumer's state. Thread-safe.
  [[nodiscard]] consumer::Status status() const;
  // Takes over FLUSH_INTERVAL_SEC, FLUSH_MIN_INTERVAL_MS and BATCH_SIZE, also for what waits already.
  // Thread-safe.
  void set_pacing(const config::Settings& settings);
  // Adds weir_consumer_…. Thread-safe.
  void collect(telemetry::Exposition& into) const;

  // Stops reading and flushes what was read. If the log is exclusive to this process, first reads it to its
  // end, for at most `read_timeout`. Blocks; the flush takes at most `flush_timeout`. Returns the number of
  // events that were read but are not in the store: 0 on success. Call it once, on one thread.
  [[nodiscard]] std::int64_t stop(std::chrono::milliseconds read_timeout,
                                  std::chrono::milliseconds flush_timeout);

 private:
  // Refuses queries until the tables exist.
  class NotReadyReader;

  // The start thread. Each step returns false, or an error, if the start must end.
  void run_start();
  [[nodiscard]] bool prepare_store();
  [[nodiscard]] Result<void> try_to_prepare_store();
  [[nodiscard]] bool retry_until_log_answers(const std::function<Result<void>()>& call);
  [[nodiscard]] Result<void> store_start_offsets(consumer::LogReader& reader);
  void create_runner(consumer::LogReader& reader);
  [[nodiscard]] bool wait_unless_stopping(std::chrono::milliseconds time);
  void on_store_unavailable(const Error& why);
  void on_log_unavailable(const Error& why);
  // Queries and stop().
  [[nodiscard]] bool may_report_lag_of(std::int32_t partition) const;
  void wait_until_read(std::chrono::milliseconds timeout);

  // Set by the constructor.
  const config::Settings settings_;
  LogAdapter& log_;
  StoreAdapter& store_;
  telemetry::Logger& logger_;
  const OnFatal on_fatal_;
  const OnStartStored on_start_stored_;
  const schema::Schemas* const schemas_;  // null: none
  const tracing::Tracer* const tracer_;   // null: no spans
  const std::unique_ptr<NotReadyReader> metrics_reader_;
  std::vector<tally::CountedDimension> dimensions_;  // of DIMENSIONS; the opening thread's
  report::Report report_;

  mutable std::mutex mutex_;  // guards the members up to runner_ and its creation
  std::condition_variable stopped_;
  bool stopping_ = false;
  consumer::Status start_status_;    // status() until the runner exists
  consumer::PacingSettings pacing_;  // for the runner, once it exists
  std::optional<consumer::Runner> runner_;
  std::thread start_thread_;
  // Threads of these two call status(). They are declared last, so that they end first.
  std::unique_ptr<LogRetention> retention_;  // created by the start thread, destroyed by stop()
  routes::BoundedExecutor query_executor_;
  routes::BoundedExecutor export_executor_;
  std::stop_source stop_exports_;
  routes::LiveFeed live_feed_;
  std::thread live_thread_;  // runs live_feed_ from start() on
};

}  // namespace weir::app
