#include "app/embedded.hpp"

#include "routes/health_routes.hpp"
#include "routes/ingest_routes.hpp"
#include "routes/page_routes.hpp"
#include "routes/report_routes.hpp"

namespace weir::app {
namespace {

constexpr std::size_t report_threads = 2;
constexpr std::size_t questions_waiting_max = 256;

// What the stages of a drain may take; together less than the 25 s of the contract.
constexpr std::chrono::milliseconds answer_patience{8000};
constexpr std::chrono::milliseconds commit_patience{4000};
constexpr std::chrono::milliseconds read_patience{4000};
constexpr std::chrono::milliseconds flush_patience{8000};

constexpr std::chrono::milliseconds last_answer_patience{1000};

http::ServerSettings server_settings(const config::Settings& settings) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {.bind_address = settings.bind_address,
          .port = settings.server_port,
          .threads = settings.http_threads == 0 ? cores : settings.http_threads,
          .body_bytes_max = settings.max_body_bytes};
}

rollup::ConsumerSettings consumer_settings(const config::Settings& settings) {
  rollup::ConsumerSettings consumer;
  consumer.dedupe = {.window = settings.dedup_window,
                     .records = settings.dedup_window_events};  // one partition
  consumer.on_offset_gone = settings.on_offset_gone == config::OnOffsetGone::stop
                                ? rollup::OnOffsetGone::stop
                                : rollup::OnOffsetGone::earliest;
  consumer.event_bytes_max = settings.max_event_bytes;
  consumer.agenda.pacing = {.flush_interval = settings.flush_interval,
                            .flush_min_interval = settings.flush_min_interval,
                            .batch_size = settings.batch_size};
  consumer.agenda.retention = {.minute = settings.retention_minute,
                               .hour = settings.retention_hour,
                               .day = settings.retention_day,
                               .metrics = settings.retention_metrics};
  return consumer;
}

std::int64_t milliseconds_since(MonoTime then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(read_clock().mono - then).count();
}

}  // namespace

Embedded::Embedded(const config::Settings& settings, Signals& signals, observe::Log& log)
    : settings_(settings), signals_(signals), log_(log) {}

Result<std::unique_ptr<Embedded>> Embedded::open(const config::Settings& settings, Signals& signals,
                                                 observe::Log& log) {
  std::unique_ptr<Embedded> parts(new Embedded(settings, signals, log));
  if (auto opened = parts->open_files(); !opened) return pass_on(opened);
  if (auto opened = parts->open_server(); !opened) return pass_on(opened);  // its routes need the parts
  return parts;
}

Result<void> Embedded::open_server() {
  auto server = http::Server::open(server_settings(settings_), [this] { return make_routes(); }, log_);
  if (!server) return pass_on(server);
  server_ = std::move(*server);
  return {};
}

Result<void> Embedded::open_files() {
  auto lock = sqlite::DirectoryLock::take(settings_.data_dir);
  if (!lock) return pass_on(lock);
  lock_ = std::move(*lock);

  const auto fatal = [this](const Error& why) { signals_.fatal(1, why.text); };
  const std::filesystem::path file = settings_.data_dir / "events.db";
  auto events = sqlite::EmbeddedLog::open({.file = file}, log_, fatal);
  if (!events) return pass_on(events);
  events_ = std::move(*events);
  auto reader = sqlite::EmbeddedLogReader::open(file, events_->commits());
  if (!reader) return pass_on(reader);
  reader_ = std::move(*reader);

  const sqlite::MetricsStoreOptions store_options{
      .data_dir = settings_.data_dir, .topic = settings_.kafka_topic, .group_id = settings_.kafka_group_id};
  auto store = sqlite::SqliteMetricsStore::open(store_options);
  if (!store) return pass_on(store);
  store_ = std::move(*store);
  auto upkeep_store = sqlite::SqliteMetricsStore::open(store_options);
  if (!upkeep_store) return pass_on(upkeep_store);
  auto metrics = sqlite::SqliteMetricsReader::open({.data_dir = settings_.data_dir,
                                                    .topic = settings_.kafka_topic,
                                                    .connections = report_threads + 1});  // and the upkeep's
  if (!metrics) return pass_on(metrics);
  metrics_ = std::move(*metrics);

  report_.emplace(*metrics_, report::LedgerNames{settings_.kafka_topic, settings_.kafka_group_id});
  intake_.emplace(*events_, intake::IntakeSettings{.event_bytes_max = settings_.max_event_bytes,
                                                   .body_bytes_max = settings_.max_body_bytes});
  rollup::RunnerHooks hooks;
  hooks.on_fatal = [this](int exit_code, const Error& why) { signals_.fatal(exit_code, why.text); };
  runner_.emplace(consumer_settings(settings_), *reader_, *store_, log_, std::move(hooks));
  upkeep_.emplace(
      UpkeepSettings{.log_retention = settings_.retention_log, .dedup_window = settings_.dedup_window},
      std::move(*upkeep_store), *metrics_, *events_, log_, fatal);
  pool_.emplace(report_threads, questions_waiting_max);
  return {};
}

