// The one way in which anything is written: a fenced transaction of this process, as a machine without I/O.
//
// The writer's thread asks it for the next call of the store, makes the call, and brings the answer, until
// there is no next call. What is written is a Plan's affair (flush.hpp, roll_up.hpp); in which order, and
// what a failure means for each partition, is decided here:
//
//   begin ─▶ partitions whose fence failed are left out, the others go on ─▶ steps ─▶ write ─▶ commit
//
// A step reads some rows or writes some, so that no more than a step's rows are held in memory and no
// statement takes long, however much one transaction writes.
//
// No call that writes is handed out before the answer to begin() is known.
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
#include "commit/store_call.hpp"
#include "tally/ledger.hpp"

namespace weir::commit {

// What became of a partition's share in a transaction.
enum class CommitResult : std::uint8_t {
  open,        // not written, and the transaction may be run again
  held,        // its fence holds; not committed yet
  committed,   // committed: `after` stands in the store
  superseded,  // somebody else wrote since: the partition's object is stale
  in_doubt,  // an earlier commit's answer was lost, and the fence does not hold now: only the ledger row can tell
};

// A partition's share: its account before and after.
struct PartitionCommit {
  std::uint64_t generation = 0;  // of the Partition object that made it
  tally::LedgerRow before;
  tally::LedgerRow
      after;  // everything but version and updated_at, which the transaction sets, and what only its
              // plan will know (Plan::account)
  CommitResult result = CommitResult::open;

  [[nodiscard]] std::int32_t partition() const { return before.partition; }
  [[nodiscard]] bool held() const { return result == CommitResult::held; }
};

// A step of a Plan that writes some of its window rows; the transaction adds the time.
struct WriteWindows {
  std::vector<tally::WindowRow> rows;
};

// What a transaction writes besides the ledger. RequestTraits again from the start when the transaction is
// run again, so it must not use up what it holds.
class Plan {
 public:
  // For the counters.
  struct Counted {
    std::int64_t windows_opened = 0;                   // they had no row before
    std::map<std::string, std::int64_t> dead_letters;  // by reason
  };

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;

  // The fence has answered: only claims that are held() count from now on.
  virtual void start(std::span<const PartitionCommit> commits) = 0;
  // A step that reads is answered through the function of its response before the next step is asked for.
  using Step = std::variant<ReadWindows, ReadPendingRows, LockDeadLetters, WriteWindows>;
  // Returns the next step, or nothing once changes() can be called. On error the stored rows cannot be merged;
  // nothing is written.
  virtual Result<std::optional<Step>> next_step() = 0;
  virtual void on_windows(MetricsStore::WindowRows rows) = 0;
  virtual void on_pending_rows(PendingRows) {}
  virtual void on_dead_letters(const std::vector<DeadLetterState>&) {}
  // Everything that was not written by a step, but for written_at and the ledgers. Called once after the last
  // step.
  virtual Changes changes(WallTime now) = 0;
  // After changes(): the account of a claim that is held() once they are written.
  [[nodiscard]] virtual tally::LedgerRow ledger_after(const PartitionCommit& entry) const {
    return entry.after;
  }

  // For a partition whose share was committed: the minutes that have a remainder since, and those that have
  // none.
  [[nodiscard]] virtual std::vector<WindowStart> minutes_to_roll_up(std::int32_t partition) const = 0;
  [[nodiscard]] virtual std::vector<WindowStart> minutes_rolled_up(std::int32_t partition) const = 0;
  // Of the last try, which was committed.
  [[nodiscard]] const Counted& counted() const { return counted_; }
  // How much the last try was to write, or has written.
  [[nodiscard]] virtual RowBounds size() const = 0;
  // Tried again, it takes smaller steps. False: they cannot be smaller.
  virtual bool shrink_steps() = 0;

 protected:
  Counted counted_;  // start() begins it anew
};

class Transaction final : public StoreWork {
 public:
  Transaction(std::vector<PartitionCommit> commits, std::unique_ptr<Plan> plan, WallTime now);

  std::optional<StoreCall> next() override;

  // Once next() has answered nothing: the error that stopped it. ErrorKind::unavailable: run_again() may
  // help; ErrorKind::invalid: once a person has acted. Nothing if every claim has its final fate.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::span<const PartitionCommit> commits() const { return commits_; }
  [[nodiscard]] const Plan& plan() const { return *plan_; }
  // A prune stopped at its bound.
  [[nodiscard]] bool has_more_to_prune() const { return more_to_prune_; }
  // A commit's answer was lost at least once: every object that has a claim here must be dropped at the end,
  // whatever comes of it.
  [[nodiscard]] bool was_in_doubt() const { return was_in_doubt_; }

  // Starts over with the same shares, those that were lost meanwhile excepted.
  void run_again(WallTime now);
  // Before run_again(): false if the steps cannot be smaller.
  bool shrink_steps() { return plan_->shrink_steps(); }
  // The partition is no longer ours to write. Not while the writer has the transaction.
  void leave_out(std::int32_t partition);

 private:
  enum class Phase : std::uint8_t { begin, steps, write, commit, rollback, done };

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
  void on_commit(CommitOutcome answer);
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
