#include "consumer/runner.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"

namespace weir::consumer {
namespace {

// A log that fails at once, again and again, is not asked more often than this.
constexpr std::chrono::milliseconds failed_poll_pause{200};

ConsumerSettings with_copies(ConsumerSettings settings, const DeadLetterTopic* copies) {
  settings.dlq_enabled = copies != nullptr;
  return settings;
}

}  // namespace

Runner::Runner(ConsumerSettings settings, LogReader& reader, commit::MetricsStore& store,
               telemetry::Logger& logger, RunnerHooks hooks)
    : reader_(reader),
      store_(store),
      hooks_(std::move(hooks)),
      crew_(settings.workers),
      consumer_(with_copies(std::move(settings), hooks_.dead_letter_topic), logger, crew_.workers()) {
  status_ = consumer_.status();
  writing_ = std::thread([this] { write(); });
  consuming_ = std::thread([this] { consume(); });
}

Runner::~Runner() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  reader_.wake();
  consuming_.join();
  writing_.join();
}

Status Runner::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::int64_t Runner::stop(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  stop_asked_ = true;
  lock.unlock();
  reader_.wake();
  lock.lock();
  changed_.wait_for(lock, patience, [this] { return consumer_left_; });
  return status_.backlog_events;
}

void Runner::consume() {
  bool stop_told = false;
  for (;;) {
    const Now before = hooks_.clock();
    const auto wait = std::max(MonoTime::duration(0), consumer_.next_deadline(before) - before.mono);
    const auto polled = reader_.poll(std::chrono::ceil<std::chrono::milliseconds>(wait));

    std::unique_lock lock(mutex_);
    if (!polled && written_.empty() && !stop_asked_) changed_.wait_for(lock, failed_poll_pause);
    if (abandoned_) break;
    const bool stop = stop_asked_ && !std::exchange(stop_told, stop_asked_);
    std::vector<Job> ended = std::exchange(written_, {});
    lock.unlock();

    const Now now = hooks_.clock();
    end_turn(run_turn(consumer_, reader_, hooks_.dead_letter_topic, polled, std::move(ended), now));
    if (stop) consumer_.stop();
    if (consumer_.finished()) break;
  }
  const std::lock_guard lock(mutex_);
  consumer_left_ = true;
  changed_.notify_all();
}

void Runner::end_turn(TurnResult end) {
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(end.jobs, std::back_inserter(to_write_));
    status_ = consumer_.status();
  }
  changed_.notify_all();
  for (const FlushDone& flush : end.flushes) hooks_.on_flush(flush);
  if (end.exit) hooks_.on_fatal(end.exit->exit_code, end.exit->why);
}

void Runner::write() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !to_write_.empty() || abandoned_ || consumer_left_; });
    if (abandoned_ || consumer_left_) return;
    Job job = std::move(to_write_.front());
    to_write_.pop_front();
    lock.unlock();
    commit::run_to_end(work_of(job), store_);
    lock.lock();
    written_.push_back(std::move(job));
    reader_.wake();
    changed_.notify_all();
  }
}

}  // namespace weir::consumer
