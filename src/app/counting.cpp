#include "app/counting.hpp"

#include <algorithm>
#include <utility>

#include "app/exit_code.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "rollup/begin_at_end.hpp"
#include "rollup/describe.hpp"
#include "rollup/pacing.hpp"
#include "routes/report_routes.hpp"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds log_retry_pause{1000};

rollup::ConsumerSettings consumer_settings(const config::Settings& settings) {
  rollup::ConsumerSettings consumer;
  consumer.topic = settings.kafka_topic;
  consumer.workers = static_cast<std::size_t>(settings.num_workers);
  consumer.dedupe = {.window = settings.dedup_window, .records = settings.dedup_window_events};
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

}  // namespace

bool begins_at_end(const config::Settings& settings) {
  return settings.event_log == config::EventLogKind::kafka &&
         settings.kafka.start == config::KafkaStart::latest;
}

class Counting::Gate final : public report::MetricsReader {
 public:
  explicit Gate(report::MetricsReader& metrics) : metrics_(metrics) {}

  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override {
    if (!open_) return fail(Move::peer, "starting", "starting: the store is not ready yet");
    return metrics_.snapshot(cancellation);
  }
  void open() { open_ = true; }

 private:
  report::MetricsReader& metrics_;
  std::atomic<bool> open_{false};
};

Counting::Counting(const config::Settings& settings, LogAdapter& events, StoreAdapter& store,
                   observe::Log& log, Fatal fatal, StartIsStored start_is_stored)
    : settings_(settings),
      events_(events),
      store_(store),
      log_(log),
      fatal_(std::move(fatal)),
      start_is_stored_(std::move(start_is_stored)),
      gate_(std::make_unique<Gate>(store.metrics())),
      report_(*gate_, report::LedgerNames{settings.kafka_topic, settings.kafka_group_id},
              [this](std::int32_t partition) { return knows_lag_of(partition); }),
      pool_(report_threads, limits::questions_waiting_max) {}

Counting::~Counting() { (void)stop({}, {}); }

void Counting::start() {
  opening_ = std::thread([this] { open(); });
}

// The opening thread.

void Counting::open() {
  if (!prepare_store()) return;
  gate_->open();
  rollup::LogReader* reader = nullptr;
  const auto open_reader = [&]() -> Result<void> {
    auto opened = events_.reader();
    if (!opened) return pass_on(opened);
    reader = *opened;
    return {};
  };
  if (!ask_log(open_reader) || !ask_log([&] { return choose_start(*reader); })) return;
  start_is_stored_();
  upkeep_ = events_.start_upkeep([this] { return counted_to(status()); }, [this] { return store_.settle(); });
  run(*reader);
}

bool Counting::prepare_store() {
  rollup::StartRetries retries;
  for (Result<void> prepared = store_.prepare(); !prepared; prepared = store_.prepare()) {
    waits_for_store(prepared.error());
    const auto wait = retries.after_failure();
    if (!wait) {
      fatal_(1, {Move::peer, prepared.error().code,
                 "the store did not answer in 10 tries: " + prepared.error().text});
      return false;
    }
    if (!pause(*wait)) return false;
  }
  return true;
}

Result<void> Counting::choose_start(rollup::LogReader& reader) {
  if (!begins_at_end(settings_)) return {};
  const Result<std::int64_t> left_out = rollup::begin_at_end(reader, store_.store(), read_clock().wall);
  if (!left_out) return std::unexpected(left_out.error());
  if (*left_out > 0) {
    log_.warn("the topic is counted from its end (KAFKA_START=latest): what it holds is recorded as skipped",
              {{"topic", settings_.kafka_topic}, {"offsets", std::to_string(*left_out)}});
  }
  return {};
}

// Until the log answers and the store accepts the rows. False: we are to stop, or must leave.
bool Counting::ask_log(const std::function<Result<void>()>& ask) {
  for (;;) {
    const Result<void> answered = ask();
    if (answered) return true;
    if (answered.error().move == Move::ourselves || exit_code_of(answered.error()) == 2) {
      fatal_(exit_code_of(answered.error()), answered.error());
      return false;
    }
    waits_for_log(answered.error());
    if (!pause(log_retry_pause)) return false;
  }
}

void Counting::run(rollup::LogReader& reader) {
  rollup::RunnerHooks hooks;
  hooks.on_fatal = [this](int exit_code, const Error& why) { fatal_(exit_code, why); };
  hooks.copies = events_.copies();
  const std::lock_guard lock(mutex_);
  if (!stopping_)
    runner_.emplace(consumer_settings(settings_), reader, store_.store(), log_, std::move(hooks));
}

// False: we are to stop.
bool Counting::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void Counting::waits_for_store(const Error& why) {
  log_.warn("the store is not ready; it is tried again",
            {{"code", std::string(why.code)}, {"reason", why.text}});
  const std::lock_guard lock(mutex_);
  before_.store_up = false;
  before_.store_reason = why.text;
}

void Counting::waits_for_log(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (before_.log_up) log_.warn("the log is not ready; it is tried again", {{"reason", why.text}});
  before_.store_up = true;
  before_.log_up = false;
  before_.log_reason = why.text;
}

// Everybody else.

std::vector<http::Route> Counting::routes() {
  return routes::report_routes(report_, pool_, [] { return read_clock(); });
}

rollup::Status Counting::status() const {
  const std::lock_guard lock(mutex_);
  return runner_ ? runner_->status() : before_;
}

// Of a partition that this process does not hold another process may know it; not so of a log that is ours alone.
bool Counting::knows_lag_of(std::int32_t partition) const {
  const rollup::Status now = status();
  const auto held = std::ranges::find(now.partitions, partition, &rollup::PartitionStatus::partition);
  if (held == now.partitions.end()) return !events_.is_ours_alone();
  return held->state == rollup::PartitionStatus::State::live;
}

void Counting::describe(observe::Exposition& into) const { rollup::describe(status(), read_clock(), into); }

std::int64_t Counting::stop(std::chrono::milliseconds read_patience,
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

// The log takes nothing more: what it holds and has not been read yet is read, so that the last flush has it all.
void Counting::await_reading(std::chrono::milliseconds patience) {
  const std::int64_t end = events_.health().end;
  const MonoTime until = read_clock().mono + patience;
  const auto unread = [&] {
    const rollup::Status now = runner_->status();
    constexpr auto refused = rollup::PartitionStatus::State::refused;  // ON_OFFSET_GONE: it is not read
    return now.read_to < end && std::ranges::find(now.partitions, refused, &rollup::PartitionStatus::state) ==
                                    now.partitions.end();
  };
  while (unread() && read_clock().mono < until) std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

}  // namespace weir::app
