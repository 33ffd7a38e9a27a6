// One thread calls everything here. Jobs leave as commands for the writer's thread; on_job_done() takes them.
// Results arrive late: a partition may have been lost, revoked or opened again since its job started. So each
// result carries the generation of the Partition object, and Assignment::find() ignores older generations.
#include "consumer/consumer.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"

namespace weir::consumer {
namespace {

// After another process wrote a partition's ledger row: time for the group to settle who owns it.
constexpr std::chrono::milliseconds fence_failure_delay{200};
constexpr std::chrono::seconds tick_interval_max{1};

// Every wall clock is slewed a little. Larger differences are steps; a step of a minute is logged.
constexpr std::chrono::milliseconds clock_step_min{100};
constexpr std::chrono::minutes logged_clock_step_min{1};

}  // namespace

commit::StoreWork& work_of(Job& job) {
  if (auto* opening = std::get_if<OpenPartitionJob>(&job)) return *opening->opener;
  return *std::get<std::unique_ptr<commit::Transaction>>(job);
}

Consumer::Consumer(ConsumerSettings settings, telemetry::Logger& logger, ParallelFor workers)
    : settings_(settings),
      logger_(logger),
      availability_(logger),
      assignment_(settings.revoke_timeout),
      dispatch_(std::move(workers)),
      scheduler_(settings.commits, settings.topic),
      retry_(logger),
      backpressure_(settings.backlog) {}

// Events of the log.

void Consumer::on_log_events(std::span<const LogEvent> events, Now now) {
  if (finished_) return;
  update_clock(now);
  for (const LogEvent& event : events) {
    if (const auto* records = std::get_if<Records>(&event)) {
      add_records(*records);
      continue;
    }
    dispatch_.run({.wall = now.wall, .settled = settled_});  // before the event destroys a Partition
    if (const auto* assigned = std::get_if<Assigned>(&event)) assignment_.on_assigned(*assigned, now.mono);
    if (const auto* revoked = std::get_if<Revoked>(&event)) assignment_.on_revoked(*revoked, now.mono);
    if (const auto* lost = std::get_if<Lost>(&event)) assignment_.on_lost(*lost);
    if (const auto* position = std::get_if<OffsetOutOfRange>(&event)) on_offset_out_of_range(*position, now);
  }
  dispatch_.run({.wall = now.wall, .settled = settled_});
}

void Consumer::update_clock(Now now) {
  const SettledClock::Reading read = clock_.read(now);
  settled_ = read.settled;
  if (std::chrono::abs(read.step) < clock_step_min) return;
  assignment_.on_clock_step(read.step);
  if (std::chrono::abs(read.step) < logged_clock_step_min) return;
  logger_.warn(
      "the wall clock was stepped; the ages of unread records are unchanged",
      {{"by_seconds", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(read.step).count())},
       {"retention_time", activity::format_rfc3339(settled_)}});
}

void Consumer::add_records(const Records& records) {
  const AssignedPartition* const assigned = assignment_.find(records.partition);
  if (assigned == nullptr || assigned->state != AssignedPartition::State::open) return;
  // Records that are ignored here are read again by the next owner or by the next process.
  if (stopping_ || assigned->revoke_by) return;
  dispatch_.add(records, *assigned->partition);
}

// ON_OFFSET_GONE is applied by the new opening. An opening that is in progress will seek anyway.
void Consumer::on_offset_out_of_range(const OffsetOutOfRange& event, Now now) {
  AssignedPartition* const assigned = assignment_.find(event.partition);
  if (assigned == nullptr || assigned->state != AssignedPartition::State::open) return;
  ++status_.offsets_out_of_range;
  logger_.warn("the read position is no longer in the log; the partition is opened again",
               {{"partition", std::to_string(event.partition)},
                {"position", std::to_string(assigned->partition->position())}});
  assignment_.reopen(*assigned, now.mono);
}

void Consumer::on_poll_failed(const Error& why) {
  if (why.kind == ErrorKind::internal) return exit(1, why);
  availability_.on_log_failed(why);
}

// Opening of partitions.

void Consumer::start_openings(Now now) {
  if (stopping_) return;
  for (auto& [partition, assigned] : assignment_.partitions()) {
    const bool due = assigned.state == AssignedPartition::State::waiting && assigned.open_at <= now.mono;
    if (!due || assigned.revoke_by) continue;
    assigned.state = AssignedPartition::State::opening;
    const PartitionOpenerSettings settings{settings_.topic, settings_.dedupe, settings_.on_offset_gone};
    assigned.opener = std::make_unique<PartitionOpener>(partition, settings, now.wall);
    continue_opening(partition, assigned, now);
  }
}

