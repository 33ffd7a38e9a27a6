// What holds the consumer up: copies of dead letters that are to end well first, too much that waits, and
// transactions that take the store too long.
#include <algorithm>
#include <utility>

#include "consumer/consumer.hpp"

namespace weir::consumer {
namespace {

constexpr int timeouts_max = 3;  // of one transaction in a row

}  // namespace

// Copies of dead letters.

void Consumer::send_copies(Now now) {
  for (auto& [partition, slot] : slots_) {
    if (!slot.partition) continue;
    std::vector<DeadLetterTopic::Copy> copies = slot.partition->copies_to_send(now);
    if (copies.empty()) continue;
    for (DeadLetterTopic::Copy& copy : copies) copy.ticket.generation = slot.generation;
    commands_.push_back(WriteToDlq{std::move(copies)});
  }
}

void Consumer::on_dlq_result(const DeadLetterTopic::CopyResult& ended, Now now) {
  const auto at = slots_.find(ended.ticket.partition);
  if (finished_ || at == slots_.end() || at->second.generation != ended.ticket.generation) return;
  Partition& partition = *at->second.partition;
  const bool was_failing = partition.uncopied().failing();
  partition.on_dlq_result(ended.ticket.offset, ended.failure, now.mono);
  if (was_failing == partition.uncopied().failing()) return;
  const std::string number = std::to_string(ended.ticket.partition);
  if (was_failing) return logger_.info("dead letters are copied again", {{"partition", number}});
  logger_.warn("dead letters cannot be copied: what has them is not written until they are",
               {{"partition", number}, {"reason", partition.uncopied().reason()}});
}

// Pauses.

bool Consumer::is_overfull(const commit::Backlog& load, bool was, std::int64_t divided_by) const {
  // Once over a bound, everything must have sunk to half of its bound: not to pause and resume with each
  // record.
  const std::int64_t share = divided_by * (was ? 2 : 1);
  const auto size_share = static_cast<std::size_t>(share);
  return load.events >= settings_.waiting_events_max / share ||
         load.dead_letters >= settings_.waiting_dead_letters_max / size_share ||
         load.dead_letter_bytes >= settings_.waiting_dead_letter_bytes_max / size_share ||
         load.tally_bytes >= settings_.waiting_tally_bytes_max / size_share;
}

void Consumer::update_pauses() {
  const auto held =
      std::ranges::count_if(slots_, [](const auto& entry) { return entry.second.partition != nullptr; });
  commit::Backlog flowing;
  for (auto& [partition, slot] : slots_) {
    if (!slot.partition) continue;
    // What waits for its letters' copies is bounded for itself, or one partition would hold up the others:
    // all that can wait so take half as much again.
    if (slot.partition->held_up()) {
      slot.overfull = is_overfull(slot.partition->waiting(), slot.overfull, 2 * held);
      continue;
    }
    slot.overfull = false;
    flowing += slot.partition->waiting();
  }
  overfull_ = is_overfull(flowing, overfull_, 1);

  const bool was_paused = std::exchange(status_.paused, overfull_ || retries_.exhausted());
  if (status_.paused && !was_paused) ++status_.pauses;
  for (auto& [partition, slot] : slots_) {
    const bool pause =
        status_.paused || stopping_ || slot.revoke_by || slot.overfull || slot.state == Slot::State::refused;
    if (slot.paused == pause) continue;
    slot.paused = pause;
    if (pause)
      commands_.push_back(Pause{partition});
    else
      commands_.push_back(Resume{partition});
  }
}

// Transactions that take too long.

// Whether a transaction that the store ended, because it took too long, is not to be tried again as it is:
// smaller steps were of no use. A store that does not answer at all is waited for.
bool Consumer::is_given_up(commit::Transaction& transaction) {
  const Error& why = *transaction.failure();
  const commit::RowBounds size = transaction.plan().size();
  ++timeouts_;
  if (why.code == commit::code_response_timeout || timeouts_ < timeouts_max) {
    const bool smaller = transaction.shrink_steps();
    logger_.warn(
        smaller ? "a transaction took the metrics store too long; it is tried again in smaller steps"
                : "a transaction took the metrics store too long; it is tried again",
        {{"code", std::string(why.code)}, {"reason", why.text}, {"rows", std::to_string(size.rows)}});
    return false;
  }
  logger_.warn(
      "a transaction took the metrics store too long, in small steps, too; its events are read again and "
      "written in smaller transactions",
      {{"code", std::string(why.code)}, {"reason", why.text}, {"rows", std::to_string(size.rows)}});
  return true;
}

void Consumer::give_up(const commit::Transaction& transaction, Now now) {
  timeouts_ = 0;
  ++status_.transactions_given_up;
  retries_.succeeded();  // nothing is left to be tried again, so nothing would end a pause
  agenda_.took_too_long(transaction.plan().size(), slots_);
  for (const commit::PartitionCommit& claim : transaction.commits()) {
    const auto at = slots_.find(claim.partition());
    if (at == slots_.end() || at->second.generation != claim.generation) continue;
    // A roll-up took nothing out of the partition's object.
    if (kind_ == CommitScheduler::Kind::roll_up && !transaction.was_in_doubt())
      at->second.in_transaction = false;
    else
      reopen(at->second, now.mono);
  }
}

}  // namespace weir::consumer
