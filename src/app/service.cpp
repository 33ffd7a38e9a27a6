#include "app/service.hpp"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "app/descriptors.hpp"
#include "app/health.hpp"
#include "base/limits.hpp"
#include "routes/health_routes.hpp"
#include "routes/ingest_routes.hpp"
#include "routes/metrics_routes.hpp"
#include "routes/page_routes.hpp"
#include "telemetry/process.hpp"

namespace weir::app {
namespace {

// What the stages of a drain may take; together less than the 25 s of the contract.
constexpr std::chrono::milliseconds answer_patience{8000};
constexpr std::chrono::milliseconds publish_patience{4000};
constexpr std::chrono::milliseconds read_patience{4000};
constexpr std::chrono::milliseconds flush_patience{7000};

constexpr std::chrono::milliseconds last_answer_patience{1000};

static_assert(limits::query_deadline < answer_patience,
              "a question that runs at the start of a drain is answered");

http::ServerSettings server_settings(config::Command command, const config::Settings& settings) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int threads = settings.http_threads == 0 ? cores : settings.http_threads;
  return {.bind_address = settings.bind_address,
          .port = command == config::Command::consumer ? settings.consumer_port : settings.server_port,
          .threads = threads,
          .body_bytes_max = settings.max_body_bytes,
          .connections_max = connections_within(raise_descriptor_limit(), threads),
          .cors_origins = settings.cors_origins};
}

intake::IntakeSettings intake_settings(const config::Settings& settings) {
  const auto kind = static_cast<intake::PartitionKey::Kind>(settings.partition_key.kind);
  return {.event_bytes_max = settings.max_event_bytes,
          .body_bytes_max = settings.max_body_bytes,
          .partition_key = {.kind = kind, .member = settings.partition_key.member}};
}

}  // namespace

Service::Service(config::Command command, const config::Settings& settings, Signals& signals,
                 telemetry::Logger& log)
    : command_(command), settings_(settings), signals_(signals), logger_(log) {}

Result<std::unique_ptr<Service>> Service::open(config::Command command, const config::Settings& settings,
                                               Signals& signals, telemetry::Logger& log) {
  std::unique_ptr<Service> service(new Service(command, settings, signals, log));
  if (auto opened = service->open_parts(); !opened) return propagate(opened);
  if (auto opened = service->open_server(); !opened) return propagate(opened);  // its routes need the parts
  return service;
}

Result<void> Service::open_parts() {
  if (settings_.event_log == config::EventLogKind::embedded) {
    auto lock = sqlite::DirectoryLock::take(settings_.data_dir);
    if (!lock) return propagate(lock);
    lock_ = std::move(*lock);
  }
  if (counts()) {
    if (auto opened = open_store(); !opened) return opened;
  }
  if (auto opened = open_log(); !opened) return opened;
  if (takes()) {
    intake::EventLog* log = &events_->writer();
    if (counts() && begins_at_end(settings_)) log = &start_gate_.emplace(*log);
    intake_.emplace(*log, intake_settings(settings_), [] { return read_clock().mono; }, logger_);
  }
  if (counts()) {
    counting_.emplace(
        settings_, *events_, *store_, logger_,
        [this](int exit_code, const Error& why) { signals_.fatal(exit_code, why.text); },
        [this] {
          if (start_gate_) start_gate_->open();
        });
  }
  return {};
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
  const auto fatal = [this](const Error& why) { signals_.fatal(1, why.text); };
  const KafkaEnds ends = !counts() ? KafkaEnds::writer : !takes() ? KafkaEnds::reader : KafkaEnds::both;
  auto events = settings_.event_log == config::EventLogKind::embedded
                    ? open_embedded_log(settings_, logger_, fatal)
                    : open_kafka_log(settings_, ends, logger_);
  if (!events) return propagate(events);
  events_ = std::move(*events);
  return {};
}

Result<void> Service::open_server() {
  http::ServerSettings wanted = server_settings(command_, settings_);
  const auto open = [&] { return http::Server::open(wanted, [this] { return make_routes(); }, logger_); };
  auto server = open();
  const bool may_move = command_ == config::Command::consumer && !settings_.consumer_port_is_set;
  if (!server && server.error().code == "address_in_use" && may_move) {
    wanted.port = 0;
    server = open();
    if (server) {
      logger_.warn("CONSUMER_PORT is not set and its default is taken: listening on another port",
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
  if (takes()) add(routes::ingest_routes(*intake_, [] { return read_clock().wall; }));
  if (counts()) {
    add(counting_->routes());
    add(routes::page_routes());
  }
  add(routes::health_routes([this] { return health(); }));
  add(routes::metrics_routes([this](telemetry::Exposition& into) { collect(into); }));
  return all;
}

void Service::start() {
  server_->start();
  if (counting_) counting_->start();
}

std::int64_t Service::drain() {
  draining_ = true;
  if (intake_) intake_->drain();
  if (counting_) counting_->stop_queries();
  const bool all_answered = server_->stop(answer_patience);
  if (!all_answered) logger_.warn("some requests got no answer before the server stopped");
  if (takes()) events_->stop_writing(publish_patience);
  return counting_ ? counting_->stop(read_patience, flush_patience) : 0;
}

void Service::answer_last() {
  draining_ = true;
  if (intake_) intake_->drain();
  if (counting_) counting_->stop_queries();
  (void)server_->stop(last_answer_patience);
}

Unfinished Service::unsent() const {
  return {.unanswered_bytes = intake_ ? intake_->counts().in_flight_bytes.load() : 0,
          .unflushed_events = counting_ ? counting_->status().backlog_events : 0};
}

telemetry::Health Service::health() const {
  telemetry::Health health;
  const intake::LogHealth log = start_gate_ ? start_gate_->health() : events_->health();
  health.checks.push_back(log_check(log, settings_, draining_));
  if (takes()) add_bounds(health.checks.back(), settings_);
  if (!counting_) return health;
  const consumer::Status status = counting_->status();
  health.checks.push_back(store_check(status));
  health.checks.push_back(freshness_check(status, read_clock()));
  return health;
}

void Service::collect(telemetry::Exposition& into) const {
  telemetry::describe_process(into, WEIR_VERSION);
  server_->collect(into);
  if (intake_) intake_->collect(into);
  intake::collect(events_->health(), into);
  events_->collect(into);
  if (counting_) counting_->collect(into);
}

}  // namespace weir::app
