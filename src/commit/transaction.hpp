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
#include "tally/ledger.hpp"

namespace weir::commit {

// The calls of MetricsStore, as values.
struct OpenLedger {
  std::int32_t partition = 0;
  std::int64_t start_offset = 0;
  WallTime now;
};
struct FindDeadLetters {
  std::int32_t partition = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
};
struct FindPendingRollups {
  std::int32_t partition = 0;
};
struct ArchiveLedger {
  LedgerArchival retirement;
};
struct Begin {
  std::vector<Fence> fences;
};
struct ReadWindows {
  std::vector<tally::WindowKey> keys;
  std::size_t bytes_max = limits::step_bytes_max;
};
struct ReadUnrolled {
  std::int32_t partition = 0;
  std::vector<WindowStart> minutes;
  RowBounds bounds;
};
struct LockDeadLetters {
  std::vector<DeadLetterId> letters;
};
struct Write {
  Changes changes;
};
struct Commit {};
struct Rollback {};
using StoreCall = std::variant<OpenLedger, ArchiveLedger, FindDeadLetters, FindPendingRollups, Begin,
                               ReadWindows, ReadUnrolled, LockDeadLetters, Write, Commit, Rollback>;

// What the call of the same place in StoreCall answers; nothing for Rollback.
using StoreAnswer =
    std::variant<std::monostate, Result<tally::LedgerRow>, Result<std::optional<tally::LedgerRow>>,
                 Result<std::vector<std::int64_t>>, Result<std::vector<WindowStart>>,
                 Result<std::vector<std::int32_t>>, Result<MetricsStore::WindowRows>, Result<UnrolledRows>,
                 Result<std::vector<DeadLetterState>>, Result<Written>, CommitAnswer>;

// Makes the call; blocks as long as the store does.
[[nodiscard]] StoreAnswer perform(MetricsStore& store, const StoreCall& call);

// Something that the writer's thread does for the consumer. Given away whole while it is done, and brought
// back: never touched by two threads at once.
class StoreWork {
 public:
  StoreWork() = default;
  StoreWork(const StoreWork&) = delete;
  StoreWork& operator=(const StoreWork&) = delete;
  virtual ~StoreWork() = default;

  // The next call; nothing once the work is done or has failed. Each call is answered before the next is
  // asked for.
  virtual std::optional<StoreCall> next() = 0;
  virtual void answer(StoreAnswer answer) = 0;
};

// Calls until nothing is left to call.
void run_to_end(StoreWork& work, MetricsStore& store);

// What became of a partition's share in a transaction.
enum class CommitResult : std::uint8_t {
  open,       // not written, and the transaction may be run again
  held,       // its fence holds; not committed yet
  written,    // committed: `after` stands in the store
  elsewhere,  // somebody else wrote since: the partition's object is stale
  in_doubt,  // an earlier commit's answer was lost, and the fence does not hold now: only the ledger row can tell
};

// A partition's share: its account before and after.
struct PartitionCommit {
  std::uint64_t generation = 0;  // of the Partition object that made it
  tally::LedgerRow before;
  tally::LedgerRow
      after;  // everything but version and updated_at, which the transaction sets, and what only its
              // plan will know (Plan::account)
  CommitResult fate = CommitResult::open;

  [[nodiscard]] std::int32_t partition() const { return before.partition; }
  [[nodiscard]] bool held() const { return fate == CommitResult::held; }
};

// What a transaction writes besides the ledger. RequestTraits again from the start when the transaction is
// run again, so it must not use up what it holds.
class Plan {
 public:
  // For the counters.
  struct Counted {
    std::int64_t windows_opened = 0;              // they had no row before
    std::map<std::string, std::int64_t> letters;  // by reason
  };

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;

  // The fence has answered: only claims that are held() count from now on.
  virtual void start(std::span<const PartitionCommit> claims) = 0;
  // The next step: a ReadWindows, ReadUnrolled or LockDeadLetters, whose answer is taken before the next step
  // is asked for, or a Write of windows alone; nothing if changes() can be made. An error: what was read
  // cannot be added to; nothing is written.
  virtual Result<std::optional<StoreCall>> next_step() = 0;
  virtual void take(MetricsStore::WindowRows rows) = 0;
  virtual void take_unrolled(UnrolledRows) {}
  virtual void take_letters(const std::vector<DeadLetterState>&) {}
  // Everything that was not written by a step, but for written_at and the ledgers. Called once after the last
  // step.
  virtual Changes changes(WallTime now) = 0;
  // After changes(): the account of a claim that is held() once they are written.
  [[nodiscard]] virtual tally::LedgerRow account(const PartitionCommit& claim) const { return claim.after; }

  // For a partition whose share was committed: the minutes that have a remainder since, and those that have
  // none.
  [[nodiscard]] virtual std::vector<WindowStart> unrolled(std::int32_t partition) const = 0;
  [[nodiscard]] virtual std::vector<WindowStart> rolled(std::int32_t partition) const = 0;
  // Of the last try, which was committed.
  [[nodiscard]] const Counted& counted() const { return counted_; }
  // How much the last try was to write, or has written.
  [[nodiscard]] virtual RowBounds size() const = 0;
  // Tried again, it takes smaller steps. False: they cannot be smaller.
  virtual bool take_smaller_steps() = 0;

 protected:
  Counted counted_;  // start() begins it anew
};

class Transaction final : public StoreWork {
 public:
  Transaction(std::vector<PartitionCommit> claims, std::unique_ptr<Plan> plan, WallTime now);

  std::optional<StoreCall> next() override;
  void answer(StoreAnswer answer) override;

  // Once next() has answered nothing: the error that stopped it. ErrorKind::unavailable: run_again() may
  // help; ErrorKind::invalid: once a person has acted. Nothing if every claim has its final fate.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::span<const PartitionCommit> claims() const { return claims_; }
  [[nodiscard]] const Plan& plan() const { return *plan_; }
  // A prune stopped at its bound.
  [[nodiscard]] bool has_more_to_prune() const { return more_to_prune_; }
  // A commit's answer was lost at least once: every object that has a claim here must be dropped at the end,
  // whatever comes of it.
  [[nodiscard]] bool was_in_doubt() const { return was_in_doubt_; }

  // Starts over with the same shares, those that were lost meanwhile excepted.
  void run_again(WallTime now);
  // Before run_again(): false if the steps cannot be smaller.
  bool take_smaller_steps() { return plan_->take_smaller_steps(); }
  // The partition is no longer ours to write. Not while the writer has the transaction.
  void leave_out(std::int32_t partition);

 private:
  enum class Phase : std::uint8_t { begin, steps, write, commit, rollback, done };

  [[nodiscard]] std::optional<StoreCall> make_step();
  [[nodiscard]] StoreCall make_write();
  void take_fence(const std::vector<std::int32_t>& matched);
  void take_step(StoreAnswer answer);
  void take_commit(CommitAnswer answer);
  void fail_with(Error error);

  std::vector<PartitionCommit> claims_;
  std::unique_ptr<Plan> plan_;
  WallTime now_;
  Phase phase_ = Phase::begin;
  std::optional<Error> failure_;
  bool was_in_doubt_ = false;
  bool more_to_prune_ = false;
};

}  // namespace weir::commit