void Consumer::continue_opening(std::int32_t partition, AssignedPartition& assigned, Now now) {
  if (const std::optional<LogQuery> query = assigned.opener->next_log_query()) {
    // The consumer's thread asks the log.
    commands_.push_back(QueryLog{partition, assigned.generation, *query});
    return;
  }
  if (assigned.opener->is_done()) return on_opening_done(partition, assigned, now);
  // The writer's thread asks the store.
  commands_.push_back(Execute{OpenPartitionJob{partition, assigned.generation, std::move(assigned.opener)}});
}

void Consumer::on_log_query_result(std::int32_t partition, std::uint64_t generation,
                                   Result<LogQueryResult> found, Now now) {
  AssignedPartition* const assigned = assignment_.find(partition, generation);
  if (finished_ || assigned == nullptr) return;
  if (!found) {
    on_poll_failed(found.error());
    return on_opening_failed(partition, *assigned, found.error(), now);
  }
  assigned->opener->on_log_query_result(*found);
  continue_opening(partition, *assigned, now);
}

void Consumer::defer(const QueryLog& query, Now now) {
  AssignedPartition* const assigned = assignment_.find(query.partition, query.generation);
  if (finished_ || assigned == nullptr) return;
  assignment_.reopen(*assigned, now.mono);
}

void Consumer::on_seek_failed(std::int32_t partition, const Error& why, Now now) {
  AssignedPartition* const assigned = assignment_.find(partition);
  if (finished_ || assigned == nullptr) return;
  on_poll_failed(why);
  on_opening_failed(partition, *assigned, why, now);
}

void Consumer::on_opening_failed(std::int32_t partition, AssignedPartition& assigned, const Error& why,
                                 Now now) {
  // Exit codes: 1 for a log or store that cannot be trusted, 2 for a configuration that cannot work.
  if (why.kind == ErrorKind::internal) return exit(1, why);
  if (why.code == "another_group") return exit(2, why);
  const bool needs_operator = why.kind == ErrorKind::invalid;
  // One line, however long it takes; and another one once an operator is needed.
  if (!assigned.open_retries.is_failing() || (needs_operator && !assigned.needs_operator))
    logger_.warn(needs_operator ? "a partition cannot be opened until an operator acts; it is retried"
                                : "a partition cannot be opened yet; it is retried",
                 {{"partition", std::to_string(partition)}, {"reason", why.text}});
  assigned.needs_operator = needs_operator;
  assigned.reason = why.text;
  assignment_.reopen(assigned, now.mono + assigned.open_retries.after_failure());
}

void Consumer::on_opening_done(std::int32_t partition, AssignedPartition& assigned, Now now) {
  const std::unique_ptr<PartitionOpener> opener = std::move(assigned.opener);
  if (opener->failure()) {
    // If other partitions are open, the store works, and an invalid row concerns this partition alone.
    const bool others_are_open = std::ranges::any_of(
        assignment_.partitions(), [](const auto& entry) { return entry.second.partition != nullptr; });
    if (opener->failure()->kind != ErrorKind::invalid || !others_are_open)
      availability_.on_store_failed(*opener->failure());
    return on_opening_failed(partition, assigned, *opener->failure(), now);
  }
  assigned.open_retries.on_success();
  assigned.needs_operator = false;
  if (!retry_.is_failing()) availability_.on_store_answered();
  if (opener->refusal()) {
    assigned.state = AssignedPartition::State::refused;
    assigned.reason = *opener->refusal();
    logger_.error("a partition is not read (ON_OFFSET_GONE=stop)",
                  {{"partition", std::to_string(partition)}, {"reason", assigned.reason}});
    return;
  }
  if (opener->warning()) logger_.warn(*opener->warning(), {{"partition", std::to_string(partition)}});
  set_open(partition, assigned, opener->take_opened(), now);
}

void Consumer::set_open(std::int32_t partition, AssignedPartition& assigned, OpenedPartition opened,
                        Now now) {
  logger_.info("partition opened", {{"partition", std::to_string(partition)},
                                    {"next_offset", std::to_string(opened.ledger.next_offset)},
                                    {"read_from", std::to_string(opened.read_from)}});
  // Before the seek the log yields no record of the partition.
  commands_.push_back(SeekTo{partition, opened.read_from});
  const PartitionSettings settings{.topic = settings_.topic,
                                   .dlq_enabled = settings_.dlq_enabled,
                                   .dedupe = opened.dedupe,
                                   .minute_retention = settings_.commits.retention.minute,
                                   .dimensions = settings_.dimensions,
                                   .event_bytes_max = settings_.event_bytes_max,
                                   .schemas = settings_.schemas,
                                   .trace_records = settings_.trace_records,
                                   .batch = scheduler_.batch_bounds()};
  assigned.state = AssignedPartition::State::open;
  assigned.reason.clear();
  assigned.partition = std::make_unique<Partition>(std::move(opened), settings, now.mono);
  assigned.observed_at = now.mono;
}

