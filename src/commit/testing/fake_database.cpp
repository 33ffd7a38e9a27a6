#include "commit/testing/fake_database.hpp"

#include <algorithm>

namespace weir::commit {

DeadLetterId id_in_topic(std::int32_t partition, std::int64_t offset) {
  return {FakeTables::topic, partition, offset};
}

tally::LedgerRow new_ledger(std::int32_t partition, std::int64_t start_offset, WallTime now) {
  tally::LedgerRow row{.partition = partition, .start_offset = start_offset, .next_offset = start_offset};
  row.observed.log_end_offset = start_offset;
  row.observed.observed_at = row.updated_at = now;
  return row;
}

bool FakeDatabase::matches(const Fence& fence) const {
  const auto found = ledgers.find(fence.partition);
  return found != ledgers.end() && (bugs.no_fence || fence_of(found->second) == fence);
}

bool FakeDatabase::matches_version(const Fence& fence) const {
  const auto found = ledgers.find(fence.partition);
  return found != ledgers.end() && (bugs.no_fence || (found->second.next_offset == fence.next_offset &&
                                                      found->second.version == fence.version));
}

void FakeDatabase::apply(const Changes& changes) {
  for (const tally::WindowRow& row : changes.windows) {
    Window& window = windows[row.key];
    std::string users = row.users_changed ? row.users : std::move(window.row.users);
    window = {row, changes.written_at};
    window.row.users = std::move(users);
  }
  for (const PendingRollup& minute : changes.pending_rollups) pending_rollups.insert(minute);
  for (const PendingRollup& minute : changes.rolled_up) pending_rollups.erase(minute);
  for (const HorizonRaise& raise : changes.horizons) {
    WallTime& horizon = pruned_to[static_cast<std::size_t>(raise.granularity)];
    horizon = std::max(horizon, raise.pruned_to);
  }
  for (const DeadLetter& dead_letter : changes.dead_letters)
    dead_letters[id_in_topic(dead_letter.partition, dead_letter.offset)] = {.dead_letter = dead_letter,
                                                                            .replayed_at = {}};
  for (const DeadLetterId& source : changes.replayed)
    dead_letters.at(source).replayed_at = changes.written_at;
  for (const auto& [source, times] : changes.failed_replays) dead_letters.at(source).attempts += times;
  if (changes.flush) flushes.push_back(*changes.flush);
  for (const tally::LedgerRow& row : changes.ledgers) {
    const std::int64_t start_offset = ledgers[row.partition].start_offset;
    ledgers[row.partition] = row;
    ledgers[row.partition].start_offset = start_offset;
  }
  for (const Prune& each : changes.prunes) prune(each);
  if (changes.prune_flushes_before) prune_flushes(*changes.prune_flushes_before);
  on_commit(changes);
}

tally::LedgerRow FakeDatabase::apply(const LedgerArchival& archival) {
  const std::int32_t partition = archival.seen.partition;
  tally::LedgerRow fresh = new_ledger(partition, archival.start_offset, archival.now);
  fresh.version = archival.seen.version + 1;
  archived[{archival.as_topic, partition}] = std::exchange(ledgers.at(partition), fresh);
  const auto first = dead_letters.lower_bound(id_in_topic(partition, 0));
  const auto last = dead_letters.lower_bound(id_in_topic(partition + 1, 0));
  std::map<DeadLetterId, DeadLetterRow> renamed;
  for (auto at = first; at != last; ++at)
    renamed[{archival.as_topic, partition, at->first.offset}] = at->second;
  dead_letters.erase(first, last);
  dead_letters.merge(renamed);
  on_archive(archival, fresh);
  return fresh;
}

std::vector<WindowStart> FakeDatabase::windows_to_prune(const Prune& prune, bool& has_more) const {
  struct Candidate {
    bool is_old = true;
    std::int64_t rows = 0;
  };
  // The windows of this partition, oldest first.
  std::map<WindowStart, Candidate> known;
  for (const auto& [key, window] : windows) {
    if (key.partition != prune.partition || key.granularity != prune.granularity) continue;
    const bool ended = WallTime(tally::window_end(key.granularity, key.start)) <= prune.before;
    const bool rolled = key.granularity != tally::Granularity::minute ||
                        !pending_rollups.contains(PendingRollup{key.partition, key.start});
    Candidate& one = known[key.start];
    const bool quiet = window.written_at <= prune.before || window.written_at > prune.now;
    one.is_old = one.is_old && ended && rolled && quiet;
    if (key.dimension != tally::Dimension::total) continue;
    one.rows = window.row.stored.rows_max();
  }
  std::vector<WindowStart> taken;
  std::int64_t rows = 0;
  for (const auto& [start, one] : known) {
    if (!one.is_old) continue;
    has_more = rows >= prune.rows_max;
    if (has_more) break;
    rows += one.rows;
    taken.push_back(start);
  }
  return taken;
}

bool FakeDatabase::has_more_than(const Prune& prune) const {
  bool has_more = false;
  (void)windows_to_prune(prune, has_more);
  return has_more;
}

void FakeDatabase::prune(const Prune& prune) {
  bool has_more = false;
  for (const WindowStart start : windows_to_prune(prune, has_more)) {
    ++windows_pruned;
    std::erase_if(windows, [&](const auto& entry) {
      const tally::WindowKey& key = entry.first;
      return key.partition == prune.partition && key.granularity == prune.granularity && key.start == start;
    });
    WallTime& horizon = pruned_to[static_cast<std::size_t>(prune.granularity)];
    horizon = std::max(horizon, WallTime(tally::window_end(prune.granularity, start)));
  }
}

void FakeDatabase::prune_flushes(WallTime before) {
  std::erase_if(flushes, [&](const FlushRow& row) {
    const bool old = row.timestamp < before;
    flushes_pruned += old ? 1 : 0;
    page_views_pruned += old ? row.page_view_count : 0;
    return old;
  });
}

void FakeDatabase::unlock(std::uint64_t transaction) {
  const auto is_held = [&](const auto& lock) { return lock.second == transaction; };
  std::erase_if(locks_, is_held);
  std::erase_if(dead_letter_locks_, is_held);
}

void FakeDatabase::resolve_in_doubt(bool applied) {
  for (const CommitInDoubt& each : std::exchange(in_doubt_, {})) {
    if (applied) apply(each.changes);
    unlock(each.transaction);
  }
}

void FakeDatabase::fall_back_to(const FakeTables& earlier) {
  locks_.clear();
  dead_letter_locks_.clear();
  in_doubt_.clear();
  static_cast<FakeTables&>(*this) = earlier;
}

}  // namespace weir::commit