std::vector<http::Route> Embedded::make_routes() {
  const auto wall = [] { return read_clock().wall; };
  std::vector<http::Route> all = routes::ingest_routes(*intake_, wall);
  const auto add = [&all](std::vector<http::Route> more) {
    std::ranges::move(more, std::back_inserter(all));
  };
  add(routes::health_routes([this] { return health(); }));
  add(routes::report_routes(*report_, *pool_, wall));
  add(routes::page_routes());
  return all;
}

void Embedded::start() { server_->start(); }

std::int64_t Embedded::drain() {
  draining_ = true;
  intake_->drain();
  const bool all_answered = server_->stop(answer_patience);
  if (!all_answered) log_.warn("some requests got no answer before the server stopped");
  events_->stop(commit_patience);
  await_reading(read_patience);
  return runner_->stop(flush_patience);
}

void Embedded::answer_last() {
  draining_ = true;
  intake_->drain();
  (void)server_->stop(last_answer_patience);
}

// The log takes nothing more: what it holds and has not been read yet is read, so that the last flush has it all.
void Embedded::await_reading(std::chrono::milliseconds patience) {
  const std::int64_t end = events_->health().end;
  const MonoTime until = read_clock().mono + patience;
  while (runner_->status().read_to < end && read_clock().mono < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

std::size_t Embedded::unanswered_bytes() const { return intake_->counts().in_flight_bytes; }
std::int64_t Embedded::unflushed_events() const { return runner_->status().waiting; }

observe::Health Embedded::health() const {
  const rollup::Status status = runner_->status();
  return {.checks = {log_check(), store_check(status), freshness_check(status)}};
}

observe::Check Embedded::log_check() const {
  const intake::LogHealth events = events_->health();
  observe::Check check{.name = "event_log", .latency_ms = events.latency_ms, .reason = events.reason};
  if (!events.up) check.readiness = observe::Readiness::unready;
  if (draining_) {
    check.readiness = observe::Readiness::unready;
    check.reason = "draining";
  }
  check.numbers = {{"end", events.end},
                   {"dedup_window_sec", settings_.dedup_window.count()},
                   {"dedup_window_events", settings_.dedup_window_events}};
  check.texts = {{"log_id", events.log_id}};
  return check;
}

observe::Check Embedded::store_check(const rollup::Status& status) const {
  observe::Check check{.name = "metrics_store", .latency_ms = status.store_latency.count()};
  if (!status.store_up) {
    // Events are taken and kept meanwhile; only the numbers stand still.
    check.readiness = observe::Readiness::degraded;
    check.reason = "away: " + status.store_reason;
  }
  return check;
}

observe::Check Embedded::freshness_check(const rollup::Status& status) const {
  observe::Check check{.name = "freshness"};
  switch (status.phase) {
    case rollup::Phase::live:
      break;
    case rollup::Phase::catching_up:
      check.readiness = observe::Readiness::degraded;
      check.reason = "catching up";
      break;
    default:
      check.readiness = observe::Readiness::unready;
      check.reason = rollup::name_of(status.phase);
  }
  if (!status.log_up) {
    check.readiness = observe::Readiness::degraded;
    check.reason = "the log cannot be read: " + status.log_reason;
  }
  for (const auto& refused : status.refused) {
    check.readiness = observe::Readiness::unready;
    check.reason = "partition " + std::to_string(refused.partition) + " is not read: " + refused.reason;
  }
  const WallTime now = read_clock().wall;
  const std::int64_t unread = status.oldest_unread_at ? (now - *status.oldest_unread_at).count() : 0;
  check.numbers = {{"oldest_unread_age_ms", std::max<std::int64_t>(unread, 0)}};
  if (status.last_good_flush) {
    check.numbers.emplace_back("last_flush_age_ms", milliseconds_since(status.last_good_flush->mono));
  }
  return check;
}

}  // namespace weir::app
