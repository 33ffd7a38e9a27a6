#include "commit/transaction.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"

namespace weir::commit {
namespace {

struct Perform {
  MetricsStore& store;

  StoreAnswer operator()(const OpenLedger& call) const {
    return store.open_ledger(call.partition, call.start_offset, call.now);
  }
  StoreAnswer operator()(const ArchiveLedger& call) const { return store.archive_ledger(call.retirement); }
  StoreAnswer operator()(const FindDeadLetters& call) const {
    return store.letter_offsets(call.partition, call.from, call.to);
  }
  StoreAnswer operator()(const FindPendingRollups& call) const {
    return store.unrolled_minutes(call.partition);
  }
  StoreAnswer operator()(const Begin& call) const { return store.begin(call.fences); }
  StoreAnswer operator()(const ReadWindows& call) const {
    return store.read_windows(call.keys, call.bytes_max);
  }
  StoreAnswer operator()(const ReadUnrolled& call) const {
    return store.read_unrolled(call.partition, call.minutes, call.bounds);
  }
  StoreAnswer operator()(const LockDeadLetters& call) const { return store.lock_dead_letters(call.letters); }
  StoreAnswer operator()(const Write& call) const { return store.write(call.changes); }
  StoreAnswer operator()(const Commit&) const { return store.commit(); }
  StoreAnswer operator()(const Rollback&) const {
    store.rollback();
    return std::monostate();
  }
};

}  // namespace

StoreAnswer perform(MetricsStore& store, const StoreCall& call) { return std::visit(Perform{store}, call); }

void run_to_end(StoreWork& work, MetricsStore& store) {
  while (const std::optional<StoreCall> call = work.next()) work.answer(perform(store, *call));
}

Transaction::Transaction(std::vector<PartitionCommit> claims, std::unique_ptr<Plan> plan, WallTime now)
    : claims_(std::move(claims)), plan_(std::move(plan)), now_(now) {
  // Every session asks for its locks in one order.
  std::ranges::sort(claims_, {}, &PartitionCommit::partition);
}

std::optional<StoreCall> Transaction::next() {
  switch (phase_) {
    case Phase::begin: {
      Begin call;
      for (const PartitionCommit& claim : claims_) {
        if (claim.fate != CommitResult::open) continue;
        call.fences.push_back(fence_of(claim.before));
      }
      if (call.fences.empty()) return std::nullopt;
      return call;
    }
    case Phase::steps:
      return make_step();
    case Phase::write:
      return make_write();
    case Phase::commit:
      return Commit{};
    case Phase::rollback:
      return Rollback{};
    case Phase::done:
      break;
  }
  return std::nullopt;
}

std::optional<StoreCall> Transaction::make_step() {
  Result<std::optional<StoreCall>> step = plan_->next_step();
  if (!step) {
    Error why = std::move(step).error();
    why.kind = ErrorKind::
        invalid;  // a row that another program wrote, or a damaged one: a restart would find it again
    why.text = "activity_windows has a row that cannot be added to: " + why.text;
    fail_with(std::move(why));
    phase_ = Phase::rollback;
    return Rollback{};
  }
  if (!*step) {
    phase_ = Phase::write;
    return make_write();
  }
  if (auto* write = std::get_if<Write>(&**step)) write->changes.written_at = now_;
  return *std::move(step);
}

StoreCall Transaction::make_write() {
  Changes changes = plan_->changes(now_);
  changes.written_at = now_;
  for (PartitionCommit& claim : claims_) {
    if (!claim.held()) continue;
    claim.after = plan_->account(claim);
    claim.after.version = claim.before.version + 1;
    claim.after.updated_at = now_;
    ensure(claim.after.adds_up(), "every offset that was passed is accounted for");
    changes.ledgers.push_back(claim.after);
  }
  return Write{std::move(changes)};
}

void Transaction::answer(StoreAnswer answer) {
  switch (phase_) {
    case Phase::begin: {
      auto& matched = std::get<Result<std::vector<std::int32_t>>>(answer);
      return matched ? take_fence(*matched) : fail_with(std::move(matched).error());
    }
    case Phase::steps:
      return take_step(std::move(answer));
    case Phase::write: {
      auto& written = std::get<Result<Written>>(answer);
      if (!written) return fail_with(std::move(written).error());
      more_to_prune_ = written->more_to_prune;
      phase_ = Phase::commit;
      return;
    }
    case Phase::commit:
      return take_commit(std::get<CommitAnswer>(std::move(answer)));
    case Phase::rollback:
      phase_ = Phase::done;
      return;
    case Phase::done:
      break;
  }
  ensure(false, "an answer follows a call");
}

void Transaction::take_fence(const std::vector<std::int32_t>& matched) {
  bool any = false;
  for (PartitionCommit& claim : claims_) {
    if (claim.fate != CommitResult::open) continue;
    const bool holds = std::ranges::find(matched, claim.partition()) != matched.end();
    claim.fate = holds           ? CommitResult::held
                 : was_in_doubt_ ? CommitResult::in_doubt
                                 : CommitResult::elsewhere;
    any = any || holds;
  }
  phase_ = any ? Phase::steps : Phase::rollback;
  if (any) plan_->start(claims_);
}

void Transaction::take_step(StoreAnswer answer) {
  if (auto* states = std::get_if<Result<std::vector<DeadLetterState>>>(&answer))
    return *states ? plan_->take_letters(**states) : fail_with(std::move(*states).error());
  if (auto* unrolled = std::get_if<Result<UnrolledRows>>(&answer))
    return *unrolled ? plan_->take_unrolled(std::move(**unrolled)) : fail_with(std::move(*unrolled).error());
  if (auto* written = std::get_if<Result<Written>>(&answer)) {
    if (!*written) fail_with(std::move(*written).error());
    return;
  }
  auto& rows = std::get<Result<MetricsStore::WindowRows>>(answer);
  return rows ? plan_->take(*std::move(rows)) : fail_with(std::move(rows).error());
}

void Transaction::take_commit(CommitAnswer answer) {
  if (answer.end == CommitEnd::committed) {
    for (PartitionCommit& claim : claims_) {
      if (claim.held()) claim.fate = CommitResult::written;
    }
    phase_ = Phase::done;
    return;
  }
  if (answer.end == CommitEnd::unknown) was_in_doubt_ = true;
  fail_with(std::move(answer.why));
}

void Transaction::fail_with(Error error) {
  for (PartitionCommit& claim : claims_) {
    if (claim.held()) claim.fate = CommitResult::open;
  }
  failure_ = std::move(error);
  phase_ = Phase::done;
}

void Transaction::run_again(WallTime now) {
  ensure(phase_ == Phase::done, "a transaction is run again only when it has ended");
  failure_.reset();
  more_to_prune_ = false;
  now_ = now;
  phase_ = Phase::begin;
}

void Transaction::leave_out(std::int32_t partition) {
  for (PartitionCommit& claim : claims_) {
    if (claim.partition() == partition && claim.fate == CommitResult::open)
      claim.fate = CommitResult::elsewhere;
  }
}

}  // namespace weir::commit
