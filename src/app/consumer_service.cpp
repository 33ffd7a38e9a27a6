#include "app/consumer_service.hpp"

#include <algorithm>
#include <utility>

#include "app/exit_code.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "consumer/flush_spans.hpp"
#include "consumer/metrics.hpp"
#include "consumer/pacing.hpp"
#include "consumer/start_at_latest.hpp"
#include "routes/export_route.hpp"
#include "routes/report_routes.hpp"
#include "routes/request_trace.hpp"

// Threads:
//
//   start thread      run_start(): waits for the store and the log, creates retention and runner, then ends
//   runner's threads  consume and write (consumer/runner.hpp)
//   retention thread  calls status() and the store's make_durable()
//   query threads     answer queries through report_
//   export thread     writes one export at a time to its client
//   live thread       reads the figures of /api/v1/live and writes them to its readers
//   io threads        call routes' handlers, status() and collect()
// stop() ends the start thread, then the retention, then the runner. status() may be called at any time.
namespace weir::app {
namespace {

constexpr std::chrono::milliseconds log_retry_interval{1000};

// The settings of the environment, in the form that the consumer takes.

consumer::PacingSettings pacing_settings(const config::Settings& settings) {
  return {.flush_interval = settings.flush_interval,
          .flush_min_interval = settings.flush_min_interval,
          .batch_size = settings.batch_size};
}

consumer::ConsumerSettings consumer_settings(const config::Settings& settings,
                                             const std::vector<tally::CountedDimension>& dimensions) {
  consumer::ConsumerSettings consumer;
  consumer.dimensions = dimensions;
  consumer.topic = settings.kafka_topic;
  consumer.workers = static_cast<std::size_t>(settings.num_workers);
  consumer.dedupe = {.window = settings.dedup_window, .records = settings.dedup_window_events};
  consumer.on_offset_gone = settings.on_offset_gone;
  consumer.event_bytes_max = settings.max_event_bytes;
  consumer.commits.retention = {.minute = settings.retention_minute,
                                .hour = settings.retention_hour,
                                .day = settings.retention_day,
                                .metrics = settings.retention_metrics};
  return consumer;
}

}  // namespace

consumer::LogName log_name(const config::Settings& settings) {
  const bool kafka = settings.event_log == config::EventLogKind::kafka;
  return {.system = kafka ? "kafka" : "weir", .topic = settings.kafka_topic};
}

bool starts_at_latest(const config::Settings& settings) {
  return settings.event_log == config::EventLogKind::kafka &&
         settings.kafka.start == config::KafkaStart::latest;
}

class ConsumerService::NotReadyReader final : public report::MetricsReader {
 public:
  explicit NotReadyReader(report::MetricsReader& metrics) : metrics_(metrics) {}

  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override {
    if (!ready_)
      return fail(ErrorKind::unavailable, "starting", "starting: the metrics store is not ready yet");
    return metrics_.snapshot(cancellation);
  }
  void set_ready() { ready_ = true; }