// Transactions.

void Consumer::on_job_done(Job job, Now now) {
  if (finished_) return;
  if (auto* transaction = std::get_if<std::unique_ptr<commit::Transaction>>(&job))
    return on_transaction_done(std::move(*transaction), now);
  auto& opening = std::get<OpenPartitionJob>(job);
  AssignedPartition* const assigned = assignment_.find(opening.partition, opening.generation);
  if (assigned == nullptr) return;
  assigned->opener = std::move(opening.opener);
  continue_opening(opening.partition, *assigned, now);
}

void Consumer::on_transaction_done(std::unique_ptr<commit::Transaction> transaction, Now now) {
  in_progress_ = false;
  if (transaction->was_in_doubt()) ++status_.commits_in_doubt;
  for (const commit::PartitionCommit& commit : transaction->commits())
    apply_result(commit, *transaction, now);
  if (transaction->failure()) return on_transaction_failed(std::move(transaction), now);

  scheduler_.on_committed(kind_, now.mono);
  if (transaction->has_more_to_prune()) scheduler_.prune_again(assignment_.partitions(), now.mono);
  availability_.on_committed(retry_.is_failing());
  retry_.on_committed();
  status_.store_latency = std::chrono::ceil<std::chrono::milliseconds>(now.mono - started_at_);
  if (kind_ == CommitScheduler::Kind::flush) status_.flush_durations.add(now.mono - started_at_);
  const std::int64_t offsets = status_.count(*transaction, kind_, now);
  const commit::Traces& traces = transaction->plan().counted().traces;
  if (offsets > 0) commands_.push_back(FlushDone{offsets, now.wall, started_at_, now.mono, traces});
}

// Applies the transaction's result to one of its partitions.
void Consumer::apply_result(const commit::PartitionCommit& commit, const commit::Transaction& transaction,
                            Now now) {
  AssignedPartition* const assigned = assignment_.find(commit.partition(), commit.generation);
  if (assigned == nullptr) return;
  if (commit.result == commit::CommitResult::open) return;  // the transaction failed and may be repeated
  assigned->in_transaction = false;
  const std::string partition = std::to_string(commit.partition());
  if (commit.result == commit::CommitResult::superseded) {
    ++status_.fence_failures;
    logger_.warn("another process wrote the partition's ledger row; the partition is opened again",
                 {{"partition", partition}});
    return assignment_.reopen(*assigned, now.mono + fence_failure_delay);
  }
  if (commit.result == commit::CommitResult::in_doubt) {
    logger_.warn("the outcome of a commit is unknown; the partition is opened again",
                 {{"partition", partition}});
    return assignment_.reopen(*assigned, now.mono);
  }
  // Written. After a doubtful commit the Partition object may disagree with the row, so it is opened again.
  commands_.push_back(StoreOffset{commit.partition(), commit.after.next_offset});
  if (transaction.was_in_doubt()) return assignment_.reopen(*assigned, now.mono);
  assigned->partition->on_committed(commit.after);
  assigned->partition->on_minutes_written(transaction.plan().pending_minutes(commit.partition()), now.mono);
  assigned->partition->on_minutes_rolled_up(transaction.plan().rolled_up_minutes(commit.partition()));
}

void Consumer::on_transaction_failed(std::unique_ptr<commit::Transaction> transaction, Now now) {
  const Error& why = *transaction->failure();
  if (why.kind == ErrorKind::internal) return exit(1, why);
  availability_.on_store_failed(why);
  if (!retry_.schedule(transaction, now.mono)) on_transaction_abandoned(*transaction, now);
}

void Consumer::on_transaction_abandoned(const commit::Transaction& transaction, Now now) {
  ++status_.transactions_abandoned;
  scheduler_.on_timeout(transaction.plan().size(), assignment_.partitions());
  for (const commit::PartitionCommit& commit : transaction.commits()) {
    AssignedPartition* const assigned = assignment_.find(commit.partition(), commit.generation);
    if (assigned == nullptr) continue;
    // A flush took batches out of the Partition objects; a roll-up took nothing.
    if (kind_ == CommitScheduler::Kind::roll_up && !transaction.was_in_doubt())
      assigned->in_transaction = false;
    else
      assignment_.reopen(*assigned, now.mono);
  }
}

