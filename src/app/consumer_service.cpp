#include "app/consumer_service.hpp"

#include <algorithm>
#include <utility>

#include "app/exit_code.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "consumer/metrics.hpp"
#include "consumer/pacing.hpp"
#include "consumer/start_at_latest.hpp"
#include "routes/report_routes.hpp"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds log_retry_pause{1000};

consumer::ConsumerSettings consumer_settings(const config::Settings& settings,
                                             const std::vector<tally::CountedDimension>& dimensions) {
  consumer::ConsumerSettings consumer;
  consumer.dimensions = dimensions;
  consumer.topic = settings.kafka_topic;
  consumer.workers = static_cast<std::size_t>(settings.num_workers);
  consumer.dedupe = {.window = settings.dedup_window, .records = settings.dedup_window_events};
  consumer.on_offset_gone = settings.on_offset_gone == config::OnOffsetGone::stop
                                ? consumer::OnOffsetGone::stop
                                : consumer::OnOffsetGone::earliest;
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

}  // namespace

bool begins_at_end(const config::Settings& settings) {
  return settings.event_log == config::EventLogKind::kafka &&
         settings.kafka.start == config::KafkaStart::latest;
}

class ConsumerService::NotReadyReader final : public report::MetricsReader {
 public:
  explicit NotReadyReader(report::MetricsReader& metrics) : metrics_(metrics) {}

  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override {
    if (!open_) return fail(ErrorKind::unavailable, "starting", "starting: the store is not ready yet");
    return metrics_.snapshot(cancellation);
  }
  void open() { open_ = true; }

 private:
  report::MetricsReader& metrics_;
  std::atomic<bool> open_{false};
};

ConsumerService::ConsumerService(const config::Settings& settings, LogAdapter& events, StoreAdapter& store,
                                 telemetry::Logger& logger, Fatal fatal, StartIsStored start_is_stored)
    : settings_(settings),
      events_(events),
      store_(store),
      logger_(logger),
      fatal_(std::move(fatal)),
      start_is_stored_(std::move(start_is_stored)),
      gate_(std::make_unique<NotReadyReader>(store.metrics())),
      report_(*gate_, report::LedgerNames{settings.kafka_topic, settings.kafka_group_id},
              [this](std::int32_t partition) { return knows_lag_of(partition); }),
      pool_(report_threads, limits::questions_waiting_max) {}

ConsumerService::~ConsumerService() { (void)stop({}, {}); }

void ConsumerService::start() {
  opening_ = std::thread([this] { open(); });
}

// The opening thread.

void ConsumerService::open() {
  if (!prepare_store()) return;
  gate_->open();
  consumer::LogReader* reader = nullptr;
  const auto open_reader = [&]() -> Result<void> {
    auto opened = events_.reader();
    if (!opened) return propagate(opened);
    reader = *opened;
    return {};
  };
  if (!ask_log(open_reader) || !ask_log([&] { return choose_start(*reader); })) return;
  start_is_stored_();
  upkeep_ = events_.start_upkeep([this] { return counted_to(status()); }, [this] { return store_.settle(); });
  run(*reader);
}

bool ConsumerService::prepare_store() {
  consumer::StartRetries retries;
  for (auto prepared = try_to_prepare_store(); !prepared; prepared = try_to_prepare_store()) {
    if (exit_code_of(prepared.error()) == 2) {
      fatal_(2, prepared.error());
      return false;
    }
    waits_for_store(prepared.error());
    const auto wait = retries.after_failure();
    if (!wait) {
      fatal_(1, {ErrorKind::unavailable, prepared.error().code,
                 "the store did not answer in 10 tries: " + prepared.error().text});
      return false;
    }
    if (!pause(*wait)) return false;
  }
  return true;
}

Result<void> ConsumerService::try_to_prepare_store() {
  if (auto prepared = store_.prepare(); !prepared) return prepared;
  auto counted = store_.store().register_dimensions(settings_.dimensions, read_clock().wall);
  if (!counted) return propagate(counted);
  dimensions_ = *std::move(counted);
  return {};
}