 private:
  report::MetricsReader& metrics_;
  std::atomic<bool> ready_{false};
};

ConsumerService::ConsumerService(const config::Settings& settings, LogAdapter& log, StoreAdapter& store,
                                 telemetry::Logger& logger, OnFatal on_fatal, OnStartStored on_start_stored,
                                 const schema::Schemas* schemas, const tracing::Tracer* tracer)
    : settings_(settings),
      log_(log),
      store_(store),
      logger_(logger),
      on_fatal_(std::move(on_fatal)),
      on_start_stored_(std::move(on_start_stored)),
      schemas_(schemas),
      tracer_(tracer),
      metrics_reader_(std::make_unique<NotReadyReader>(store.metrics())),
      report_(*metrics_reader_, report::LedgerNames{settings.kafka_topic, settings.kafka_group_id},
              [this](std::int32_t partition) { return may_report_lag_of(partition); }),
      query_executor_(query_threads, limits::waiting_queries_max),
      export_executor_(1, routes::waiting_exports_max),
      live_feed_(report_, read_clock) {
  pacing_ = pacing_settings(settings);
}

ConsumerService::~ConsumerService() {
  (void)stop({}, {});
  stop_queries();
  if (live_thread_.joinable()) live_thread_.join();
}

void ConsumerService::start() {
  start_thread_ = std::thread([this] { run_start(); });
  live_thread_ = std::thread([this] { live_feed_.run(); });
}

// --- On the start thread.

void ConsumerService::run_start() {
  if (!prepare_store()) return;
  metrics_reader_->set_ready();
  consumer::LogReader* reader = nullptr;
  const auto open_reader = [&]() -> Result<void> {
    auto opened = log_.reader();
    if (!opened) return propagate(opened);
    reader = *opened;
    return {};
  };
  if (!retry_until_log_answers(open_reader)) return;
  if (!retry_until_log_answers([&] { return store_start_offsets(*reader); })) return;
  on_start_stored_();
  retention_ =
      log_.start_retention([this] { return counted_to(status()); }, [this] { return store_.make_durable(); });
  create_runner(*reader);
}

// Returns false if the process is stopping or must exit.
bool ConsumerService::prepare_store() {
  consumer::StartRetries retries;
  for (auto prepared = try_to_prepare_store(); !prepared; prepared = try_to_prepare_store()) {
    if (exit_code_of(prepared.error()) == 2) {  // another try cannot help
      on_fatal_(2, prepared.error());
      return false;
    }
    on_store_unavailable(prepared.error());
    const auto wait = retries.after_failure();
    if (!wait) {
      on_fatal_(1, {ErrorKind::unavailable, prepared.error().code,
                    "the metrics store was not ready after 10 tries: " + prepared.error().text});
      return false;
    }
    if (!wait_unless_stopping(*wait)) return false;
  }
  return true;
}

// One try.
Result<void> ConsumerService::try_to_prepare_store() {
  if (auto prepared = store_.prepare(); !prepared) return prepared;
  auto counted = store_.store().register_dimensions(settings_.dimensions, read_clock().wall);
  if (!counted) return propagate(counted);
  dimensions_ = *std::move(counted);
  return {};
}

// KAFKA_START=latest: stores the end offsets of all partitions as their start, if the topic has no ledger
// rows.
Result<void> ConsumerService::store_start_offsets(consumer::LogReader& reader) {
  if (!starts_at_latest(settings_)) return {};
  const Result<std::int64_t> skipped = consumer::start_at_latest(reader, store_.store(), read_clock().wall);
  if (!skipped) return std::unexpected(skipped.error());
  if (*skipped > 0) {
    logger_.warn("counting starts at the end of the topic (KAFKA_START=latest); earlier offsets are skipped",
                 {{"topic", settings_.kafka_topic}, {"offsets", std::to_string(*skipped)}});
  }
  return {};
}

// Repeats `call` until it succeeds. Returns false if the process is stopping or must exit.
bool ConsumerService::retry_until_log_answers(const std::function<Result<void>()>& call) {
  for (;;) {
    const Result<void> answered = call();
    if (answered) return true;
    if (answered.error().kind == ErrorKind::internal || exit_code_of(answered.error()) == 2) {
      on_fatal_(exit_code_of(answered.error()), answered.error());
      return false;
    }
    on_log_unavailable(answered.error());
    if (!wait_unless_stopping(log_retry_interval)) return false;
  }
}

void ConsumerService::create_runner(consumer::LogReader& reader) {
  consumer::RunnerHooks hooks;
  hooks.on_fatal = [this](int exit_code, const Error& why) { on_fatal_(exit_code, why); };
  hooks.dead_letter_topic = log_.dead_letter_topic();
  hooks.on_flush = [this, log = log_name(settings_)](const consumer::FlushDone& flush) {
    live_feed_.on_flush();
    if (tracer_ == nullptr) return;
    for (tracing::Span& span : consumer::spans_of(flush, *tracer_, log)) tracer_->add(std::move(span));
  };
  consumer::ConsumerSettings consumer = consumer_settings(settings_, dimensions_);
  consumer.schemas = schemas_;
  consumer.trace_records = tracer_ != nullptr;
  const std::lock_guard lock(mutex_);
  consumer.commits.pacing = pacing_;
  if (!stopping_) runner_.emplace(std::move(consumer), reader, store_.store(), logger_, std::move(hooks));
}

// Blocks for `time`. Returns false at once if the process is stopping.
bool ConsumerService::wait_unless_stopping(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void ConsumerService::on_store_unavailable(const Error& why) {
  logger_.warn("the metrics store is not ready; retrying",
               {{"code", std::string(why.code)}, {"reason", why.text}});
  const std::lock_guard lock(mutex_);
  start_status_.store_up = false;
  start_status_.store_reason = why.text;
}

void ConsumerService::on_log_unavailable(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (start_status_.log_up)  // only the first of the failures
    logger_.warn("the event log is not ready; retrying",
                 {{"code", std::string(why.code)}, {"reason", why.text}});
  start_status_.store_up = true;
  start_status_.log_up = false;
  start_status_.log_reason = why.text;
}

// --- On other threads.

std::vector<http::Route> ConsumerService::routes() {
  std::vector<http::Route> all = routes::report_routes(report_, query_executor_, read_clock);
  for (http::Route& route : all) route = routes::with_query_span(std::move(route), tracer_);
  all.push_back(routes::live_route(live_feed_));
  all.push_back(routes::export_route(report_, export_executor_, read_clock, stop_exports_.get_token()));
  return all;
}

void ConsumerService::stop_queries() {
  live_feed_.stop();
  query_executor_.stop();
  stop_exports_.request_stop();
  export_executor_.stop();
}

consumer::Status ConsumerService::status() const {
  const std::lock_guard lock(mutex_);
  return runner_ ? runner_->status() : start_status_;
}

// The ledger has a lag for each partition, but it is wrong while no process consumes the partition. A
// partition that this process does not hold may be consumed by another one, unless the log is exclusive to
// this process.
bool ConsumerService::may_report_lag_of(std::int32_t partition) const {
  const consumer::Status now = status();
  const auto held = std::ranges::find(now.partitions, partition, &consumer::PartitionStatus::partition);
  if (held == now.partitions.end()) return !log_.is_exclusive();
  return held->state == consumer::PartitionStatus::State::live;
}

void ConsumerService::set_pacing(const config::Settings& settings) {
  const std::lock_guard lock(mutex_);
  pacing_ = pacing_settings(settings);
  if (runner_) runner_->set_pacing(pacing_);
}

void ConsumerService::collect(telemetry::Exposition& into) const {
  consumer::collect(status(), read_clock(), into);
}

std::int64_t ConsumerService::stop(std::chrono::milliseconds read_timeout,
                                   std::chrono::milliseconds flush_timeout) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (start_thread_.joinable()) start_thread_.join();
  // The retention calls status(), which uses the runner, so it ends first.
  retention_.reset();
  if (!runner_) return 0;
  if (log_.is_exclusive()) wait_until_read(read_timeout);
  return runner_->stop(flush_timeout);
}

// The log accepts no further event. Waits until the runner has read it to its end, so that the last flush
// contains every event.
void ConsumerService::wait_until_read(std::chrono::milliseconds timeout) {
  const std::int64_t end = log_.health().end;
  const MonoTime deadline = read_clock().mono + timeout;
  const auto unread = [&] {
    const consumer::Status now = runner_->status();
    constexpr auto refused =
        consumer::PartitionStatus::State::refused;  // by ON_OFFSET_GONE=stop: it is not read
    return now.read_offset_sum < end &&
           std::ranges::find(now.partitions, refused, &consumer::PartitionStatus::state) ==
               now.partitions.end();
  };
  while (unread() && read_clock().mono < deadline) std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

}  // namespace weir::app
