// One process of Weir, wired: `serve` has both halves, `producer` the one that takes events, `consumer` the
// one that counts them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "app/consumer_service.hpp"
#include "app/directory_lock.hpp"
#include "app/log_adapter.hpp"
#include "app/signals.hpp"
#include "app/start_gate.hpp"
#include "app/store_adapter.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "config/variable.hpp"
#include "http/server.hpp"
#include "intake/intake.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/health.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// What would be lost to the caller's eye by leaving now: requests' bytes without an answer, and events that
// are in the log but not in the numbers yet (those are read again at the next start).
struct Unfinished {
  std::size_t unanswered_bytes = 0;
  std::int64_t unflushed_events = 0;
};

// Born whole by open(), in the order of its members; they die in the reverse order.
class Service {
 public:
  // Nothing is served before start(). The error says what a person must do: the port is taken, the folder is
  // in use, a file is not what it should be. Kafka and PostgreSQL need not be there yet.
  [[nodiscard]] static Result<std::unique_ptr<Service>> open(config::Command command,
                                                             const config::Settings& settings,
                                                             Signals& signals, telemetry::Logger& logger);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start();
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  // Says so in health, takes nothing more, finishes what is in flight, publishes, counts and flushes; within
  // about 25 s. Answers how many events were read and are not in the store: 0 when all went well. From one
  // thread, once.
  [[nodiscard]] std::int64_t drain();

  // A part cannot go on and the process is about to leave: lets the requests under way have their answers
  // (500, 503), for a second at most, and writes nothing more. From one thread, instead of drain().
  void answer_last();

  [[nodiscard]] Unfinished unsent() const;

 private:
  Service(config::Command command, const config::Settings& settings, Signals& signals,
          telemetry::Logger& logger);

  [[nodiscard]] bool takes() const { return command_ != config::Command::consumer; }
  [[nodiscard]] bool counts() const { return command_ != config::Command::producer; }

  [[nodiscard]] Result<void> open_parts();
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> open_log();
  [[nodiscard]] Result<void> open_server();
  [[nodiscard]] std::vector<http::Route> make_routes();
  [[nodiscard]] telemetry::Health health() const;
  void collect(telemetry::Exposition& into) const;

  const config::Command command_;
  const config::Settings settings_;
  Signals& signals_;
  telemetry::Logger& logger_;
  std::atomic<bool> draining_{false};

  std::optional<DirectoryLock> lock_;  // of DATA_DIR, where the log is embedded
  std::unique_ptr<StoreAdapter> store_;
  std::unique_ptr<LogAdapter> events_;
  std::optional<StartGate>
      start_gate_;  // before events_, where KAFKA_START=latest acts and this process takes events
  std::optional<intake::Intake> intake_;
  std::optional<ConsumerService> counting_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace weir::app
