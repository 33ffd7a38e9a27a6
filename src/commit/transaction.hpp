// The fenced transaction: the only way in which this process writes aggregates. A state machine without I/O.
//
// The writer's thread asks it for the next call of the store and executes the call, until there is no next
// call. A Plan decides what is written (flush.hpp, roll_up.hpp). The Transaction decides in which order, and
// what a failure means for each partition:
//
//   begin ─▶ a partition whose fence does not match is dropped ─▶ steps ─▶ write ─▶ commit
//                                                           └─▶ rollback, if no fence matches
//
// A step reads or writes some rows, so memory and the time of one statement are bounded for a transaction of
// any size. No call that writes is returned before the response to begin() is known.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "commit/pending_batch.hpp"
#include "commit/store_call.hpp"
#include "tally/ledger.hpp"

namespace weir::commit {

// The result of a transaction for one partition.
//   open        Not committed. The transaction may run again.
//   held        The fence matches and the ledger row is locked. Not committed yet.
//   committed   `after` is in the store.
//   superseded  Another process has written the ledger row since. Drop the Partition object, open it again.
//   in_doubt    The response to an earlier commit was lost, and the fence does not match now. Only the ledger
//               row can show whether that commit succeeded. Drop the Partition object, open it again.
enum class CommitResult : std::uint8_t { open, held, committed, superseded, in_doubt };

// One partition of a transaction: its ledger row before and after.
struct PartitionCommit {
  // The generation of the Partition object that this comes from.
  std::uint64_t generation = 0;
  tally::LedgerRow before;
  // Replaced by Plan::ledger_after(); then the transaction sets `version` and `updated_at`.
  tally::LedgerRow after;
  CommitResult result = CommitResult::open;

  [[nodiscard]] std::int32_t partition() const { return before.partition; }
  [[nodiscard]] bool held() const { return result == CommitResult::held; }
};

// The step of a Plan that writes window rows. The transaction adds written_at.
struct WriteWindows {
  std::vector<tally::WindowRow> rows;
};

// What a transaction writes besides the ledger rows. When the transaction runs again, start() restarts the
// plan from the beginning. So a plan must keep its input until it is destroyed. Used by one thread at a time.
class Plan {
 public:
  // For metrics and spans: windows that had no row before, dead letters by reason, and trace contexts.
  struct Counted {
    std::int64_t windows_opened = 0;
    std::map<std::string, std::int64_t> dead_letters;
    Traces traces;
  };

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;

  // Begins an attempt. It writes only partitions that are held().
  virtual void start(std::span<const PartitionCommit> commits) = 0;
  // A step that reads gets its response through one of the three functions below, before the next call of
  // next_step(). An error ends the attempt instead.
  using Step = std::variant<ReadWindows, ReadPendingRows, LockDeadLetters, WriteWindows>;
  // Returns the next step, or nothing once changes() can be called. Fails if a stored row cannot be merged:
  // the transaction is rolled back.
  virtual Result<std::optional<Step>> next_step() = 0;
  virtual void on_windows(MetricsStore::WindowRows rows) = 0;
  virtual void on_pending_rows(PendingRows) {}
  virtual void on_dead_letters(const std::vector<DeadLetterState>&) {}
  // Returns all changes that no step has written, without written_at and the ledger rows. Called once, after
  // the last step.
  virtual Changes changes(WallTime now) = 0;
  // Returns the ledger row of a held partition after this transaction. Called after changes().
  [[nodiscard]] virtual tally::LedgerRow ledger_after(const PartitionCommit& entry) const {
    return entry.after;
  }

  // After the commit, for a partition that is committed: minutes whose rollup is now pending, and minutes
  // whose rollup is now complete.
  [[nodiscard]] virtual std::vector<WindowStart> pending_minutes(std::int32_t partition) const = 0;
  [[nodiscard]] virtual std::vector<WindowStart> rolled_up_minutes(std::int32_t partition) const = 0;
  // After the commit.
  [[nodiscard]] const Counted& counted() const { return counted_; }
  // The rows and bytes that the last attempt has written or would have written.
  [[nodiscard]] virtual RowBounds size() const = 0;
  // Makes the steps of the next attempt smaller. Returns false if they cannot be smaller.
  virtual bool shrink_steps() = 0;

 protected:
  // start() resets it.
  Counted counted_;
};

// Used by one thread at a time, like all StoreWork.
class Transaction final : public StoreWork {
 public:
  // `commits` must have one entry a partition, in any order. `now` becomes Changes::written_at.
  Transaction(std::vector<PartitionCommit> commits, std::unique_ptr<Plan> plan, WallTime now);

  std::optional<StoreCall> next() override;

  // After next() has returned nothing: the error that ended the attempt, or nothing if the result of every
  // partition is final. After ErrorKind::unavailable, call run_again() later. After ErrorKind::invalid, call
  // it too: it succeeds once an operator has corrected the store.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::span<const PartitionCommit> commits() const { return commits_; }
  [[nodiscard]] const Plan& plan() const { return *plan_; }
  // A Prune stopped at its bound: ask again soon.
  [[nodiscard]] bool has_more_to_prune() const { return more_to_prune_; }
  // The response to a commit was lost at least once. Then the owner must drop every Partition object of this
  // transaction when it ends, for any result.
  [[nodiscard]] bool was_in_doubt() const { return was_in_doubt_; }

  // Starts the next attempt, for the partitions that are still `open`. Requires that next() has returned
  // nothing.
  void run_again(WallTime now);
  // Call it before run_again(). Returns false if the steps cannot be smaller.
  bool shrink_steps() { return plan_->shrink_steps(); }
  // Drops an open partition, because another member of the group owns it now: its result becomes superseded.
  // Must not be called while the writer's thread owns the transaction.
  void leave_out(std::int32_t partition);

 private:
  enum class Phase : std::uint8_t { begin, steps, write, commit, rollback, done };

  // Couples the request with a function for its value. An error ends the attempt.
  template <class Request, class OnSuccess>
  [[nodiscard]] StoreCall make_call(Request request, OnSuccess on_success);
  [[nodiscard]] StoreCall make_begin(std::vector<Fence> fences);
  [[nodiscard]] StoreCall make_step();
  [[nodiscard]] StoreCall call_of(ReadWindows request);
  [[nodiscard]] StoreCall call_of(ReadPendingRows request);
  [[nodiscard]] StoreCall call_of(LockDeadLetters request);
  [[nodiscard]] StoreCall call_of(WriteWindows request);
  [[nodiscard]] StoreCall make_write();
  [[nodiscard]] StoreCall make_rollback();
  void on_fences(const std::vector<std::int32_t>& matched);
  void on_commit(CommitOutcome outcome);
  // Ends the attempt: held partitions are open again.
  void fail_with(Error error);

  std::vector<PartitionCommit> commits_;
  std::unique_ptr<Plan> plan_;
  WallTime now_;
  Phase phase_ = Phase::begin;
  std::optional<Error> failure_;
  bool was_in_doubt_ = false;
  bool more_to_prune_ = false;
};

}  // namespace weir::commit
