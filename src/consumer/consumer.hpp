// The state machine of one consuming process. It receives events and returns commands. It has no clock, socket
// or thread, so tests can fail each step, and the simulation can run thousands of crashes and rebalances.
//
// How to drive it (poll_iteration.hpp does): pass all events of one poll(), then all other results (log
// queries, finished jobs, copies of dead letters), then call tick(). Execute the commands in order before the
// next poll(). Records that were polled before a SeekTo was executed must not be passed after it.
//
// Invariants:
//   - Everything remembered of a partition is one Partition object. It is destroyed as a whole on revoke,
//     loss, a failed fence and a commit with unknown outcome.
//   - One transaction is in progress at a time. What is read meanwhile goes into the next one; when that
//     becomes too much, partitions pause.
//   - A failed transaction is repeated without limit: nothing is dropped while the partitions are assigned.
//     A transaction that takes the store too long is repeated in smaller steps. If that fails, its records are
//     read again from the log and written in smaller transactions.
//   - After Lost, no transaction of these partitions starts. The fence rejects one that is in progress.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/settled_clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/availability.hpp"
#include "consumer/backpressure.hpp"
#include "consumer/commit_retry.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/rebalance.hpp"
#include "consumer/record_dispatch.hpp"
#include "consumer/status.hpp"
#include "consumer/worker_pool.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

struct ConsumerSettings {
  std::string topic;    // of the log
  DedupeBounds dedupe;  // of all partitions together, of all owners
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  bool dlq_enabled = false;  // a DeadLetterTopic exists
  std::size_t event_bytes_max = limits::event_bytes_default;
  CommitSchedulerSettings commits;
  BacklogBounds backlog;
  std::chrono::milliseconds revoke_timeout{5000};  // for the last flush of a revoked partition
  std::size_t workers = 1;  // NUM_WORKERS: threads that process records, the consumer's own included
};

// A job for the writer's thread: run it to its end (commit::run_to_end) and return it by on_job_done().
struct OpenPartitionJob {
  std::int32_t partition = 0;
  std::uint64_t generation = 0;
  std::unique_ptr<PartitionOpener> opener;
};
using Job = std::variant<OpenPartitionJob, std::unique_ptr<commit::Transaction>>;
[[nodiscard]] commit::StoreWork& work_of(Job& job);

// Commands. Pause, Resume, SeekTo, StoreOffset and Release are calls of the LogReader.
struct QueryLog {  // run_log_query(), then on_log_query_result(); or defer()
  std::int32_t partition = 0;
  std::uint64_t generation = 0;
  LogQuery query;
};
struct SeekTo {  // if it fails: on_seek_failed()
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
struct StoreOffset {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
};
struct Release {
  std::vector<std::int32_t> partitions;
};
struct WriteToDlq {  // DeadLetterTopic::send(); each copy is followed by on_dlq_result()
  std::vector<DeadLetterTopic::Copy> copies;
};
struct FlushDone {  // a notification: the results in the store have changed
  std::int64_t offsets = 0;
  WallTime at;
};
struct Exit {  // the process cannot continue
  int exit_code = 1;
  Error why;
};
using Command =
    std::variant<QueryLog, SeekTo, Pause, Resume, Execute, StoreOffset, Release, WriteToDlq, FlushDone, Exit>;

// One thread.
class Consumer {
 public:
  // `workers` process the records of several partitions in parallel. The logger must outlive the object.
  Consumer(ConsumerSettings settings, telemetry::Logger& logger, ParallelFor workers = {});
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Events.
  void on_log_events(std::span<const LogEvent> events, Now now);
  void on_poll_failed(const Error& why);
  void on_poll_succeeded();
  void on_log_query_result(std::int32_t partition, std::uint64_t generation, Result<LogQueryResult> found,
                           Now now);
  // The query was not made, because another query of this iteration got no answer. A later tick() repeats it.
  void defer(const QueryLog& query, Now now);
  void on_seek_failed(std::int32_t partition, const Error& why, Now now);
  void on_job_done(Job job, Now now);
  void on_dlq_result(const DeadLetterTopic::CopyResult& result, Now now);
  // No further record is processed. Later ticks flush what was processed.
  void stop();
  void tick(Now now);

  // Commands, in the order in which to execute them.
  [[nodiscard]] std::vector<Command> take_commands() { return std::exchange(commands_, {}); }
  // Returns the deadline for the next tick(). An event may require an earlier call.
  [[nodiscard]] MonoTime next_deadline(Now now);
  // After stop(): everything that was read is in the store. After the command Exit: true at once.
  [[nodiscard]] bool is_finished() const { return finished_; }
  [[nodiscard]] Status status() const;
  [[nodiscard]] const AssignedPartitions& partitions() const { return assignment_.partitions(); }

 private:
  void update_clock(Now now);
  void add_records(const Records& records);
  void on_offset_out_of_range(const OffsetOutOfRange& event, Now now);

  // Opening of partitions.
  void start_openings(Now now);
  void continue_opening(std::int32_t partition, AssignedPartition& assigned, Now now);
  void on_opening_done(std::int32_t partition, AssignedPartition& assigned, Now now);
  void on_opening_failed(std::int32_t partition, AssignedPartition& assigned, const Error& why, Now now);
  void set_open(std::int32_t partition, AssignedPartition& assigned, OpenedPartition opened, Now now);

  // Transactions.
  void start_transaction(Now now);
  void execute(std::unique_ptr<commit::Transaction> transaction, Now now);
  void on_transaction_done(std::unique_ptr<commit::Transaction> transaction, Now now);
  void apply_result(const commit::PartitionCommit& commit, const commit::Transaction& transaction, Now now);
  void on_transaction_failed(std::unique_ptr<commit::Transaction> transaction, Now now);
  void on_transaction_abandoned(const commit::Transaction& transaction, Now now);

  void send_dlq_copies(Now now);
  void release_revoked(Now now);
  void update_pauses();
  void exit(int exit_code, Error why);

  ConsumerSettings settings_;
  telemetry::Logger& logger_;
  Availability availability_;
  Assignment assignment_;
  RecordDispatch dispatch_;
  CommitScheduler scheduler_;
  CommitRetry retry_;
  Backpressure backpressure_;
  SettledClock clock_;
  WallTime settled_;  // as of the last on_log_events() or tick()

  // The transaction in progress or in retry_.
  bool in_progress_ = false;  // the writer has it
  CommitScheduler::Kind kind_ = CommitScheduler::Kind::flush;
  MonoTime started_at_;

  bool ever_all_opened_ = false;
  bool stopping_ = false;
  bool draining_ = false;  // a tick() has followed stop()
  bool finished_ = false;
  std::vector<Command> commands_;
  Status status_;  // without the members that status() computes
};

}  // namespace weir::consumer
