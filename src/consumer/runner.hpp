// The thin shell around the consumer machine: two threads, a log and a store.
//
//   consumer thread   polls the log and takes turns (turn.hpp)
//   its crew          ConsumerSettings::workers − 1 threads more, which take records within a turn (crew.hpp)
//   writer thread     makes the store's blocking calls, one job after the other, and wakes the consumer
//
// The log reader and the store belong to these threads from the constructor to the end of the destructor.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "consumer/consumer.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/turn.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

struct RunnerHooks {
  // Where copies of dead letters go; outlives the runner. nullptr: nowhere. Called on the consumer's thread.
  DeadLetterTopic* dead_letter_topic = nullptr;
  std::function<Now()> clock = read_clock;
  // On the consumer's thread, after a flush that changed the numbers. Must only knock somewhere and return.
  std::function<void(const FlushDone&)> on_flush = [](const FlushDone&) {};
  // On the consumer's thread, at most once: the runner cannot go on. It has stopped reading and writing, and
  // the process is to leave with this code (1 or 2) and the reason as its last line.
  std::function<void(int exit_code, const Error& why)> on_fatal = [](int, const Error&) {};
};

class Runner {
 public:
  // All threads run from here on. `store` is open and `reader` ready; they and `log` outlive the runner.
  Runner(ConsumerSettings settings, LogReader& reader, commit::MetricsStore& store, telemetry::Logger& logger,
         RunnerHooks hooks);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  // Without stop() before: leaves at once, as soon as the store call under way has returned. What was read
  // and not written lies in the log and is read again next time.
  ~Runner();

  // From any thread: what was true a moment ago.
  [[nodiscard]] Status status() const;

  // From any thread but the runner's own, once. No further record is taken, what has been read is flushed.
  // Blocks until that is done or `patience` is over; answers how many events were read and not written: 0
  // when all is well.
  std::int64_t stop(std::chrono::milliseconds patience);

 private:
  void consume();
  void write();
  void end_turn(TurnResult end);

  LogReader& reader_;
  commit::MetricsStore& store_;
  RunnerHooks hooks_;
  WorkerPool crew_;    // the consumer thread's, as is…
  Consumer consumer_;  // …the machine

  mutable std::mutex mutex_;  // guards what stands below it
  std::condition_variable changed_;
  std::deque<Job> to_write_;
  std::vector<Job> written_;
  Status status_;
  bool stop_asked_ = false;
  bool abandoned_ = false;  // both threads are to leave as soon as they can
  bool consumer_left_ = false;

  std::thread writing_;
  std::thread consuming_;
};

}  // namespace weir::consumer
