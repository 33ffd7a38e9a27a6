// The counting half of a process: from the log into the store, and the answers out of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/log_adapter.hpp"
#include "app/log_retention.hpp"
#include "app/store_adapter.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "consumer/runner.hpp"
#include "http/router.hpp"
#include "report/report.hpp"
#include "routes/bounded_executor.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Whether a topic without a ledger is counted from its end: KAFKA_START=latest, which is a setting of Kafka's
// alone. What the embedded log holds was accepted by Weir and is always counted.
[[nodiscard]] bool begins_at_end(const config::Settings& settings);

// Begins on a thread of its own, because neither the store nor the log need be there yet:
//
//   the store is prepared, 10 tries ─▶ the log's reading end ─▶ KAFKA_START=latest ─▶ the runner
//
// Until then questions are answered with "starting" (503), and health says why it takes so long.
class ConsumerService {
 public:
  // The process must leave, with this code and this reason as its last line. At most once, from any thread.
  using Fatal = std::function<void(int exit_code, const Error& why)>;
  // The ledger says where each partition begins. At most once, on the opening thread.
  using StartIsStored = std::function<void()>;

  // All that is referred to outlives it.
  ConsumerService(
      const config::Settings& settings, LogAdapter& events, StoreAdapter& store, telemetry::Logger& logger,
      Fatal fatal, StartIsStored start_is_stored = [] {});
  ConsumerService(const ConsumerService&) = delete;
  ConsumerService& operator=(const ConsumerService&) = delete;
  ~ConsumerService();

  void start();

  // For each io thread. The server that has them stops before this dies.
  [[nodiscard]] std::vector<http::Route> routes();
  // Questions that wait, and those that come from now on, are answered 503; those that run go on to their
  // deadline.
  void stop_queries() { pool_.stop(); }
  [[nodiscard]] consumer::Status status() const;  // any thread
  void collect(telemetry::Exposition& into) const;

  // Counts and flushes what was read, and, where the log is ours alone, reads it to its end before. Answers
  // how many events were read and are not in the store: 0 when all went well. From one thread, once.
  [[nodiscard]] std::int64_t stop(std::chrono::milliseconds read_patience,
                                  std::chrono::milliseconds flush_patience);

 private:
  // What the questions are put to: nothing is asked of tables that are not there yet.
  class NotReadyReader;

  void open();
  [[nodiscard]] bool prepare_store();
  [[nodiscard]] Result<void> try_to_prepare_store();
  [[nodiscard]] bool ask_log(const std::function<Result<void>()>& ask);
  [[nodiscard]] Result<void> choose_start(consumer::LogReader& reader);
  void run(consumer::LogReader& reader);
  [[nodiscard]] bool pause(std::chrono::milliseconds time);
  void waits_for_store(const Error& why);
  void waits_for_log(const Error& why);
  [[nodiscard]] bool knows_lag_of(std::int32_t partition) const;
  void await_reading(std::chrono::milliseconds patience);

  const config::Settings settings_;
  LogAdapter& events_;
  StoreAdapter& store_;
  telemetry::Logger& logger_;
  const Fatal fatal_;
  const StartIsStored start_is_stored_;
  const std::unique_ptr<NotReadyReader> gate_;
  std::vector<tally::CountedDimension> dimensions_;  // the opening thread's
  report::Report report_;

  mutable std::mutex mutex_;  // guards the next four
  std::condition_variable stopped_;
  bool stopping_ = false;
  consumer::Status before_;  // until the runner is there
  std::optional<consumer::Runner> runner_;
  std::thread opening_;
  // Their threads call status(), so they end before all of the above.
  std::unique_ptr<LogRetention> upkeep_;  // the opening thread's, then stop()'s
  routes::BoundedExecutor pool_;
};

}  // namespace weir::app
