// Runs the consumer: its threads, around one log and one store.
//
//   consumer thread   polls the log and runs poll iterations (poll_iteration.hpp)
//   worker threads    ConsumerSettings::workers − 1 more threads, which process records within an iteration
//   writer thread     makes the blocking calls of the store, one job at a time, and wakes the consumer thread
//
// The log reader and the store belong to these threads from the constructor to the end of the destructor.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "consumer/consumer.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/poll_iteration.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

// All hooks run on the consumer thread.
struct RunnerHooks {
  // nullptr: dead letters are rows of the store only. Must outlive the runner.
  DeadLetterTopic* dead_letter_topic = nullptr;
  std::function<Now()> clock = read_clock;
  // A flush changed the results in the store. Must not block.
  std::function<void(const FlushDone&)> on_flush = [](const FlushDone&) {};
  // The runner has stopped reading and writing. The process must exit with this code (1 or 2) and log the
  // reason as its last line. Called at most once.
  std::function<void(int exit_code, const Error& why)> on_fatal = [](int, const Error&) {};
};

class Runner {
 public:
  // Starts all threads. `store` is open and `reader` is ready; they and `logger` must outlive the runner.
  Runner(ConsumerSettings settings, LogReader& reader, commit::MetricsStore& store, telemetry::Logger& logger,
         RunnerHooks hooks);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  // Without stop(): stops as soon as the current call of the store returns. Records that were read and not
  // written are read again by the next process.
  ~Runner();

  // Returns the status after the last iteration. Any thread.
  [[nodiscard]] Status status() const;

  // Replaces ConsumerSettings::commits.pacing. Any thread; the consumer thread takes the settings over at
  // once.
  void set_pacing(const PacingSettings& settings);

  // Stops reading and flushes what was read. Blocks until that is done, at most for `timeout`. Returns the
  // number of events that were read and not written: 0 if everything was flushed. Call it once, from any
  // thread but the runner's own.
  std::int64_t stop(std::chrono::milliseconds timeout);

 private:
  // The loops of the two threads.
  void run_consumer();
  void run_writer();
  // Hands out jobs, status and notifications after an iteration.
  void publish(IterationResult result);

  LogReader& reader_;
  commit::MetricsStore& store_;
  RunnerHooks hooks_;
  // Belong to the consumer thread.
  WorkerPool pool_;
  Consumer consumer_;

  // Guards the members from here to the threads.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> to_write_;
  std::vector<Job> written_;
  Status status_;
  std::optional<PacingSettings> new_pacing_;
  bool stop_requested_ = false;
  // The destructor runs: both threads must return as soon as possible.
  bool abandoned_ = false;
  bool consumer_done_ = false;

  std::thread writer_;
  std::thread consumer_thread_;
};

}  // namespace weir::consumer
