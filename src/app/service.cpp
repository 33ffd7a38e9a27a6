#include "app/service.hpp"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "app/control_file.hpp"
#include "app/descriptors.hpp"
#include "app/health.hpp"
#include "base/limits.hpp"
#include "routes/health_routes.hpp"
#include "routes/ingest_routes.hpp"
#include "routes/metrics_routes.hpp"
#include "routes/page_routes.hpp"
#include "routes/segment_routes.hpp"
#include "routes/snippet_route.hpp"
#include "telemetry/log_level.hpp"
#include "telemetry/process.hpp"

// Order of the start (open(), then start()):
//
//   lock DATA_DIR ─▶ open store, log ─▶ create intake, consumer service ─▶ bind port ─▶ serve ─▶ consume
//
// Order of the stop (drain()):
//
//   unready ─▶ refuse events, queries ─▶ answer requests in flight ─▶ stop the log's writer ─▶ read, flush
//   ─▶ export the last spans
//
// Threads: the main thread opens, starts and stops. The server's io threads call the routes, health() and
// collect(). Threads of the log and the consumer call the functions that are passed to them here. Members do
// not change between open_parts() and the destructor, except draining_ and flush_interval_.
namespace weir::app {
namespace {

// The time limits of the steps of drain(). Their sum is less than the 25 s that Weir promises.
constexpr std::chrono::milliseconds answer_timeout{8000};
constexpr std::chrono::milliseconds publish_timeout{4000};
constexpr std::chrono::milliseconds read_timeout{4000};
constexpr std::chrono::milliseconds flush_timeout{7000};

constexpr std::chrono::milliseconds trace_timeout{1500};

constexpr std::chrono::milliseconds last_answer_timeout{1000};

static_assert(limits::query_deadline < answer_timeout,
              "a query that runs at the start of drain() is answered");

http::ServerSettings server_settings(config::Command command, const config::Settings& settings) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const bool is_auto = settings.http_threads == 0;
  const int threads = is_auto ? cores : settings.http_threads;
  return {.bind_address = settings.bind_address,
          .port = command == config::Command::consumer ? settings.consumer_port : settings.server_port,
          .threads = threads,
          .threads_at_start = is_auto ? 1 : threads,
          .body_bytes_max = settings.max_body_bytes,
          .connections_max = connections_within(raise_descriptor_limit(), threads),
          .cors_origins = settings.cors_origins};
}

access::Secrets secrets_of(const config::Settings& settings) {
  access::Secrets secrets{.api_keys = settings.api_keys, .dashboard_password = std::nullopt};
  if (!settings.dashboard_password.empty())
    secrets.dashboard_password = access::digest_of(settings.dashboard_password);
  return secrets;
}

routes::AccessSettings access_settings(const config::Settings& settings) {
  return {.secrets = secrets_of(settings),
          .rate_limit = settings.rate_limit,
          .trusted_proxies = settings.trusted_proxies};
}

intake::IntakeSettings intake_settings(const config::Settings& settings, const schema::Schemas* schemas) {
  return {.event_bytes_max = settings.max_event_bytes,
          .body_bytes_max = settings.max_body_bytes,
          .partition_key = settings.partition_key,
          .schemas = schemas};
}

}  // namespace

Service::Service(config::Command command, const config::Settings& settings, Signals& signals,
                 telemetry::Logger& logger)
    : command_(command),
      settings_(settings),
      signals_(signals),
      logger_(logger),
      flush_interval_(settings.flush_interval),
      access_(access_settings(settings), [] { return std::chrono::steady_clock::now(); }) {}

Result<std::unique_ptr<Service>> Service::open(config::Command command, const config::Settings& settings,
                                               Signals& signals, telemetry::Logger& logger) {
  std::unique_ptr<Service> service(new Service(command, settings, signals, logger));
  if (auto opened = service->open_parts(); !opened) return propagate(opened);
  if (auto opened = service->open_server(); !opened)
    return propagate(opened);  // after the parts, which its routes use
  if (auto written = service->write_control(); !written) return propagate(written);
  return service;
}

