#include "commit/testing/fake_metrics_store.hpp"

#include <algorithm>
#include <iterator>

#include "base/ensure.hpp"
#include "commit/dimension_registration.hpp"

namespace weir::commit {
namespace {

std::unexpected<Error> away() {
  return fail(ErrorKind::unavailable, "store_away", "the fake store does not answer");
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

Result<Fault> FakeMetricsStore::fault_of(StoreStep step) {
  const Fault fault = database_.faults(step);
  if (fault == Fault::broken) {
    end();
    return fail(ErrorKind::internal, "disk_failed", "the fake store's disk failed");
  }
  if (fault == Fault::refused_until_a_person_acts) {
    end();
    return fail(ErrorKind::invalid, "tables_differ", "the fake store has another column");
  }
  return fault;
}

Result<void> FakeMetricsStore::in_transaction(StoreStep step) {
  const Result<Fault> fault = fault_of(step);
  if (!fault) return std::unexpected(fault.error());
  if (*fault != Fault::none) end();
  if (transaction_ == 0) return away();
  return {};
}

void FakeMetricsStore::end() {
  if (transaction_ != 0) database_.unlock(transaction_);
  transaction_ = 0;
  pending_ = {};
  rows_written_ = 0;
  versions_.clear();
}

Result<tally::LedgerRow> FakeMetricsStore::open_ledger(std::int32_t partition, std::int64_t start_offset,
                                                       WallTime now) {
  if (database_.bugs.cache == RowCache::dropped_at_opening) forget(partition);
  Result<Fault> fault = fault_of(StoreStep::open_ledger);
  if (!fault) return propagate(fault);
  if (*fault == Fault::refused || *fault == Fault::lost_before) return away();
  if (!database_.group) database_.group = group_;
  if (*database_.group != group_) {
    return fail(ErrorKind::invalid, "another_group",
                "the ledger belongs to group " + *database_.group + ", not to group " + group_);
  }
  const tally::LedgerRow row =
      database_.ledgers.emplace(partition, new_ledger(partition, start_offset, now)).first->second;
  if (*fault != Fault::none) return away();
  return row;
}

Result<std::vector<std::int64_t>> FakeMetricsStore::find_dead_letters(std::int32_t partition,
                                                                      std::int64_t from, std::int64_t to) {
  Result<Fault> fault = fault_of(StoreStep::find_dead_letters);
  if (!fault) return propagate(fault);
  if (*fault != Fault::none) return away();
  std::vector<std::int64_t> offsets;
  const auto last = database_.dead_letters.lower_bound(id_in_topic(partition, to));
  for (auto at = database_.dead_letters.lower_bound(id_in_topic(partition, from)); at != last; ++at)
    offsets.push_back(at->first.offset);
  return offsets;
}

Result<std::vector<DeadLetterId>> FakeMetricsStore::find_failed_replays() {
  Result<Fault> fault = fault_of(StoreStep::find_failed_replays);
  if (!fault) return propagate(fault);
  if (*fault != Fault::none) return away();
  std::vector<DeadLetterId> found;
  for (const auto& [id, row] : database_.dead_letters)
    if (row.attempts > 1 && !row.replayed_at) found.push_back(id);
  return found;
}

Result<std::vector<WindowStart>> FakeMetricsStore::find_pending_rollups(std::int32_t partition) {
  Result<Fault> fault = fault_of(StoreStep::find_pending_rollups);
  if (!fault) return propagate(fault);
  if (*fault != Fault::none) return away();
  std::vector<WindowStart> minutes;
  for (const PendingRollup& minute : database_.pending_rollups) {
    if (minute.partition == partition) minutes.push_back(minute.start);
  }
  return minutes;
}

bool FakeMetricsStore::would_block(std::span<const Fence> fences) const {
  return std::ranges::any_of(fences, [this](const Fence& fence) {
    const auto lock = database_.locks_.find(fence.partition);
    return lock != database_.locks_.end() && lock->second != transaction_;
  });
}

Result<std::vector<std::int32_t>> FakeMetricsStore::begin(std::span<const Fence> fences) {
  ensure(transaction_ == 0, "a session has one transaction at a time");
  Result<Fault> fault = fault_of(StoreStep::begin);
  if (!fault) return propagate(fault);
  if (*fault != Fault::none || would_block(fences)) return away();
  transaction_ = ++database_.last_transaction_;
  std::vector<std::int32_t> held;
  for (const Fence& fence : fences) {
    const bool known = database_.ledgers.contains(fence.partition);
    if (!database_.matches(fence) && !(resends_ && known)) continue;
    database_.locks_[fence.partition] = transaction_;
    versions_[fence.partition] = fence.version + 1;
    held.push_back(fence.partition);
  }
  resends_ = false;
  return held;
}

// The row as this transaction reads it: its own writes come first.
const tally::WindowRow* FakeMetricsStore::find_window(const tally::WindowKey& key) const {
  const auto mine = std::find_if(pending_.windows.rbegin(), pending_.windows.rend(),
                                 [&](const tally::WindowRow& row) { return row.key == key; });
  if (mine != pending_.windows.rend()) return &*mine;
  if (const auto cached = cache_.find(key); cached != cache_.end()) return &cached->second;
  const auto found = database_.windows.find(key);
  return found == database_.windows.end() ? nullptr : &found->second.row;
}

Result<MetricsStore::WindowRows> FakeMetricsStore::read_windows(std::span<const tally::WindowKey> keys,
                                                                std::size_t bytes_max) {
  Result<void> may = in_transaction(StoreStep::read_windows);
  if (!may) return propagate(may);
  std::vector<tally::WindowRow> rows;
  std::size_t bytes = 0;
  for (const tally::WindowKey& key : keys) {
    const tally::WindowRow* const row = find_window(key);
    if (row == nullptr) continue;
    bytes += row->key.value.size() + row->users.size();
    rows.push_back(*row);
  }
  if (bytes > bytes_max) return WindowRows();
  return rows;
}

Result<PendingRows> FakeMetricsStore::read_pending_rows(std::int32_t partition,
                                                        std::span<const WindowStart> minutes,
                                                        const RowBounds& bounds) {
  Result<void> may = in_transaction(StoreStep::read_pending_rows);
  if (!may) return propagate(may);
  PendingRows found;
  std::size_t bytes = 0;
  for (const WindowStart minute : minutes) {
    std::vector<tally::WindowRow> rows;
    for (const auto& [key, window] : database_.windows) {
      if (key.granularity != tally::Granularity::minute) break;  // minutes sort first
      if (key.partition != partition || key.start != minute) continue;
      const tally::WindowRow& row = *find_window(key);
      if (row.events != row.rolled_events || row.page_views != row.rolled_page_views) rows.push_back(row);
    }
    std::ranges::sort(rows, {}, [](const tally::WindowRow& row) {
      return std::tuple(row.key.dimension, row.arrival_rank, row.key.value);
    });
    for (tally::WindowRow& row : rows) {
      bytes += row.key.value.size() + row.users.size();
      if (!found.rows.empty() && (found.rows.size() == bounds.rows || bytes > bounds.bytes)) return found;
      found.rows.push_back(std::move(row));
    }
    ++found.minutes_read;
  }
  return found;
}

Result<void> FakeMetricsStore::check(const Changes& changes) const {
  for (const tally::LedgerRow& row : changes.ledgers) {
    tally::LedgerRow whole = row;
    whole.start_offset = database_.ledgers.at(row.partition).start_offset;
    if (!whole.adds_up()) return fail(ErrorKind::internal, "ledger_broken", "a ledger row does not add up");
    const auto version = versions_.find(row.partition);
    if (version == versions_.end() || version->second != row.version)
      return fail(ErrorKind::internal, "ledger_broken",
                  "a ledger row has another version than its fence has set");
  }
  for (const DeadLetter& dead_letter : changes.dead_letters) {
    if (database_.dead_letters.contains(id_in_topic(dead_letter.partition, dead_letter.offset)) &&
        !database_.bugs.no_fence)
      return fail(ErrorKind::internal, "dead_letter_exists", "the dead dead_letter exists already");
  }
  const auto is_new = [&](const DeadLetterId& source) {
    return std::ranges::any_of(changes.dead_letters, [&](const DeadLetter& dead_letter) {
      return id_in_topic(dead_letter.partition, dead_letter.offset) == source;
    });
  };
  for (const DeadLetterId& source : changes.replayed) {
    const auto found = database_.dead_letters.find(source);
    if (found == database_.dead_letters.end() ? !is_new(source) : found->second.replayed_at.has_value())
      return fail(ErrorKind::internal, "dead_letter_not_waiting",
                  "the dead dead_letter " + to_text(source) + " does not wait for a replay");
  }
  for (const Changes::FailedReplay& failed : changes.failed_replays) {
    if (!database_.dead_letters.contains(failed.source) && !is_new(failed.source))
      return fail(ErrorKind::internal, "dead_letter_missing",
                  "there is no dead dead_letter " + to_text(failed.source));
  }
  return {};
}

Result<Written> FakeMetricsStore::write(const Changes& changes) {
  Result<void> may = in_transaction(StoreStep::write);
  if (!may) return propagate(may);
  if (Result<void> checked = check(changes); !checked) return propagate(checked);
  const std::size_t rows = changes.windows.size() + changes.dead_letters.size();
  rows_written_ += rows;
  if (rows > database_.rows_in_statement_max) {
    end();
    return fail(ErrorKind::unavailable, code_statement_timeout, "the fake store's statement took too long");
  }
  if (rows_written_ > database_.rows_in_transaction_max) {
    end();
    return fail(ErrorKind::unavailable, code_transaction_timeout,
                "the fake store's transaction took too long");
  }
  if (database_.bugs.ledger_before_rows) {
    Changes early;
    early.ledgers = changes.ledgers;
    database_.apply(early);
  }
  pending_.written_at = changes.written_at;
  append(pending_.windows, changes.windows);
  append(pending_.pending_rollups, changes.pending_rollups);
  append(pending_.rolled_up, changes.rolled_up);
  append(pending_.horizons, changes.horizons);
  append(pending_.dead_letters, changes.dead_letters);
  append(pending_.replayed, changes.replayed);
  append(pending_.failed_replays, changes.failed_replays);
  append(pending_.ledgers, changes.ledgers);
  append(pending_.prunes, changes.prunes);
  if (changes.flush) pending_.flush = changes.flush;
  if (changes.prune_flushes_before) pending_.prune_flushes_before = changes.prune_flushes_before;
  return Written{.more_to_prune = std::ranges::any_of(
                     changes.prunes, [this](const Prune& prune) { return database_.has_more_than(prune); })};
}

CommitOutcome FakeMetricsStore::commit() {
  const Error lost{ErrorKind::unavailable, "commit_unknown", "the response to the commit was lost"};
  const Fault fault = database_.faults(StoreStep::commit);
  if (fault == Fault::broken) {
    end();
    return {CommitStatus::unknown, {ErrorKind::internal, "disk_failed", "the fake store's disk failed"}};
  }
  if (transaction_ == 0 || fault == Fault::refused) {
    end();
    return {CommitStatus::aborted, away().error()};
  }
  if (fault == Fault::in_doubt) {
    database_.in_doubt_.push_back({transaction_, std::move(pending_)});
    // end() must not release its locks.
    transaction_ = 0;
  }
  if (fault == Fault::none || fault == Fault::lost_after) database_.apply(pending_);
  if (fault == Fault::none && caches()) remember(pending_);
  end();
  if (fault == Fault::none) return {CommitStatus::committed, {}};
  resends_ = database_.bugs.resend_without_fence;
  return {CommitStatus::unknown, lost};
}

// Caches the rows as the database has them now.
void FakeMetricsStore::remember(const Changes& committed) {
  for (const tally::WindowRow& row : committed.windows) {
    const auto stands = database_.windows.find(row.key);
    if (stands != database_.windows.end()) cache_[row.key] = stands->second.row;
  }
  if (committed.prunes.empty()) return;
  std::erase_if(cache_, [this](const auto& entry) { return !database_.windows.contains(entry.first); });
}

void FakeMetricsStore::forget(std::int32_t partition) {
  std::erase_if(cache_, [&](const auto& entry) { return entry.first.partition == partition; });
}

Result<bool> FakeMetricsStore::begin_topic(std::span<const PartitionStart> starts, WallTime now) {
  Result<Fault> fault = fault_of(StoreStep::begin_topic);
  if (!fault) return propagate(fault);
  if (*fault == Fault::refused || *fault == Fault::lost_before) return away();
  const bool begins = database_.ledgers.empty();
  if (begins) {
    database_.group = group_;
    for (const PartitionStart& start : starts) {
      tally::LedgerRow row = new_ledger(start.partition, start.next_offset, now);
      row.start_offset = start.start_offset;
      row.skipped = start.next_offset - start.start_offset;
      if (row.skipped > 0) row.counted_from = start.next_offset;
      row.last_record_hash = start.last_record_hash;
      database_.ledgers.emplace(start.partition, row);
    }
  }
  if (*fault != Fault::none) return away();
  return begins;
}

Result<std::vector<tally::CountedDimension>> FakeMetricsStore::register_dimensions(
    std::span<const tally::OwnDimension> wanted, WallTime now) {
  Result<Fault> fault = fault_of(StoreStep::register_dimensions);
  if (!fault) return propagate(fault);
  if (*fault == Fault::refused || *fault == Fault::lost_before) return away();
  auto plan = plan_registration(database_.dimensions, wanted, now);
  if (!plan) return propagate(plan);
  for (tally::KnownDimension& row : plan->to_write) {
    std::erase_if(database_.dimensions, [&](const auto& each) { return each.dimension == row.dimension; });
    database_.dimensions.push_back(std::move(row));
  }
  if (*fault != Fault::none) return away();
  return std::move(plan->counted);
}

bool FakeMetricsStore::would_block(const LedgerArchival& archival) const {
  return would_block(std::span(&archival.seen, 1)) ||
         std::ranges::any_of(database_.dead_letter_locks_, [&](const auto& lock) {
           return lock.first.topic == topic && lock.first.partition == archival.seen.partition;
         });
}

Result<std::optional<tally::LedgerRow>> FakeMetricsStore::archive_ledger(const LedgerArchival& archival) {
  ensure(transaction_ == 0, "a session has one transaction at a time");
  Result<Fault> fault = fault_of(StoreStep::archive_ledger);
  if (!fault) return propagate(fault);
  if (*fault == Fault::refused || *fault == Fault::lost_before) return away();
  if (would_block(archival)) return away();
  std::optional<tally::LedgerRow> fresh;
  if (database_.matches_version(archival.seen) || database_.bugs.archive_unfenced) {
    if (database_.archived.contains({archival.as_topic, archival.seen.partition}))
      return fail(ErrorKind::unavailable, "ledger_archived",
                  "the topic " + archival.as_topic + " has a ledger row already");
    fresh = database_.apply(archival);
  }
  if (*fault != Fault::none) return away();
  return fresh;
}

bool FakeMetricsStore::would_block(std::span<const DeadLetterId> dead_letters) const {
  return std::ranges::any_of(dead_letters, [this](const DeadLetterId& dead_letter) {
    const auto lock = database_.dead_letter_locks_.find(dead_letter);
    return lock != database_.dead_letter_locks_.end() && lock->second != transaction_;
  });
}

Result<std::vector<DeadLetterState>> FakeMetricsStore::lock_dead_letters(
    std::span<const DeadLetterId> dead_letters) {
  Result<void> may = in_transaction(StoreStep::lock_dead_letters);
  if (!may) return propagate(may);
  if (would_block(dead_letters)) {
    end();
    return away();
  }
  std::vector<DeadLetterState> states;
  for (const DeadLetterId& dead_letter : dead_letters) {
    const auto found = database_.dead_letters.find(dead_letter);
    if (found == database_.dead_letters.end()) {
      states.push_back(DeadLetterState::unknown);
      continue;
    }
    database_.dead_letter_locks_[dead_letter] = transaction_;
    states.push_back(found->second.replayed_at ? DeadLetterState::replayed : DeadLetterState::waiting);
  }
  return states;
}

}  // namespace weir::commit
