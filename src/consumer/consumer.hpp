// The machine of one consuming process. It is told what happened and answers what to do; it has no
// clock, socket or thread, so that a test can fail every step and a simulation can run thousands of crashes
// and rebalances.
//
// How to drive it: tell it all events of one poll at once, then what else has come (surveys, ended jobs),
// then tick(), and carry out the commands in order before the next poll. (Records that were polled before a
// Seek was carried out must not be told after it.)
//
// What it holds to, whatever it is told (design.md, "Why counting is exactly-once"):
//   · all that it remembers of a partition is one object, dropped whole on revoke, loss, failed fence, unknown commit;
//   · one transaction at a time; what is gathered meanwhile waits for the next; when too much waits, partitions pause;
//   · a transaction that failed is run again for as long as it takes: nothing is dropped while the partition is ours;
//   · one that took the store too long is run again in smaller steps, and then given up: what it was to write is read
//     again from the log and written in smaller transactions;
//   · after `lost` nothing of these partitions is begun any more, and the fence stops what was begun before.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "activity/decoder.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "commit/transaction.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/partition.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/settled_clock.hpp"
#include "consumer/status.hpp"
#include "consumer/worker_pool.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

struct ConsumerSettings {
  std::string topic;    // as the log is called
  DedupeBounds dedupe;  // its records: of all partitions together, whoever owns them
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  bool copy_letters =
      false;  // there is a DeadLetterTopic: what has dead letters is written once each has its copy
  std::vector<tally::CountedDimension> dimensions;  // own ones, with the numbers that the store assigned
  std::size_t event_bytes_max = limits::event_bytes_default;
  CommitSchedulerSettings agenda;
  std::int64_t waiting_events_max = limits::waiting_events_max;
  std::size_t waiting_letters_max = limits::waiting_letters_max;
  std::size_t waiting_letter_bytes_max =
      limits::waiting_letter_bytes_max;  // they are kept whole, unlike events
  std::size_t waiting_tally_bytes_max = limits::waiting_tally_bytes_max;
  std::chrono::milliseconds revoke_patience{5000};
  std::size_t workers = 1;  // threads that take records, the consumer's own among them: the Runner's affair
};

// Something for the writer: run it to its end and bring it back by done().
struct OpenPartitionJob {
  std::int32_t partition = 0;
  std::uint64_t generation = 0;
  std::unique_ptr<PartitionOpener> opening;
};
using Job = std::variant<OpenPartitionJob, std::unique_ptr<commit::Transaction>>;
[[nodiscard]] commit::StoreWork& work_of(Job& job);

// Commands.
struct QueryLog {  // answer by surveyed(), or defer()
  std::int32_t partition = 0;
  std::uint64_t generation = 0;
  LogQuery survey;
};
struct SeekTo {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
struct Pause {
  std::int32_t partition = 0;
};
struct Resume {
  std::int32_t partition = 0;
};
struct Execute {
  Job job;
};
struct StoreOffset {  // LogReader::committed
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
};
struct Release {
  std::vector<std::int32_t> partitions;
};
struct WriteToDlq {  // DeadLetterTopic::send; each ends with on_dlq_result()
  std::vector<DeadLetterTopic::Copy> copies;
};
struct FlushDone {          // for whoever wants to show it: numbers have changed
  std::int64_t passed = 0;  // offsets
  WallTime at;
};
struct Exit {  // the process cannot go on
  int exit_code = 1;
  Error why;
};
using Command =
    std::variant<QueryLog, SeekTo, Pause, Resume, Execute, StoreOffset, Release, WriteToDlq, FlushDone, Exit>;

class Consumer {
 public:
  // `workers` may take the records of several partitions at once; nothing else is done by them.
  Consumer(ConsumerSettings settings, telemetry::Logger& logger, ParallelFor workers = {});
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Told.
  void on_log_events(std::span<const LogEvent> events, Now now);
  // A poll() failed; the next that succeeds is told by log_answers().
  void log_failed(const Error& why);
  void log_answers();
  void surveyed(std::int32_t partition, std::uint64_t generation, Result<LogQueryResult> found, Now now);
  // Not asked, for another question of this turn got no answer: it comes again with the next tick().
  void defer(const QueryLog& ask, Now now);
  void seek_failed(std::int32_t partition, const Error& why, Now now);
  void done(Job job, Now now);
  void on_dlq_result(const DeadLetterTopic::Ended& ended, Now now);
  void stop();  // no further record is taken; the ticks from now on flush what was
  void tick(Now now);

