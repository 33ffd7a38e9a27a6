// The state machine of one consuming process. It receives events and returns commands. It has no clock,
// socket or thread, so tests can fail each step, and the simulation can run thousands of crashes and
// rebalances.
//
// poll_iteration.hpp drives it. It passes all events of one poll(), then all other results (log queries,
// finished jobs, copies of dead letters), and then calls tick(). It executes the commands in order before the
// next poll(). Records that were polled before a SeekTo was executed must not be passed after it.
//
// Invariants:
//   - Everything remembered of a partition is one Partition object. It is destroyed as a whole on revoke,
//     loss, a failed fence and a commit with unknown outcome.
//   - One transaction is in progress at a time. What is read meanwhile goes into the next one; when that
//     becomes too much, partitions pause.
//   - A failed transaction is repeated without limit: nothing is dropped while the partitions are assigned.
//     A transaction that takes the store too long is repeated in smaller steps. If that fails, its records
//     are read again from the log and written in smaller transactions.
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
#include "schema/schema_set.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

struct ConsumerSettings {
  // The topic of the log.
  std::string topic;
  // The dedupe window of all partitions together, whichever process owns them.
  DedupeBounds dedupe;
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  // Whether dead letters are copied to a DeadLetterTopic.
  bool dlq_enabled = false;
  // Those of DIMENSIONS, with the numbers that the store assigned.
  std::vector<tally::CountedDimension> dimensions;
  std::size_t event_bytes_max = limits::event_bytes_default;
  // The schemas that records must match; null: none. Must outlive the consumer.
  const schema::Schemas* schemas = nullptr;
  // Whether FlushDone reports the trace contexts of its records.
  bool trace_records = false;
  CommitSchedulerSettings commits;
  BacklogBounds backlog;
  // Time for the last flush of a revoked partition.
  std::chrono::milliseconds revoke_timeout{5000};
  // NUM_WORKERS: threads that process records, the consumer's own included.
  std::size_t workers = 1;
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
// Call run_log_query() and pass its result to on_log_query_result(), or call defer().
struct QueryLog {
  std::int32_t partition = 0;
  std::uint64_t generation = 0;
  LogQuery query;
};
// Call LogReader::seek(). If it fails, call on_seek_failed().
struct SeekTo {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
// Call LogReader::pause().
struct Pause {
  std::int32_t partition = 0;
};
// Call LogReader::resume().
struct Resume {
  std::int32_t partition = 0;
};
// Give the job to the writer's thread.
struct Execute {
  Job job;
};
// Call LogReader::store_offset().
struct StoreOffset {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
};
// Call LogReader::release().
struct Release {
  std::vector<std::int32_t> partitions;
};
// Call DeadLetterTopic::send() for each copy. Each one is followed by on_dlq_result().
struct WriteToDlq {
  std::vector<DeadLetterTopic::Copy> copies;
};
// A notification: a flush has changed the results in the store.
struct FlushDone {
  std::int64_t offsets = 0;
  WallTime at;
  // When the committed try of the flush began and ended.
  MonoTime started_at;
  MonoTime ended_at;
  // The trace contexts of its records; flush_spans.hpp makes spans of them.
  commit::Traces traces;
};
// The process cannot continue. Exit with this code; is_finished() is true from here on.
struct Exit {
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
  // The events of one successful poll(), all together and in order.
  void on_log_events(std::span<const LogEvent> events, Now now);
  // A poll() failed. ErrorKind::internal makes the consumer exit with code 1.
  void on_poll_failed(const Error& why);
  // A poll() succeeded. Call it before on_log_events().
  void on_poll_succeeded() { availability_.on_log_answered(); }
  // The result of a QueryLog command. An error delays the opening and is logged.
  void on_log_query_result(std::int32_t partition, std::uint64_t generation, Result<LogQueryResult> found,
                           Now now);
  // The query was not made, because another query of this iteration got no answer. A later tick() repeats it.
  void defer(const QueryLog& query, Now now);
  // A SeekTo command failed. The partition is opened again after a delay.
  void on_seek_failed(std::int32_t partition, const Error& why, Now now);
  // A job of an Execute command has ended, successfully or not.
  void on_job_done(Job job, Now now);
  // A copy of a WriteToDlq command has ended.
  void on_dlq_result(const DeadLetterTopic::CopyResult& result, Now now);
  // Other settings for the times of flushes. The next tick() uses them.
  void set_pacing(const PacingSettings& settings) { scheduler_.set_pacing(settings); }
  // No further record is processed. Later ticks flush what was processed.
  void stop() { stopping_ = true; }
  // Starts what is due: openings, copies, releases, transactions, pauses. Call it after all other events.
  void tick(Now now);

  // Commands, in the order in which to execute them.
  [[nodiscard]] std::vector<Command> take_commands() { return std::exchange(commands_, {}); }
  // Returns the deadline for the next tick(). An event may require an earlier call.
  [[nodiscard]] MonoTime next_deadline(Now now);
  // After stop(): everything that was read is in the store. After the command Exit: true at once.
  [[nodiscard]] bool is_finished() const { return finished_; }
  // Returns the present state. Costs a copy of a few counters and strings for each partition.
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
  // The settled time of the last on_log_events() or tick().
  WallTime settled_;

  // The transaction in progress or in retry_.
  // The writer has the transaction.
  bool in_progress_ = false;
  CommitScheduler::Kind kind_ = CommitScheduler::Kind::flush;
  MonoTime started_at_;

  bool ever_all_opened_ = false;
  bool stopping_ = false;
  // A tick() has followed stop().
  bool draining_ = false;
  bool finished_ = false;
  std::vector<Command> commands_;
  // Without the members that status() computes.
  Status status_;
};

}  // namespace weir::consumer
