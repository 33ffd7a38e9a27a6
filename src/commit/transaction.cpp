// Phases of one attempt. next() returns the call of the phase; the response selects the next phase:
//
//   begin ── a fence matches ──▶ steps ── the plan has no more ──▶ write ──▶ commit ──▶ done
//     │                            │
//     └── none matches ─────────▶ rollback ◀── a stored row cannot be merged
//
// Any error response ends the attempt (fail_with): the store has then rolled back. All partitions that were
// held are open again, and run_again() starts at `begin`. Only a lost response to commit() leaves a doubt.
// Then the fences of the next attempt decide: a fence that matches proves that the commit was not applied;
// one that does not match proves nothing, because another process may have written too.
#include "commit/transaction.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"

namespace weir::commit {

Transaction::Transaction(std::vector<PartitionCommit> commits, std::unique_ptr<Plan> plan, WallTime now)
    : commits_(std::move(commits)), plan_(std::move(plan)), now_(now) {
  // All sessions lock ledger rows in the same order, so they cannot deadlock.
  std::ranges::sort(commits_, {}, &PartitionCommit::partition);
}

std::optional<StoreCall> Transaction::next() {
  switch (phase_) {
    case Phase::begin: {
      std::vector<Fence> fences;
      for (const PartitionCommit& entry : commits_) {
        if (entry.result == CommitResult::open) fences.push_back(fence_of(entry.before));
      }
      if (fences.empty()) return std::nullopt;
      return make_begin(std::move(fences));
    }
    case Phase::steps:
      return make_step();
    case Phase::write:
      return make_write();
    case Phase::commit:
      return Call(Commit{}, [this](CommitOutcome outcome) { on_commit(std::move(outcome)); });
    case Phase::rollback:
      return make_rollback();
    case Phase::done:
      break;
  }
  return std::nullopt;
}

template <class Request, class OnSuccess>
StoreCall Transaction::make_call(Request request, OnSuccess on_success) {
  return Call<Request>(std::move(request), [this, on_success](typename Request::Response response) {
    if (!response) return fail_with(std::move(response).error());
    on_success(*std::move(response));
  });
}

StoreCall Transaction::make_begin(std::vector<Fence> fences) {
  return make_call(Begin{std::move(fences)},
                   [this](const std::vector<std::int32_t>& matched) { on_fences(matched); });
}

StoreCall Transaction::make_step() {
  Result<std::optional<Plan::Step>> step = plan_->next_step();
  if (!step) {
    Error why = std::move(step).error();
    // Another program wrote the row, or it is damaged. A restart would read it again, so an operator must
    // act.
    why.kind = ErrorKind::invalid;
    why.text = "activity_windows has a row that cannot be merged: " + why.text;
    fail_with(std::move(why));
    return make_rollback();
  }
  if (!*step) {
    phase_ = Phase::write;
    return make_write();
  }
  return std::visit([this](auto& request) { return call_of(std::move(request)); }, **step);
}

StoreCall Transaction::call_of(ReadWindows request) {
  return make_call(std::move(request),
                   [this](MetricsStore::WindowRows rows) { plan_->on_windows(std::move(rows)); });
}

StoreCall Transaction::call_of(ReadPendingRows request) {
  return make_call(std::move(request), [this](PendingRows rows) { plan_->on_pending_rows(std::move(rows)); });
}

StoreCall Transaction::call_of(LockDeadLetters request) {
  return make_call(std::move(request),
                   [this](const std::vector<DeadLetterState>& states) { plan_->on_dead_letters(states); });
}

StoreCall Transaction::call_of(WriteWindows request) {
  Changes changes;
  changes.written_at = now_;
  changes.windows = std::move(request.rows);
  return make_call(Write{std::move(changes)}, [](const Written&) {});
}

StoreCall Transaction::make_rollback() {
  phase_ = Phase::rollback;
  return Call(Rollback{}, [this](std::monostate) { phase_ = Phase::done; });
}

StoreCall Transaction::make_write() {
  Changes changes = plan_->changes(now_);
  changes.written_at = now_;
  // The ledger rows are written with the last rows: numbers and offset change together.
  for (PartitionCommit& entry : commits_) {
    if (!entry.held()) continue;
    entry.after = plan_->ledger_after(entry);
    entry.after.version = entry.before.version + 1;
    entry.after.updated_at = now_;
    ensure(entry.after.adds_up(), "a ledger row accounts for every offset");
    changes.ledgers.push_back(entry.after);
  }
  return make_call(Write{std::move(changes)}, [this](const Written& written) {
    more_to_prune_ = written.more_to_prune;
    phase_ = Phase::commit;
  });
}

// After a commit in doubt, a fence that does not match is no proof of another writer.
void Transaction::on_fences(const std::vector<std::int32_t>& matched) {
  bool any = false;
  for (PartitionCommit& entry : commits_) {
    if (entry.result != CommitResult::open) continue;
    const bool holds = std::ranges::find(matched, entry.partition()) != matched.end();
    entry.result = holds           ? CommitResult::held
                   : was_in_doubt_ ? CommitResult::in_doubt
                                   : CommitResult::superseded;
    any = any || holds;
  }
  phase_ = any ? Phase::steps : Phase::rollback;
  if (any) plan_->start(commits_);
}

void Transaction::on_commit(CommitOutcome outcome) {
  if (outcome.status == CommitStatus::committed) {
    for (PartitionCommit& entry : commits_) {
      if (entry.held()) entry.result = CommitResult::committed;
    }
    phase_ = Phase::done;
    return;
  }
  if (outcome.status == CommitStatus::unknown) was_in_doubt_ = true;
  fail_with(std::move(outcome.why));
}

void Transaction::fail_with(Error error) {
  for (PartitionCommit& entry : commits_) {
    if (entry.held()) entry.result = CommitResult::open;
  }
  failure_ = std::move(error);
  phase_ = Phase::done;
}

void Transaction::run_again(WallTime now) {
  ensure(phase_ == Phase::done, "a transaction runs again only after it has ended");
  failure_.reset();
  more_to_prune_ = false;
  now_ = now;
  phase_ = Phase::begin;
}

void Transaction::leave_out(std::int32_t partition) {
  for (PartitionCommit& entry : commits_) {
    if (entry.partition() == partition && entry.result == CommitResult::open)
      entry.result = CommitResult::superseded;
  }
}

}  // namespace weir::commit
