#include "consumer/consumer.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace weir::consumer {
namespace {

// Somebody else wrote our partition's account: let the log's group settle who owns it, do not fight.
constexpr std::chrono::milliseconds reopen_delay{200};

constexpr std::chrono::seconds wake_max{1};

// Fewer are taken before another thread is awake (bench/drain_bench.cpp).
constexpr std::size_t shared_records_min = 512;

}  // namespace

commit::StoreWork& work_of(Job& job) {
  if (auto* opening = std::get_if<OpenPartitionJob>(&job)) return *opening->opening;
  return *std::get<std::unique_ptr<commit::Transaction>>(job);
}

Consumer::Consumer(ConsumerSettings settings, telemetry::Logger& logger, ParallelFor workers)
    : settings_(settings),
      logger_(logger),
      workers_(std::move(workers)),
      decoders_(workers_.count),
      agenda_(settings.agenda, settings.topic) {}

// Partitions come and go.

void Consumer::on_log_events(std::span<const LogEvent> events, Now now) {
  if (finished_) return;
  read_settled_clock(now);
  std::vector<Reading> readings;
  for (const LogEvent& event : events) {
    if (const auto* read = std::get_if<Records>(&event)) {
      gather(*read, readings);
      continue;
    }
    take(std::exchange(readings, {}), now.wall);  // before their objects may be dropped
    if (const auto* given = std::get_if<Assigned>(&event)) assigned(*given, now);
    if (const auto* wanted = std::get_if<Revoked>(&event)) revoked(*wanted, now);
    if (const auto* gone = std::get_if<Lost>(&event)) lost(*gone);
    if (const auto* astray = std::get_if<OffsetOutOfRange>(&event)) misplaced(*astray, now);
  }
  take(std::move(readings), now.wall);
}

void Consumer::assigned(const Assigned& event, Now now) {
  ever_assigned_ = true;
  for (const std::int32_t partition : event.partitions) {
    Slot& slot = slots_[partition];
    slot = Slot();
    slot.generation = ++last_generation_;
    slot.open_at = now.mono;
    ++status_.partitions_assigned;
  }
}

void Consumer::revoked(const Revoked& event, Now now) {
  for (const std::int32_t partition : event.partitions) {
    const auto found = slots_.find(partition);
    if (found == slots_.end()) continue;
    found->second.revoke_by = now.mono + settings_.revoke_patience;
    ++status_.partitions_revoked;
  }
  // Released at the next tick, when all that was told with this is known: it may be lost and ours again by
  // then.
}

void Consumer::lost(const Lost& event) {
  for (const std::int32_t partition : event.partitions) {
    status_.partitions_lost += static_cast<std::int64_t>(slots_.erase(partition));
  }
}

void Consumer::gather(const Records& event, std::vector<Reading>& readings) {
  const auto found = slots_.find(event.partition);
  if (found == slots_.end() || found->second.state != Slot::State::held) return;
  // What is not taken now is read again by the next owner, or after the next start.
  if (stopping_ || found->second.revoke_by) return;
  Partition* const partition = found->second.partition.get();
  auto reading = std::ranges::find(readings, partition, &Reading::partition);
  if (reading == readings.end()) reading = readings.insert(reading, Reading{partition, {}, 0});
  reading->pieces.push_back(&event);
  reading->records += event.records.size();
}

void Consumer::take(std::vector<Reading> readings, WallTime wall) {
  const ReadAt at{.wall = wall, .settled = settled_};
  const Task task = [&](std::size_t worker, std::size_t which) {
    for (const Records* piece : readings[which].pieces)
      readings[which].partition->take(*piece, decoders_[worker], at);
  };
  std::size_t records = 0;
  for (const Reading& reading : readings) records += reading.records;
  if (workers_.count == 1 || records < shared_records_min) return ParallelFor().run(readings.size(), task);
  std::ranges::sort(readings, std::greater(), &Reading::records);  // the longest first, or all wait for it
  workers_.run(readings.size(), task);
}

// The opening judges what is to become of it (ON_OFFSET_GONE). While one is under way, its seek is still to
// come.
void Consumer::misplaced(const OffsetOutOfRange& event, Now now) {
  const auto found = slots_.find(event.partition);
  if (found == slots_.end() || found->second.state != Slot::State::held) return;
  ++status_.partitions_misplaced;
  logger_.warn("the log no longer has what was to be read next: the partition is opened anew",
               {{"partition", std::to_string(event.partition)},
                {"position", std::to_string(found->second.partition->position())}});
  reopen(found->second, now.mono);
}