Result<void> Service::open_parts() {
  if (settings_.event_log == config::EventLogKind::embedded) {
    auto lock = DirectoryLock::acquire(settings_.data_dir);
    if (!lock) return propagate(lock);
    lock_ = std::move(*lock);
  }
  if (!settings_.tls_cert.empty()) {
    auto identity = tls::ServerIdentity::open({settings_.tls_cert, settings_.tls_key}, read_clock().wall);
    if (!identity) return propagate(identity);
    identity_ = std::move(*identity);
  }
  if (!settings_.schema_dir.empty()) {
    auto schemas = schema::Schemas::open(settings_.schema_dir);
    if (!schemas) return propagate(schemas);
    schemas_ = std::move(*schemas);
  }
  traces_ = TraceExport::open(settings_, logger_);
  const tracing::Tracer* const tracer = traces_ ? &traces_->tracer() : nullptr;
  const consumer::LogName log_in_spans = log_name(settings_);
  ingest_tracing_ = {.tracer = tracer, .log_system = log_in_spans.system, .topic = log_in_spans.topic};
  if (consumes_events()) {
    if (auto opened = open_store(); !opened) return opened;
  }
  if (auto opened = open_log(); !opened) return opened;
  if (accepts_events()) {
    // A process that accepts and consumes events must store the start offsets before it accepts the first
    // event.
    intake::EventLog* log = &log_->writer();
    if (consumes_events() && starts_at_latest(settings_)) log = &start_gate_.emplace(*log);
    intake_.emplace(
        *log, intake_settings(settings_, schemas_.get()), [] { return read_clock().mono; }, logger_);
  }
  if (consumes_events()) {
    consumer_service_.emplace(
        settings_, *log_, *store_, logger_,
        [this](int exit_code, const Error& why) { signals_.fatal(exit_code, why.text); },
        [this] {
          if (start_gate_) start_gate_->open();
        },
        schemas_.get(), tracer);
  }
  if (lock_) {
    control_token_ = make_control_token();
    replay_endpoint_.emplace(store_->metrics(), log_->writer(), settings_.kafka_topic, control_token_);
  }
  return {};
}

Result<void> Service::write_control() {
  if (!lock_) return {};
  const std::string& bound = settings_.bind_address;
  const bool any = bound == "0.0.0.0" || bound == "::";
  const std::string host = any ? "127.0.0.1" : bound.contains(':') ? '[' + bound + ']' : bound;
  const std::string scheme = identity_ ? "https://" : "http://";
  return write_control_file(settings_.data_dir, {scheme + host + ':' + std::to_string(port()), control_token_,
                                                 identity_ ? identity_->facts().fingerprint : ""});
}

Result<void> Service::open_store() {
  if (settings_.metrics_store == config::StoreKind::postgres) {
    store_ = make_postgres_store(settings_, logger_);
    return {};
  }
  auto store = open_sqlite_store(settings_);
  if (!store) return propagate(store);
  store_ = std::move(*store);
  return {};
}

Result<void> Service::open_log() {
  const auto on_fatal = [this](const Error& why) { signals_.fatal(1, why.text); };
  const KafkaEnds ends = !consumes_events()  ? KafkaEnds::writer
                         : !accepts_events() ? KafkaEnds::reader
                                             : KafkaEnds::both;
  auto log = settings_.event_log == config::EventLogKind::embedded
                 ? open_embedded_log(settings_, logger_, on_fatal)
                 : open_kafka_log(settings_, ends, logger_);
  if (!log) return propagate(log);
  log_ = std::move(*log);
  return {};
}

Result<void> Service::open_server() {
  http::ServerSettings wanted = server_settings(command_, settings_);
  wanted.identity = identity_.get();
  // Several consumers may run on one host, so a consumer takes any free port if its default port is in use.
  const auto open = [&] {
    return http::Server::open(
        wanted, [this] { return make_routes(); }, logger_, [this] { return log_->make_io_task(); });
  };
  auto server = open();
  const bool may_use_other_port = command_ == config::Command::consumer && !settings_.consumer_port_is_set;
  if (!server && server.error().code == "address_in_use" && may_use_other_port) {
    wanted.port = 0;
    server = open();
    if (server) {
      logger_.warn("the default of CONSUMER_PORT is in use; listening on another port",
                   {{"port", std::to_string((*server)->port())}});
    }
  }
  if (!server) return propagate(server);
  server_ = std::move(*server);
  return {};
}

