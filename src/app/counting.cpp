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
                   observe::Log& log, Fatal fatal)
    : settings_(settings),
      events_(events),
      store_(store),
      log_(log),
      fatal_(std::move(fatal)),
      gate_(std::make_unique<Gate>(store.metrics())),
      report_(*gate_, report::LedgerNames{settings.kafka_topic, settings.kafka_group_id}),
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
  const auto choose_start = [&]() -> Result<void> {
    if (settings_.kafka.start != config::KafkaStart::latest) return {};
    return rollup::begin_at_end(*reader, store_.store(), read_clock().wall);
  };
  if (!ask_log(open_reader) || !ask_log(choose_start)) return;
  events_.start_upkeep(store_.metrics(), [this] { return store_.settle(); });
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

// Until the log answers. False: we are to stop, or must leave.
bool Counting::ask_log(const std::function<Result<void>()>& ask) {
  for (;;) {
    const Result<void> answered = ask();
    if (answered) return true;
    if (answered.error().move != Move::peer) {
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

void Counting::describe(observe::Exposition& into) const { rollup::describe(status(), read_clock(), into); }

std::int64_t Counting::stop(std::chrono::milliseconds read_patience,
                            std::chrono::milliseconds flush_patience) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (opening_.joinable()) opening_.join();
  if (!runner_) return 0;
  if (events_.is_ours_alone()) await_reading(read_patience);
  return runner_->stop(flush_patience);
}

// The log takes nothing more: what it holds and has not been read yet is read, so that the last flush has it all.
void Counting::await_reading(std::chrono::milliseconds patience) {
  const std::int64_t end = events_.health().end;
  const MonoTime until = read_clock().mono + patience;
  while (runner_->status().read_to < end && read_clock().mono < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

}  // namespace weir::app