void Consumer::drop(Slot& slot) {
  slot.generation = ++last_generation_;
  slot.opening.reset();
  slot.partition.reset();
  slot.in_transaction = false;
}

void Consumer::reopen(Slot& slot, MonoTime at) {
  drop(slot);
  slot.state = Slot::State::waiting;
  slot.open_at = at;
}

// PartitionOpener.

void Consumer::begin_opening(std::int32_t partition, Slot& slot, Now now) {
  slot.state = Slot::State::opening;
  const PartitionOpenerSettings rules{settings_.topic, settings_.dedupe, settings_.on_offset_gone};
  slot.opening = std::make_unique<PartitionOpener>(partition, rules, now.wall);
  go_on_opening(partition, slot, now);
}

void Consumer::go_on_opening(std::int32_t partition, Slot& slot, Now now) {
  if (const std::optional<LogQuery> survey = slot.opening->survey()) {
    commands_.push_back(QueryLog{partition, slot.generation, *survey});
    return;
  }
  if (slot.opening->done()) return opened(partition, slot, now);
  commands_.push_back(Execute{OpenPartitionJob{partition, slot.generation, std::move(slot.opening)}});
}

void Consumer::surveyed(std::int32_t partition, std::uint64_t generation, Result<LogQueryResult> found,
                        Now now) {
  const auto at = slots_.find(partition);
  if (finished_ || at == slots_.end() || at->second.generation != generation) return;
  if (!found) {
    log_failed(found.error());
    return opening_failed(partition, at->second, found.error(), now);
  }
  at->second.opening->surveyed(*found);
  go_on_opening(partition, at->second, now);
}

void Consumer::defer(const QueryLog& ask, Now now) {
  const auto at = slots_.find(ask.partition);
  if (finished_ || at == slots_.end() || at->second.generation != ask.generation) return;
  reopen(at->second, now.mono);
}

void Consumer::seek_failed(std::int32_t partition, const Error& why, Now now) {
  const auto at = slots_.find(partition);
  if (finished_ || at == slots_.end()) return;
  log_failed(why);
  drop(at->second);
  opening_failed(partition, at->second, why, now);
}

void Consumer::opening_failed(std::int32_t partition, Slot& slot, const Error& why, Now now) {
  if (why.kind == ErrorKind::internal) return exit(1, why);
  if (why.code == "another_group") return exit(2, why);
  const bool needs_a_person = why.kind == ErrorKind::invalid;
  if (!slot.retries.failing() ||
      (needs_a_person && !slot.needs_a_person)) {  // one line, however long it takes
    logger_.warn(needs_a_person ? "a partition cannot be opened and a person must act; it is tried again"
                                : "a partition cannot be opened yet; it is tried again",
                 {{"partition", std::to_string(partition)}, {"reason", why.text}});
  }
  slot.needs_a_person = needs_a_person;
  slot.reason = why.text;
  reopen(slot, now.mono + slot.retries.after_failure());
}

void Consumer::opened(std::int32_t partition, Slot& slot, Now now) {
  const std::unique_ptr<PartitionOpener> opening = std::move(slot.opening);
  if (opening->failure()) {
    // While other partitions are written, the store works, and something about this one alone is wrong.
    const bool others_are_written =
        std::ranges::any_of(slots_, [](const auto& entry) { return entry.second.partition != nullptr; });
    if (opening->failure()->kind != ErrorKind::invalid || !others_are_written)
      store_failed(*opening->failure());
    return opening_failed(partition, slot, *opening->failure(), now);
  }
  slot.retries.succeeded();
  slot.needs_a_person = false;
  if (!retries_.failing()) status_.store_up = true;
  if (opening->refusal()) {
    slot.state = Slot::State::refused;
    slot.reason = *opening->refusal();
    logger_.error("a partition is not read (ON_OFFSET_GONE)",
                  {{"partition", std::to_string(partition)}, {"reason", slot.reason}});
    return;
  }
  if (opening->remark()) logger_.warn(*opening->remark(), {{"partition", std::to_string(partition)}});

  OpenedPartition found = opening->take_opened();
  logger_.info("partition opened", {{"partition", std::to_string(partition)},
                                    {"next_offset", std::to_string(found.ledger.next_offset)},
                                    {"read_from", std::to_string(found.read_from)}});
  commands_.push_back(SeekTo{partition, found.read_from});
  const PartitionRules rules{.topic = settings_.topic,
                             .copy_letters = settings_.copy_letters,
                             .dedupe = found.dedupe,
                             .minute_retention = settings_.agenda.retention.minute,
                             .dimensions = settings_.dimensions,
                             .event_bytes_max = settings_.event_bytes_max,
                             .part = agenda_.part_bounds()};
  slot.state = Slot::State::held;
  slot.reason.clear();
  slot.partition = std::make_unique<Partition>(std::move(found), rules, now.mono);
  slot.observed_at = now.mono;
}

