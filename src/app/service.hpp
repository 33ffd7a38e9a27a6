// One process of Weir with all its parts connected. `weir serve` accepts and consumes events, `weir producer`
// only accepts them, `weir consumer` only consumes them.
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
#include "app/replay_endpoint.hpp"
#include "app/signals.hpp"
#include "app/start_gate.hpp"
#include "app/store_adapter.hpp"
#include "app/trace_export.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "config/variable.hpp"
#include "http/server.hpp"
#include "intake/intake.hpp"
#include "routes/access_control.hpp"
#include "routes/request_trace.hpp"
#include "schema/schema_set.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/health.hpp"
#include "telemetry/logger.hpp"
#include "tls/server_identity.hpp"

namespace weir::app {

// The work that an exit at this moment would leave undone.
struct Unfinished {
  std::size_t unanswered_bytes = 0;   // of requests without a reply; nothing was promised for them
  std::int64_t unflushed_events = 0;  // in the log but not in the store; the next start reads them again
};

// open() creates the parts in the order of the members. They are destroyed in reverse order. Functions that
// are not marked thread-safe are called by the main thread, or by one thread that acts for it.
//
// Errors after start() do not come back through a return value: the parts report them to `signals`.
class Service {
 public:
  // Opens all parts and binds the port, but serves nothing before start(). Kafka and PostgreSQL may be
  // unavailable. The error text says what the operator must do. Examples: the port or DATA_DIR is in use, a
  // file is damaged, a setting is refused.
  [[nodiscard]] static Result<std::unique_ptr<Service>> open(config::Command command,
                                                             const config::Settings& settings,
                                                             Signals& signals, telemetry::Logger& logger);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Starts to serve HTTP and to consume. Does not wait for the log or the store.
  void start();
  // The bound port.
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  // Stops gracefully, within about 23 s. It becomes unready, accepts nothing more and answers the requests in
  // flight. Then it finishes the writes to the log and flushes what was read. Returns the number of events
  // that were read but are not in the store: 0 on success. Call it once.
  [[nodiscard]] std::int64_t drain();

  // For a fatal error, instead of drain(): answers the requests in flight (500 or 503) for at most one
  // second, and writes nothing more.
  void answer_last();

  // Takes over the settings that can change while the process runs (config::TakesEffect::while_running).
  // Other members of `settings` are not looked at.
  void reload(const config::Settings& settings);
  // Loads the schemas of SCHEMA_DIR and the files of TLS_CERT and TLS_KEY again. On an error the old ones
  // stay, and the log has the reason. Main thread only.
  void reload_files();

  // Thread-safe.
  [[nodiscard]] Unfinished unfinished() const;

 private:
  Service(config::Command command, const config::Settings& settings, Signals& signals,
          telemetry::Logger& logger);

  // `serve` does both.
  [[nodiscard]] bool accepts_events() const { return command_ != config::Command::consumer; }
  [[nodiscard]] bool consumes_events() const { return command_ != config::Command::producer; }

  // The steps of open(), in this order.
  [[nodiscard]] Result<void> open_parts();
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> open_log();
  [[nodiscard]] Result<void> open_server();
  [[nodiscard]] std::vector<http::Route> make_routes();
  void reload_schemas();
  void reload_identity();
  // With the embedded log: lets `weir dlq replay` find this service.
  [[nodiscard]] Result<void> write_control();
  // For GET /health/ready and GET /metrics. Called on io threads.
  [[nodiscard]] telemetry::Health health() const;
  void collect(telemetry::Exposition& into) const;

  const config::Command command_;
  const config::Settings settings_;
  Signals& signals_;
  telemetry::Logger& logger_;
  std::atomic<bool> draining_{false};

  std::optional<DirectoryLock> lock_;              // of DATA_DIR; only with the embedded log
  std::string control_token_;                      // likewise; see control_file.hpp
  std::unique_ptr<tls::ServerIdentity> identity_;  // null without TLS_CERT
  std::unique_ptr<schema::Schemas> schemas_;       // null without SCHEMA_DIR
  std::unique_ptr<TraceExport> traces_;            // null if spans are not exported
  routes::IngestTracing ingest_tracing_;
  std::unique_ptr<StoreAdapter> store_;  // only if the process consumes
  std::unique_ptr<LogAdapter> log_;
  std::optional<StartGate> start_gate_;  // wraps the writer of log_; only with KAFKA_START=latest
  // Each of these two exists only in processes that accept, or consume, events.
  std::optional<intake::Intake> intake_;
  std::optional<ConsumerService> consumer_service_;
  std::optional<ReplayEndpoint> replay_endpoint_;  // only with the embedded log
  routes::AccessControl access_;                   // of all io threads
  // Declared last: its threads use all other members.
  std::unique_ptr<http::Server> server_;
};

}  // namespace weir::app
