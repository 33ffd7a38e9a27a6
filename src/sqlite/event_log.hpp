// The embedded event log: implements intake::EventLog on a SQLite file, with one topic and one partition.
//
// One thread writes. It takes everything that was appended since its last commit, writes it as one
// transaction, waits for one fsync and reports all receipts. So concurrent requests share a commit, and no
// request waits for a timer. A row costs much more than an event, so a commit is stored as few rows, its
// segments (segment.hpp).
//
// The tables are in schema.hpp. Offsets begin at 0 and have no holes. The newest segment is never pruned, so
// the end of the log is always known.
//
// The time of a record is the clock's when it is written. If the clock is stepped back by at most
// limits::clock_step_back_max, new records get the time of the newest one until the clock has caught up. A
// larger step is followed, with a warning. Times may then decrease, and only offsets give the order of the
// log.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "sqlite/commit_signal.hpp"
#include "sqlite/database.hpp"
#include "sqlite/segment.hpp"
#include "sqlite/segment_pruner.hpp"
#include "telemetry/logger.hpp"

namespace weir::sqlite {

struct EventLogOptions {
  std::filesystem::path file;
  std::size_t waiting_bytes_max = limits::in_flight_bytes_max;  // queued or in the commit under way
  std::size_t commit_bytes_max = limits::log_commit_bytes_max;  // of one commit, unless one append has more
  // The WAL is written back to the file when it has this many bytes, so it stays at about this size.
  std::size_t checkpoint_bytes = 32 * limits::MiB;
  std::chrono::milliseconds busy_timeout{100};
  // How often a test write is tried after a failure, while nothing is appended.
  std::chrono::milliseconds probe_interval{1000};
  std::function<Now()> clock = read_clock;  // called on the writer's thread
  std::string vfs;                          // see OpenOptions
};

// Any thread may call append(), health(), prune_before() and block(). The meaning of the receipts:
//   kept      committed and fsynced
//   not_kept  never tried (log_full, log_stopping, log_failed, log_blocked), or rolled back because the disk
//             is full (disk_full) or another process holds the file (database_busy)
//   unknown   COMMIT failed in another way, so the outcome is unknown
class EmbeddedLog final : public intake::EventLog {
 public:
  // Called once, on the writer's thread, after a failed fsync. From then on every append gets not_kept
  // (log_failed). The process must end with exit code 1: only the recovery of the next start can tell what is
  // on the disk.
  using OnFatal = std::function<void(const Error&)>;

  // Opens the file, or creates it, and starts the writer. Errors are those of Database::open(), and
  // ErrorKind::internal, segment_damaged, if the newest segment cannot be read. `logger` must outlive the
  // log.
  static Result<std::unique_ptr<EmbeddedLog>> open(EventLogOptions options, telemetry::Logger& logger,
                                                   OnFatal on_fatal);
  ~EmbeddedLog() override;  // stop(0 ms)

  // Does not block. The receipt is reported on the writer's thread, or on this one if the append is refused.
  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

  // For the reader of this process.
  [[nodiscard]] std::shared_ptr<CommitSignal> commits() const { return commits_; }

  // Retention. From the start of the log, deletes the segments that end at or before `offset` and are older
  // than `time`; SegmentPruner says how it treats times that do not ascend. Returns at once: the writer's
  // thread deletes a small batch between two commits. A later call replaces one that is under way.
  void prune_before(std::int64_t offset, RecordTime time);

  // While a reason is set, appends get not_kept (log_blocked), health() reports the reason, and nothing is
  // pruned. An empty reason ends this.
  void block(std::string reason);

  // Accepts no more appends, commits what is queued for at most `deadline`, reports not_kept (log_stopping)
  // for the rest, writes the WAL back, and ends the thread. A commit under way is waited for, as long as the
  // disk takes.
  void stop(std::chrono::milliseconds deadline);

 private:
  struct QueuedBatch {
    intake::EventBatch events;
    intake::ReceiptCallback receive;
  };
  struct Outcome {
    intake::Receipt receipt = intake::Receipt::kept;
    Error why;  // unless kept
  };

  EmbeddedLog(EventLogOptions options, telemetry::Logger& logger, OnFatal on_fatal, Database database);
  Result<void> prepare();
  Result<void> load_end();
  void refuse(intake::ReceiptCallback receive, std::string_view code, std::string text) const;

  // The writer's thread.
  void write_until_stopped();
  bool wait_for_work();
  void commit_batches(std::span<QueuedBatch> batches);
  void commit_group(std::span<QueuedBatch> group, std::size_t bytes);
  std::optional<Outcome> refusal(MonoTime now) const;
  Outcome write(std::span<const QueuedBatch> group);
  Result<void> insert(std::span<const QueuedBatch> group);
  Result<void> insert_segment();
  void update_time();
  void update_health(const Outcome& outcome, std::chrono::milliseconds latency);
  void run_maintenance();
  void probe();
  void prune_batch();
  void checkpoint_wal(CheckpointMode mode);
  void fail_for_good(const Error& why);
  [[nodiscard]] bool has_failed() const;

  // Constant after open().
  const EventLogOptions options_;
  telemetry::Logger& logger_;
  const OnFatal on_fatal_;
  const std::shared_ptr<CommitSignal> commits_;
  std::string log_id_;

  // Guarded by the mutex.
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::vector<QueuedBatch> queue_;
  std::size_t waiting_bytes_ = 0;  // queued or in the commit under way
  std::optional<SegmentPruner::Request> prune_request_;
  std::optional<MonoTime> stop_at_;
  std::string failure_;                   // why the last commit failed; empty after one that succeeded
  std::string blocked_;                   // see block()
  bool failed_ = false;                   // an fsync failed
  std::chrono::milliseconds latency_{0};  // of the last commit

  // The writer's thread only, and open() before that thread starts.
  Database database_;
  std::optional<Statement> insert_;
  std::optional<SegmentPruner> pruner_;
  std::vector<QueuedBatch> taken_;
  SegmentWriter segment_;
  bool probe_due_ = false;
  bool end_known_ = true;                    // false after a commit of unknown outcome
  std::int64_t end_ = 0;                     // the offset that the next record will get
  std::int64_t writing_at_ = 0;              // the same, within the transaction under way
  RecordTime last_time_;                     // of the newest segment
  std::optional<Now> last_read_;             // the clock, when it was last read
  std::int64_t next_checkpoint_frames_ = 0;  // after a checkpoint that a reader held up

  std::thread writer_;
};

}  // namespace weir::sqlite