void Consumer::start_transaction(Now now) {
  if (in_progress_) return;
  if (const std::optional<MonoTime> due_at = retry_.due_at()) {
    if (now.mono < *due_at) return;
    std::unique_ptr<commit::Transaction> transaction = retry_.take();
    assignment_.leave_out_stale(*transaction);
    transaction->run_again(settled_);
    return execute(std::move(transaction), now);
  }
  // A stop or a revoke does not wait for the flush interval.
  const bool at_once = stopping_ || assignment_.has_revoked();
  std::optional<CommitScheduler::Scheduled> scheduled =
      scheduler_.next(assignment_.partitions(), now, settled_, at_once);
  if (!scheduled) {
    finished_ = stopping_ && !assignment_.has_unwritten();
    return;
  }
  kind_ = scheduled->kind;
  execute(std::move(scheduled->transaction), now);
}

void Consumer::execute(std::unique_ptr<commit::Transaction> transaction, Now now) {
  in_progress_ = true;
  started_at_ = now.mono;
  commands_.push_back(Execute{std::move(transaction)});
}

// Dead letters.

void Consumer::send_dlq_copies(Now now) {
  std::vector<DeadLetterTopic::Copy> copies = assignment_.take_dlq_copies(now);
  if (!copies.empty()) commands_.push_back(WriteToDlq{std::move(copies)});
}

void Consumer::on_dlq_result(const DeadLetterTopic::CopyResult& result, Now now) {
  const AssignedPartition* const assigned =
      assignment_.find(result.ticket.partition, result.ticket.generation);
  if (finished_ || assigned == nullptr) return;
  Partition& partition = *assigned->partition;
  const bool was_failing = partition.pending_dlq_writes().is_failing();
  partition.on_dlq_result(result.ticket.offset, result.failure, now.mono);
  if (was_failing == partition.pending_dlq_writes().is_failing()) return;
  const std::string number = std::to_string(result.ticket.partition);
  if (was_failing)
    return logger_.info("the dead letter topic acknowledges copies again", {{"partition", number}});
  logger_.warn("the dead letter topic does not acknowledge copies; their batch is not flushed until it does",
               {{"partition", number}, {"reason", partition.pending_dlq_writes().reason()}});
}

// Ticks.

void Consumer::tick(Now now) {
  if (finished_) return;
  update_clock(now);
  scheduler_.note_pending(assignment_.partitions(), now.mono);
  start_openings(now);
  send_dlq_copies(now);
  release_revoked(now);
  draining_ = stopping_;
  start_transaction(now);
  update_pauses();
  ever_all_opened_ = ever_all_opened_ || assignment_.all_opened();
}

void Consumer::release_revoked(Now now) {
  std::vector<std::int32_t> released = assignment_.take_releasable(now.mono, retry_.is_failing());
  if (!released.empty()) commands_.push_back(Release{std::move(released)});
}

void Consumer::update_pauses() {
  for (const Backpressure::Change& change :
       backpressure_.update(assignment_.partitions(), retry_.is_exhausted(), stopping_))
    commands_.push_back(change.pause ? Command(Pause{change.partition}) : Command(Resume{change.partition}));
}

MonoTime Consumer::next_deadline(Now now) {
  MonoTime at = now.mono + tick_interval_max;
  for (const auto& [partition, assigned] : assignment_.partitions()) {
    if (assigned.revoke_by) at = std::min(at, *assigned.revoke_by);
    if (assigned.state == AssignedPartition::State::waiting && !stopping_)
      at = std::min(at, assigned.open_at);
    if (assigned.partition)
      at = std::min(at, assigned.partition->pending_dlq_writes().retry_at().value_or(at));
  }
  if (in_progress_) return at;
  if (const std::optional<MonoTime> due_at = retry_.due_at()) return std::min(at, *due_at);
  // While draining, everything that is left waits for the dead letter topic.
  if (stopping_) return draining_ ? at : now.mono;
  return std::min(at, scheduler_.next_deadline(assignment_.partitions(), now.mono));
}

void Consumer::exit(int exit_code, Error why) {
  if (finished_) return;
  finished_ = true;
  logger_.error("the consumer cannot go on", {{"code", std::string(why.code)}, {"reason", why.text}});
  commands_.push_back(Exit{exit_code, std::move(why)});
}

Status Consumer::status() const {
  Status status = status_;
  const bool catching_up = status.add_partitions(assignment_.partitions());
  status.phase = finished_                   ? Phase::stopped
                 : stopping_                 ? Phase::draining
                 : !assignment_.all_opened() ? (ever_all_opened_ ? Phase::opening : Phase::starting)
                 : catching_up               ? Phase::catching_up
                                             : Phase::live;
  availability_.add_to(status);
  status.paused = backpressure_.is_paused();
  status.pauses = backpressure_.pauses();
  status.partitions_assigned = assignment_.counts().assigned;
  status.partitions_revoked = assignment_.counts().revoked;
  status.partitions_lost = assignment_.counts().lost;
  return status;
}

}  // namespace weir::consumer