std::vector<http::Route> Service::make_routes() {
  std::vector<http::Route> all;
  const auto add = [&all](std::vector<http::Route> more) {
    std::ranges::move(more, std::back_inserter(all));
  };
  // Each route has its own filter, because a filter is used by one io thread.
  const auto add_filtered = [&add](std::vector<http::Route> more, const auto& make_filter) {
    for (http::Route& route : more) route.filters.push_back(make_filter());
    add(std::move(more));
  };
  if (accepts_events()) {
    const auto clock = [] { return read_clock().wall; };
    add_filtered(routes::ingest_routes(*intake_, clock, ingest_tracing_),
                 [this] { return access_.ingest_filter(); });
    add_filtered(routes::segment_routes(*intake_, clock, access_.body_key_check(), ingest_tracing_),
                 [this] { return access_.ingest_filter(routes::KeyPlace::head_or_body); });
    add({routes::snippet_route()});  // without a key: the page that includes it sends one with its events
  }
  if (consumes_events()) {
    add_filtered(consumer_service_->routes(), [this] { return access_.reading_filter(); });
    add_filtered(routes::page_routes(), [this] { return access_.reading_filter(); });
  }
  if (replay_endpoint_) all.push_back(replay_endpoint_->route());
  // Health and metrics need no key: orchestrators and Prometheus read them.
  add(routes::health_routes([this] { return health(); }));
  add(routes::metrics_routes([this](telemetry::Exposition& into) { collect(into); }));
  return all;
}

void Service::start() {
  server_->start();
  if (consumer_service_) consumer_service_->start();
}

std::int64_t Service::drain() {
  draining_ = true;
  if (intake_) intake_->drain();
  if (consumer_service_) consumer_service_->stop_queries();
  if (replay_endpoint_) replay_endpoint_->stop();
  if (lock_) remove_control_file(settings_.data_dir);
  const bool all_answered = server_->stop(answer_timeout);
  if (!all_answered) logger_.warn("some requests were not answered before the server stopped");
  if (accepts_events()) log_->stop_writing(publish_timeout);
  const std::int64_t unflushed = consumer_service_ ? consumer_service_->stop(read_timeout, flush_timeout) : 0;
  if (traces_) traces_->stop(trace_timeout);
  return unflushed;
}

// The first steps of drain(), without those that write.
void Service::answer_last() {
  draining_ = true;
  if (intake_) intake_->drain();
  if (consumer_service_) consumer_service_->stop_queries();
  (void)server_->stop(last_answer_timeout);
}

void Service::reload(const config::Settings& settings) {
  telemetry::set_min_severity(logger_, settings.log_level);
  access_.reload(secrets_of(settings), settings.rate_limit);
  server_->set_cors_origins(settings.cors_origins);
  if (consumer_service_) consumer_service_->set_pacing(settings);
  flush_interval_ = settings.flush_interval;
}

void Service::reload_files() {
  if (schemas_) reload_schemas();
  if (identity_) reload_identity();
}

void Service::reload_schemas() {
  const auto count = schemas_->reload();
  if (count)
    logger_.info("the schemas are loaded again",
                 {{"folder", settings_.schema_dir.string()}, {"schemas", std::to_string(*count)}});
  else
    logger_.error("the schemas could not be loaded again; the old ones stay in force",
                  {{"reason", count.error().text}});
}

// Connections that are open keep the certificate with which they began.
void Service::reload_identity() {
  const auto reloaded = identity_->reload(read_clock().wall);
  if (!reloaded)
    return logger_.error("TLS_CERT and TLS_KEY could not be loaded again; the old certificate stays in force",
                         {{"reason", reloaded.error().text}});
  logger_.info("TLS_CERT and TLS_KEY are loaded again; new connections use them",
               {{"certificate", identity_->facts().subject}, {"sha256", identity_->facts().fingerprint}});
  if (auto written = write_control(); !written)
    logger_.error("weir dlq replay cannot reach this service until its next start",
                  {{"reason", written.error().text}});
}

Unfinished Service::unfinished() const {
  return {.unanswered_bytes = intake_ ? intake_->counts().in_flight_bytes.load() : 0,
          .unflushed_events = consumer_service_ ? consumer_service_->status().backlog_events : 0};
}

telemetry::Health Service::health() const {
  telemetry::Health health;
  // A closed gate makes the log unready.
  const intake::LogHealth log = start_gate_ ? start_gate_->health() : log_->health();
  health.checks.push_back(log_check(log, settings_, draining_));
  if (accepts_events()) add_bounds(health.checks.back(), settings_);
  if (!consumer_service_) {
    std::ranges::move(checks_without_consumer(), std::back_inserter(health.checks));
    return health;
  }
  const consumer::Status status = consumer_service_->status();
  health.checks.push_back(store_check(status));
  health.checks.push_back(freshness_check(status, read_clock(), flush_interval_));
  return health;
}

void Service::collect(telemetry::Exposition& into) const {
  telemetry::collect_process(into, WEIR_VERSION);
  server_->collect(into);
  access_.collect(into);
  if (intake_) intake_->collect(into);
  intake::collect(log_->health(), into);
  log_->collect(into);
  if (traces_) traces_->collect(into);
  if (consumer_service_) consumer_service_->collect(into);
}

}  // namespace weir::app
