// The embedded event log: a SQLite file, one topic, one partition.
//
// One thread writes. It takes whatever has been appended since its last commit, writes it as one transaction,
// waits for one fsync, and answers all receipts: the more requests wait, the more share a commit, and nobody
// waits for a timer. A commit is kept as few rows, its segments (segment.hpp), for a row costs much more than
// an event.
//
// The file (version 1):
//   segments(first_offset INTEGER PRIMARY KEY, records, time_ms, body)   offsets begin at 0 and have no holes
//   meta(name, value)                                                     log_id: made with the file
// The newest segment is never pruned, so the end of the log survives everything.
//
// A record's time is the clock's when it is written. A step of the clock back by at most
// limits::clock_step_back_max is waited out: times stand still meanwhile. A larger one is followed, with a
// warning; times may then go backwards, and the order of the log is that of its offsets alone.
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
  std::size_t waiting_bytes_max = limits::in_flight_bytes_max;
  std::size_t commit_bytes_max = limits::log_commit_bytes_max;
  // The WAL is written back to the file when it has this many bytes; it stays of about this size.
  std::size_t checkpoint_bytes = 32 * limits::MiB;
  std::chrono::milliseconds busy_timeout{100};
  // After a failure, and while no append comes: how often it is tried whether the file can be written again.
  std::chrono::milliseconds probe_interval{1000};
  std::function<Now()> clock = read_clock;  // called on the writer's thread
  std::string vfs;                          // see OpenOptions
};

// Fills intake::EventLog. What its receipts mean here:
//   kept      committed and fsynced
//   not_kept  never tried (log_full, log_stopping, log_failed), or rolled back for want of room (disk_full) or
//             because somebody else holds the file (database_busy)
//   unknown   COMMIT itself failed in another way
class EmbeddedLog final : public intake::EventLog {
 public:
  // Called once, on the writer's thread, when an fsync has failed: nothing can be promised any more, every
  // further append is answered not_kept (log_failed), and the process must leave with 1 so that recovery
  // decides.
  using Fatal = std::function<void(const Error&)>;

  // Opens the file or makes it; see Database::open for what is refused. `log` must outlive the event log.
  static Result<std::unique_ptr<EmbeddedLog>> open(EventLogOptions options, telemetry::Logger& logger,
                                                   Fatal fatal);
  ~EmbeddedLog() override;  // stop(0 ms)

  void append(intake::EventBatch events, intake::ReceiptCallback receive) override;
  [[nodiscard]] intake::LogHealth health() const override;

  // For the reader of this process.
  [[nodiscard]] std::shared_ptr<CommitSignal> commits() const { return commits_; }

  // Retention, done by the writer's thread in small bites between commits: takes away, from the log's start
  // on, the segments that lie wholly before `offset` and are older than `time`. A segment whose time is later
  // than the clock says is of a clock that was ahead: it goes with the next older than `time` that follows
  // it. Returns at once; a later call replaces one that is under way.
  void prune_before(std::int64_t offset, RecordTime time);

  // While a reason is set, appends are answered not_kept (log_blocked), health says the reason, and nothing
  // is pruned. Empty: all is well again. Any thread.
  void block(std::string reason);

  // Takes nothing more, commits what is queued for at most `deadline`, answers not_kept (log_stopping) to
  // what is left, writes the WAL back, and ends the thread. A commit under way is waited for, however long
  // the disk takes.
  void stop(std::chrono::milliseconds deadline);

 private:
  struct Waiting {
    intake::EventBatch events;
    intake::ReceiptCallback receive;
  };
  struct Outcome {
    intake::Receipt receipt = intake::Receipt::kept;
    Error why;
  };

  EmbeddedLog(EventLogOptions options, telemetry::Logger& logger, Fatal fatal, Database database);
  Result<void> prepare();
  Result<void> load_end();

  // The writer's thread.
  void write_until_stopped();
  bool take_work();
  void commit_all(std::span<Waiting> taken);
  void commit_group(std::span<Waiting> group, std::size_t bytes);
  std::optional<Outcome> too_late(MonoTime now) const;
  Outcome write(std::span<const Waiting> group);
  Result<void> insert(std::span<const Waiting> group);
  Result<void> insert_segment();
  void tell(const Outcome& outcome, std::chrono::milliseconds latency);
  void run_maintenance();
  void probe();
  void prune();
  void read_time();
  void checkpoint_wal(CheckpointMode mode);
  void give_up(const Error& why);
  [[nodiscard]] bool failed() const;

  void refuse(intake::ReceiptCallback receive, std::string_view code, std::string text) const;

  // Set at birth.
  const EventLogOptions options_;
  telemetry::Logger& logger_;
  const Fatal fatal_;
  const std::shared_ptr<CommitSignal> commits_;
  std::string log_id_;

  // Any thread, under the mutex.
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Waiting> queue_;
  std::size_t waiting_bytes_ = 0;  // queued or in the commit under way
  std::optional<SegmentPruner::Wanted> prune_;
  std::optional<MonoTime> stop_at_;
  std::string trouble_;  // why the last commit failed; empty when all is well
  std::string blocked_;  // see block()
  bool failed_ = false;  // for good: an fsync failed
  std::chrono::milliseconds latency_{0};

  // The writer's thread only (and open(), before that is started).
  Database database_;
  std::optional<Statement> insert_;
  std::optional<SegmentPruner> pruner_;
  std::vector<Waiting> taken_;
  SegmentWriter segment_;
  bool probing_ = false;
  bool end_known_ = true;
  std::int64_t end_ = 0;          // the offset that the next record will get
  std::int64_t writing_at_ = 0;   // the same, within the transaction under way
  RecordTime last_time_;          // of the newest segment
  std::optional<Now> last_read_;  // of the clock
  std::int64_t next_checkpoint_frames_ = 0;

  std::thread writer_;
};

}  // namespace weir::sqlite