  // Answered.
  [[nodiscard]] std::vector<Command> take_commands() { return std::exchange(commands_, {}); }
  // Call tick() again at the latest then, if nothing happens before.
  [[nodiscard]] MonoTime next_deadline(Now now);
  // After stop(): all that was read is in the store. After Leave: at once.
  [[nodiscard]] bool finished() const { return finished_; }
  // Events that were read and are not known to be in the store.
  [[nodiscard]] std::int64_t waiting() const;
  [[nodiscard]] Status status() const;
  [[nodiscard]] const Slots& slots() const { return slots_; }

 private:
  void assigned(const Assigned& event, Now now);
  void revoked(const Revoked& event, Now now);
  void lost(const Lost& event);
  // What a poll has brought of one partition.
  struct Reading {
    Partition* partition = nullptr;
    std::vector<const Records*> pieces;
    std::size_t records = 0;
  };
  void gather(const Records& event, std::vector<Reading>& readings);
  void take(std::vector<Reading> readings, WallTime wall);
  void read_settled_clock(Now now);
  void misplaced(const OffsetOutOfRange& event, Now now);

  void begin_opening(std::int32_t partition, Slot& slot, Now now);
  void go_on_opening(std::int32_t partition, Slot& slot, Now now);
  void opening_failed(std::int32_t partition, Slot& slot, const Error& why, Now now);
  void opened(std::int32_t partition, Slot& slot, Now now);
  void drop(Slot& slot);
  void reopen(Slot& slot, MonoTime at);

  void ended(std::unique_ptr<commit::Transaction> transaction, Now now);
  void settle(const commit::PartitionCommit& claim, const commit::Transaction& transaction, Now now);
  void transaction_failed(std::unique_ptr<commit::Transaction> transaction, Now now);
  [[nodiscard]] bool is_given_up(commit::Transaction& transaction);
  void give_up(const commit::Transaction& transaction, Now now);
  void start_transaction(Now now);
  void run(std::unique_ptr<commit::Transaction> transaction, Now now);

  [[nodiscard]] bool all_open() const;
  [[nodiscard]] static PartitionStatus status_of(std::int32_t partition, const Slot& slot);
  [[nodiscard]] bool ready_to_release(const Slot& slot) const;
  void release_revoked(Now now);
  void update_pauses();
  void send_copies(Now now);
  [[nodiscard]] bool is_overfull(const commit::Backlog& load, bool was, std::int64_t divided_by) const;
  void exit(int exit_code, Error why);
  void store_failed(const Error& why);

  ConsumerSettings settings_;
  telemetry::Logger& logger_;
  ParallelFor workers_;
  std::deque<activity::Decoder> decoders_;  // one for each worker
  Slots slots_;
  std::uint64_t last_generation_ = 0;
  bool ever_assigned_ = false;
  bool ever_open_ = false;  // all partitions at once

  SettledClock clock_;
  WallTime settled_;  // as of the last on_log_events() or tick()

  CommitScheduler agenda_;
  CommitScheduler::Kind kind_ = CommitScheduler::Kind::flush;  // of the transaction under way or waiting
  bool under_way_ = false;                                     // a transaction is with the writer…
  std::unique_ptr<commit::Transaction> to_try_again_;          // …or waits here
  MonoTime try_at_;
  MonoTime run_at_;
  Retries retries_;
  int timeouts_ = 0;  // of the transaction that is tried again, in a row

  bool overfull_ = false;
  bool stopping_ = false;
  bool draining_ = false;  // a tick knows of it
  bool finished_ = false;
  std::vector<Command> commands_;
  Status status_;
};

}  // namespace weir::consumer
