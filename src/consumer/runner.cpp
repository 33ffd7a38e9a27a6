// A job travels in a circle, and each step owns it alone:
//
//   Consumer ─Execute─▶ to_write_ ─▶ writer thread: run_to_end() ─▶ written_ ─▶ Consumer::on_job_done()
//
// The writer ends the consumer thread's poll when a job has ended; stop() does the same. No thread holds the
// mutex during a blocking call or a hook.
#include "consumer/runner.hpp"

#include <algorithm>
#include <utility>

namespace weir::consumer {
namespace {

// The minimum delay between two polls of a log that fails at once.
constexpr std::chrono::milliseconds failed_poll_delay{200};

ConsumerSettings with_dlq(ConsumerSettings settings, const DeadLetterTopic* dead_letter_topic) {
  settings.dlq_enabled = dead_letter_topic != nullptr;
  return settings;
}

}  // namespace

Runner::Runner(ConsumerSettings settings, LogReader& reader, commit::MetricsStore& store,
               telemetry::Logger& logger, RunnerHooks hooks)
    : reader_(reader),
      store_(store),
      hooks_(std::move(hooks)),
      pool_(settings.workers),
      consumer_(with_dlq(std::move(settings), hooks_.dead_letter_topic), logger, pool_.workers()) {
  status_ = consumer_.status();
  writer_ = std::thread([this] { run_writer(); });
  consumer_thread_ = std::thread([this] { run_consumer(); });
}

Runner::~Runner() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  reader_.wake();
  consumer_thread_.join();
  writer_.join();
}

Status Runner::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Runner::set_pacing(const PacingSettings& settings) {
  {
    const std::lock_guard lock(mutex_);
    new_pacing_ = settings;
  }
  reader_.wake();
}

std::int64_t Runner::stop(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  stop_requested_ = true;
  lock.unlock();
  reader_.wake();
  lock.lock();
  changed_.wait_for(lock, timeout, [this] { return consumer_done_; });
  return status_.backlog_events;
}

void Runner::run_consumer() {
  bool stop_seen = false;
  for (;;) {
    const Now before = hooks_.clock();
    // The poll is the only wait of this thread. Its timeout is the next deadline of the consumer.
    const auto wait = std::max(MonoTime::duration(0), consumer_.next_deadline(before) - before.mono);
    const auto polled = reader_.poll(std::chrono::ceil<std::chrono::milliseconds>(wait));

    std::unique_lock lock(mutex_);
    if (!polled && written_.empty() && !stop_requested_) changed_.wait_for(lock, failed_poll_delay);
    if (abandoned_) break;
    const bool stop = stop_requested_ && !std::exchange(stop_seen, stop_requested_);
    std::vector<Job> ended = std::exchange(written_, {});
    const std::optional<PacingSettings> pacing = std::exchange(new_pacing_, std::nullopt);
    lock.unlock();
    if (pacing) consumer_.set_pacing(*pacing);

    // The records of this poll are processed before the stop takes effect.
    publish(run_poll_iteration(consumer_, reader_, hooks_.dead_letter_topic, polled, std::move(ended),
                               hooks_.clock()));
    if (stop) consumer_.stop();
    if (consumer_.is_finished()) break;
  }
  const std::lock_guard lock(mutex_);
  consumer_done_ = true;
  changed_.notify_all();
}

void Runner::publish(IterationResult result) {
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(result.jobs, std::back_inserter(to_write_));
    status_ = consumer_.status();
  }
  changed_.notify_all();
  for (const FlushDone& flush : result.flushes) hooks_.on_flush(flush);
  if (result.exit) hooks_.on_fatal(result.exit->exit_code, result.exit->why);
}

void Runner::run_writer() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !to_write_.empty() || abandoned_ || consumer_done_; });
    if (abandoned_ || consumer_done_) return;
    // The thread owns the job until it is in written_.
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