// Writing.

void Consumer::done(Job job, Now now) {
  if (finished_) return;
  if (auto* transaction = std::get_if<std::unique_ptr<commit::Transaction>>(&job))
    return ended(std::move(*transaction), now);
  auto& opening = std::get<OpenPartitionJob>(job);
  const auto at = slots_.find(opening.partition);
  if (at == slots_.end() || at->second.generation != opening.generation) return;
  at->second.opening = std::move(opening.opening);
  go_on_opening(opening.partition, at->second, now);
}

void Consumer::ended(std::unique_ptr<commit::Transaction> transaction, Now now) {
  under_way_ = false;
  if (transaction->was_in_doubt()) ++status_.commits_in_doubt;
  for (const commit::PartitionCommit& claim : transaction->claims()) settle(claim, *transaction, now);
  if (transaction->failure()) return transaction_failed(std::move(transaction), now);

  agenda_.ended(kind_, now.mono);
  if (transaction->has_more_to_prune()) agenda_.prune_again(slots_, now.mono);
  timeouts_ = 0;
  if (retries_.failing()) logger_.info("the store answers again");
  retries_.succeeded();
  status_.store_up = true;
  status_.store_reason.clear();
  status_.store_latency = std::chrono::ceil<std::chrono::milliseconds>(now.mono - run_at_);
  if (kind_ == CommitScheduler::Kind::flush) status_.flush_took.add(now.mono - run_at_);
  const std::int64_t passed = status_.count(*transaction, kind_, now);
  if (passed > 0) commands_.push_back(FlushDone{passed, now.wall});
}

// What a transaction's end means for one of its partitions, if its object is still the one that made the
// claim.
void Consumer::settle(const commit::PartitionCommit& claim, const commit::Transaction& transaction, Now now) {
  const auto at = slots_.find(claim.partition());
  if (at == slots_.end() || at->second.generation != claim.generation) return;
  Slot& slot = at->second;
  if (claim.fate == commit::CommitResult::open) return;  // it is tried again
  slot.in_transaction = false;
  if (claim.fate == commit::CommitResult::elsewhere || claim.fate == commit::CommitResult::in_doubt) {
    if (claim.fate == commit::CommitResult::elsewhere) ++status_.fences_lost;
    logger_.warn(claim.fate == commit::CommitResult::in_doubt
                     ? "the answer to a commit was lost: the partition is opened anew"
                     : "somebody else wrote a partition's account: it is opened anew",
                 {{"partition", std::to_string(claim.partition())}});
    return reopen(slot, claim.fate == commit::CommitResult::in_doubt ? now.mono : now.mono + reopen_delay);
  }
  commands_.push_back(StoreOffset{claim.partition(), claim.after.next_offset});
  if (transaction.was_in_doubt()) return reopen(slot, now.mono);
  slot.partition->advance_to(claim.after);
  slot.partition->touched(transaction.plan().unrolled(claim.partition()), now.mono);
  slot.partition->rolled_up(transaction.plan().rolled(claim.partition()));
}

void Consumer::transaction_failed(std::unique_ptr<commit::Transaction> transaction, Now now) {
  const Error& why = *transaction->failure();
  if (why.kind == ErrorKind::internal) return exit(1, why);
  store_failed(why);
  if (commit::is_timeout(why) && is_given_up(*transaction)) return give_up(*transaction, now);
  const bool was_exhausted = retries_.exhausted();
  try_at_ = now.mono + retries_.after_failure();
  if (retries_.exhausted() && !was_exhausted)
    logger_.error("the store stays away: nothing more is read until it answers", {{"reason", why.text}});
  to_try_again_ = std::move(transaction);
}