Result<void> ConsumerService::choose_start(consumer::LogReader& reader) {
  if (!begins_at_end(settings_)) return {};
  const Result<std::int64_t> left_out = consumer::start_at_latest(reader, store_.store(), read_clock().wall);
  if (!left_out) return std::unexpected(left_out.error());
  if (*left_out > 0) {
    logger_.warn(
        "the topic is counted from its end (KAFKA_START=latest): what it holds is recorded as skipped",
        {{"topic", settings_.kafka_topic}, {"offsets", std::to_string(*left_out)}});
  }
  return {};
}

// Until the log answers and the store accepts the rows. False: we are to stop, or must leave.
bool ConsumerService::ask_log(const std::function<Result<void>()>& ask) {
  for (;;) {
    const Result<void> answered = ask();
    if (answered) return true;
    if (answered.error().kind == ErrorKind::internal || exit_code_of(answered.error()) == 2) {
      fatal_(exit_code_of(answered.error()), answered.error());
      return false;
    }
    waits_for_log(answered.error());
    if (!pause(log_retry_pause)) return false;
  }
}

void ConsumerService::run(consumer::LogReader& reader) {
  consumer::RunnerHooks hooks;
  hooks.on_fatal = [this](int exit_code, const Error& why) { fatal_(exit_code, why); };
  hooks.copies = events_.copies();
  const std::lock_guard lock(mutex_);
  if (!stopping_)
    runner_.emplace(consumer_settings(settings_, dimensions_), reader, store_.store(), logger_,
                    std::move(hooks));
}

// False: we are to stop.
bool ConsumerService::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void ConsumerService::waits_for_store(const Error& why) {
  logger_.warn("the store is not ready; it is tried again",
               {{"code", std::string(why.code)}, {"reason", why.text}});
  const std::lock_guard lock(mutex_);
  before_.store_up = false;
  before_.store_reason = why.text;
}

void ConsumerService::waits_for_log(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (before_.log_up) logger_.warn("the log is not ready; it is tried again", {{"reason", why.text}});
  before_.store_up = true;
  before_.log_up = false;
  before_.log_reason = why.text;
}

// Everybody else.

std::vector<http::Route> ConsumerService::routes() {
  return routes::report_routes(report_, pool_, [] { return read_clock(); });
}

consumer::Status ConsumerService::status() const {
  const std::lock_guard lock(mutex_);
  return runner_ ? runner_->status() : before_;
}

// Of a partition that this process does not hold another process may know it; not so of a log that is ours
// alone.
bool ConsumerService::knows_lag_of(std::int32_t partition) const {
  const consumer::Status now = status();
  const auto held = std::ranges::find(now.partitions, partition, &consumer::PartitionStatus::partition);
  if (held == now.partitions.end()) return !events_.is_ours_alone();
  return held->state == consumer::PartitionStatus::State::live;
}

void ConsumerService::collect(telemetry::Exposition& into) const {
  consumer::collect(status(), read_clock(), into);
}

std::int64_t ConsumerService::stop(std::chrono::milliseconds read_patience,
                                   std::chrono::milliseconds flush_patience) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (opening_.joinable()) opening_.join();
  upkeep_.reset();
  if (!runner_) return 0;
  if (events_.is_ours_alone()) await_reading(read_patience);
  return runner_->stop(flush_patience);
}

// The log takes nothing more: what it holds and has not been read yet is read, so that the last flush has it
// all.
void ConsumerService::await_reading(std::chrono::milliseconds patience) {
  const std::int64_t end = events_.health().end;
  const MonoTime until = read_clock().mono + patience;
  const auto unread = [&] {
    const consumer::Status now = runner_->status();
    constexpr auto refused = consumer::PartitionStatus::State::refused;  // ON_OFFSET_GONE: it is not read
    return now.read_to < end && std::ranges::find(now.partitions, refused,
                                                  &consumer::PartitionStatus::state) == now.partitions.end();
  };
  while (unread() && read_clock().mono < until) std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

}  // namespace weir::app