void Consumer::store_failed(const Error& why) {
  const bool needs_a_person = why.kind == ErrorKind::invalid;
  if (needs_a_person && (status_.store_up || !status_.store_needs_a_person)) {
    logger_.error("the metrics store refuses to work and a person must act; it is tried again",
                  {{"code", std::string(why.code)}, {"reason", why.text}});
  } else if (status_.store_up) {
    logger_.warn("the store failed; it is tried again",
                 {{"code", std::string(why.code)}, {"reason", why.text}});
  }
  ++status_.store_retries;
  status_.store_needs_a_person = needs_a_person;
  status_.store_up = false;
  status_.store_reason = why.text;
}

void Consumer::start_transaction(Now now) {
  if (under_way_) return;
  if (to_try_again_) {
    if (now.mono < try_at_) return;
    for (const commit::PartitionCommit& claim : to_try_again_->claims()) {
      const auto at = slots_.find(claim.partition());
      if (at == slots_.end() || at->second.generation != claim.generation)
        to_try_again_->leave_out(claim.partition());
    }
    to_try_again_->run_again(settled_);
    return run(std::move(to_try_again_), now);
  }
  const bool revoking =
      std::ranges::any_of(slots_, [](const auto& entry) { return entry.second.revoke_by.has_value(); });
  std::optional<CommitScheduler::Item> item = agenda_.next(slots_, now, settled_, stopping_ || revoking);
  if (!item) {
    const auto waits = [](const auto& entry) {
      return entry.second.partition && entry.second.partition->has_unwritten();
    };
    finished_ = stopping_ && std::ranges::none_of(slots_, waits);
    return;
  }
  kind_ = item->kind;
  run(std::move(item->transaction), now);
}

void Consumer::run(std::unique_ptr<commit::Transaction> transaction, Now now) {
  under_way_ = true;
  run_at_ = now.mono;
  commands_.push_back(Execute{std::move(transaction)});
}

// Giving back.

bool Consumer::ready_to_release(const Slot& slot) const {
  if (slot.state != Slot::State::held || slot.partition->catching_up()) return true;
  if (retries_.failing()) return true;  // the next owner reads again what we could not write
  return !slot.partition->has_unwritten() && !slot.in_transaction;
}

void Consumer::release_revoked(Now now) {
  Release release;
  for (const auto& [partition, slot] : slots_) {
    if (slot.revoke_by && (ready_to_release(slot) || now.mono >= *slot.revoke_by))
      release.partitions.push_back(partition);
  }
  if (release.partitions.empty()) return;
  for (const std::int32_t partition : release.partitions) slots_.erase(partition);
  commands_.push_back(std::move(release));
}

void Consumer::stop() { stopping_ = true; }

void Consumer::exit(int exit_code, Error why) {
  if (finished_) return;
  finished_ = true;
  logger_.error("the consumer cannot go on", {{"code", std::string(why.code)}, {"reason", why.text}});
  commands_.push_back(Exit{exit_code, std::move(why)});
}

void Consumer::tick(Now now) {
  if (finished_) return;
  read_settled_clock(now);
  agenda_.gather(slots_, now.mono);
  for (auto& [partition, slot] : slots_) {
    const bool due = slot.state == Slot::State::waiting && slot.open_at <= now.mono;
    if (due && !stopping_ && !slot.revoke_by) begin_opening(partition, slot, now);
  }
  send_copies(now);
  release_revoked(now);
  draining_ = stopping_;
  start_transaction(now);
  update_pauses();
  ever_open_ = ever_open_ || all_open();
}

MonoTime Consumer::next_deadline(Now now) {
  MonoTime at = now.mono + wake_max;
  for (const auto& [partition, slot] : slots_) {
    if (slot.revoke_by) at = std::min(at, *slot.revoke_by);
    if (slot.state == Slot::State::waiting && !stopping_) at = std::min(at, slot.open_at);
    if (slot.partition) at = std::min(at, slot.partition->uncopied().again_at().value_or(at));
  }
  if (under_way_) return at;
  if (to_try_again_) return std::min(at, try_at_);
  if (stopping_) return draining_ ? at : now.mono;  // all that is left waits for its letters' copies
  return std::min(at, agenda_.next_deadline(slots_, now.mono));
}

// What is told of it.

}  // namespace weir::consumer
