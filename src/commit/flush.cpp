// The order of steps in one attempt:
//
//   lock dead letters     only if a held batch has replays; the response decides what they count as
//   read, then write      for each group of deltas: [next_, step_end_)
//   changes()             the rows of the last group, and everything that is not a window
//
// A read whose rows exceed the bytes of a step is repeated with half as many deltas. The next steps grow
// again once stored rows are small. One delta alone has no bound of bytes, so every flush makes progress.
#include "commit/flush.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "base/limits.hpp"
#include "tally/merge.hpp"

namespace weir::commit {
namespace {

// shrink_steps() stops here: smaller steps would cost more round trips than they save.
constexpr std::size_t rows_a_step_min = 16;
constexpr std::size_t bytes_a_step_min = 64 * limits::KiB;

using WindowName = std::pair<tally::Granularity, WindowStart>;

// A window is among the rows if its total row is.
std::set<WindowName> windows_in(std::span<const tally::WindowRow> rows) {
  std::set<WindowName> windows;
  for (const tally::WindowRow& row : rows) {
    if (row.key.dimension == tally::Dimension::total) windows.emplace(row.key.granularity, row.key.start);
  }
  return windows;
}

// The upper bound of what the delta adds to the bytes of a row.
std::size_t bytes_of(const tally::WindowDelta& delta) {
  return delta.value.size() + delta.users.encoded_bytes_max();
}

}  // namespace

Flush::Flush(std::vector<PartitionBatch> batches, Pruning pruning, std::string topic, const RowBounds& step)
    : batches_(std::move(batches)), pruning_(std::move(pruning)), topic_(std::move(topic)), step_(step) {}

void Flush::start(std::span<const PartitionCommit> commits) {
  held_.clear();
  for (const PartitionCommit& entry : commits) {
    if (entry.held()) held_.push_back(entry.partition());
  }
  locked_ = false;
  ranges_.clear();
  is_read_ = false;
  next_ = {};
  rows_a_step_ = step_.rows;
  last_rows_.clear();
  counted_ = {};
  sources_.clear();
  settlement_ = {};
  outcomes_.clear();
  rows_.clear();
}

bool Flush::is_held(std::int32_t partition) const {
  return std::ranges::find(held_, partition) != held_.end();
}

const Flush::PartitionBatch* Flush::batch_of(std::int32_t partition) const {
  const auto found = std::ranges::find(batches_, partition, &PartitionBatch::partition);
  return found == batches_.end() ? nullptr : &*found;
}

const tally::Tally& Flush::tally_of(const PartitionBatch& batch) const {
  const auto outcome = outcomes_.find(batch.partition);
  return outcome != outcomes_.end() && outcome->second.tally ? *outcome->second.tally : batch.pending.tally;
}

RowBounds Flush::size() const {
  RowBounds size{.rows = 0, .bytes = 0};
  for (const PartitionBatch& batch : batches_) {
    size.rows += batch.pending.rows();
    size.bytes += batch.pending.bytes();
  }
  return size;
}

bool Flush::shrink_steps() {
  if (step_.rows <= rows_a_step_min) return false;
  step_.rows = std::max(step_.rows / 4, rows_a_step_min);
  step_.bytes = std::max(step_.bytes / 4, bytes_a_step_min);
  return true;
}

Result<std::optional<Plan::Step>> Flush::next_step() {
  if (!std::exchange(locked_, true)) {
    if (std::optional<LockDeadLetters> call = dead_letters_to_lock()) return *std::move(call);
  }
  if (!is_read_) return read_step();
  is_read_ = false;
  auto merged = merge_step();
  if (!merged) return propagate(merged);
  next_ = step_end_;
  if (is_at_end(next_)) {
    // One round trip less: changes() writes them with all the rest.
    last_rows_ = *std::move(merged);
    return std::nullopt;
  }
  return WriteWindows{*std::move(merged)};
}

// Moves the cursor to the next delta of a held batch. Returns true if there is none.
bool Flush::is_at_end(Cursor& cursor) const {
  for (; cursor.batch < batches_.size(); cursor = {cursor.batch + 1, 0}) {
    const PartitionBatch& batch = batches_[cursor.batch];
    if (is_held(batch.partition) && cursor.delta < tally_of(batch).deltas().size()) return false;
  }
  return true;
}

// Collects deltas until the step is full, and asks for the stored rows that they change.
std::optional<Plan::Step> Flush::read_step() {
  ranges_.clear();
  rows_.clear();
  ReadWindows call{.keys = {}, .bytes_max = step_.bytes};
  std::size_t rows = 0;
  std::size_t bytes = 0;
  step_end_ = next_;
  while (!is_at_end(step_end_) && rows < rows_a_step_ && bytes < step_.bytes) {
    const PartitionBatch& batch = batches_[step_end_.batch];
    const std::span<const tally::WindowDelta> deltas = tally_of(batch).deltas();
    DeltaRange range{&batch, step_end_.delta, step_end_.delta};
    for (; range.to < deltas.size() && rows < rows_a_step_ && bytes < step_.bytes; ++range.to, ++rows)
      bytes += bytes_of(deltas[range.to]);
    std::ranges::move(tally::keys_to_read(deltas_of(range), batch.partition), std::back_inserter(call.keys));
    step_end_.delta = range.to;
    ranges_.push_back(range);
  }
  if (ranges_.empty()) return std::nullopt;
  // A step of one delta cannot shrink, so its rows are read for any size.
  if (rows == 1) call.bytes_max = std::numeric_limits<std::size_t>::max();
  rows_in_step_ = rows;
  return call;
}

std::span<const tally::WindowDelta> Flush::deltas_of(const DeltaRange& range) const {
  return tally_of(*range.batch).deltas().subspan(range.from, range.to - range.from);
}

void Flush::on_windows(MetricsStore::WindowRows rows) {
  // Too many bytes: is_read_ stays false, so the next step reads half as many deltas.
  if (!rows) {
    rows_a_step_ = rows_in_step_ / 2;
    return;
  }
  is_read_ = true;
  std::size_t bytes = 0;
  for (tally::WindowRow& row : *rows) {
    bytes += row.key.value.size() + row.users.size();
    rows_[row.key.partition].push_back(std::move(row));
  }
  if (bytes < step_.bytes / 4) rows_a_step_ = std::min(2 * rows_a_step_, step_.rows);
}

Result<std::vector<tally::WindowRow>> Flush::merge_step() {
  std::vector<tally::WindowRow> all;
  for (const DeltaRange& range : ranges_) {
    std::vector<tally::WindowRow>& stored = rows_[range.batch->partition];
    const std::set<WindowName> known = windows_in(stored);
    auto rows = tally::merge_deltas(deltas_of(range), range.batch->partition, std::move(stored));
    if (!rows) return rows;
    // A window that had no total row before is new.
    counted_.windows_opened += std::ranges::count_if(
        windows_in(*rows), [&](const WindowName& window) { return !known.contains(window); });
    std::ranges::move(*rows, std::back_inserter(all));
  }
  return all;
}

// Each dead letter once, for several replays may name the same one.
std::optional<LockDeadLetters> Flush::dead_letters_to_lock() {
  for (const PartitionBatch& batch : batches_) {
    if (!is_held(batch.partition)) continue;
    for (const Replay& replay : batch.pending.replays) sources_.push_back(replay.source);
  }
  std::ranges::sort(sources_);
  const auto repeated = std::ranges::unique(sources_);
  sources_.erase(repeated.begin(), repeated.end());
  if (sources_.empty()) return std::nullopt;
  return LockDeadLetters{sources_};
}

void Flush::on_dead_letters(const std::vector<DeadLetterState>& dead_letters) {
  settlement_.locked(sources_, dead_letters);
  // An operator may replay the copy in Kafka before the dead letter has a row. Then this flush writes both,
  // so the dead letters of all batches must be known before any replay is applied.
  for (const PartitionBatch& batch : batches_) {
    if (!is_held(batch.partition)) continue;
    for (const DeadLetter& dead_letter : batch.pending.dead_letters)
      settlement_.written({topic_, dead_letter.partition, dead_letter.offset});
  }
  for (const PartitionBatch& batch : batches_) {
    if (!is_held(batch.partition) || batch.pending.replays.empty()) continue;
    outcomes_.insert_or_assign(
        batch.partition, apply_replays(batch.pending.replays, batch.pending.tally, topic_, settlement_));
  }
}

tally::LedgerRow Flush::ledger_after(const PartitionCommit& entry) const {
  const auto outcome = outcomes_.find(entry.partition());
  const PartitionBatch* const batch = batch_of(entry.partition());
  if (!batch || outcome == outcomes_.end()) return entry.after;
  tally::LedgerRow after = batch->pending.added_to(entry.before, outcome->second.counts);
  // The observation is no sum: the consumer has set it.
  after.observed = entry.after.observed;
  return after;
}

// user_activity_metrics gets one row for all batches together; users are counted once over all partitions.
Changes Flush::changes(WallTime now) {
  Changes changes;
  changes.windows = std::move(last_rows_);
  tally::UserSet users;
  FlushRow flush{.timestamp = now};
  bool tallied = false;
  for (const PartitionBatch& batch : batches_) {
    if (!is_held(batch.partition)) continue;
    std::ranges::copy(batch.pending.traces.all, std::back_inserter(counted_.traces.all));
    counted_.traces.dropped += batch.pending.traces.dropped;
    const tally::Tally& tally = tally_of(batch);
    for (const WindowStart minute : pending_minutes(batch.partition))
      changes.pending_rollups.push_back({batch.partition, minute});
    if (tally.minute_horizon())
      changes.horizons.push_back({tally::Granularity::minute, *tally.minute_horizon()});
    add_dead_letters(batch, now, changes);
    tallied = tallied || !tally.empty();
    users.unite(tally.users());
    flush.page_view_count += tally.page_views();
  }
  changes.replayed = settlement_.replayed();
  changes.failed_replays = settlement_.failed();
  flush.unique_users = static_cast<std::int64_t>(users.size());
  if (tallied) changes.flush = flush;
  for (const Prune& prune : pruning_.windows) {
    if (is_held(prune.partition)) changes.prunes.push_back(prune);
  }
  changes.prune_flushes_before = pruning_.flushes_before;
  return changes;
}

void Flush::add_dead_letters(const PartitionBatch& batch, WallTime now, Changes& changes) {
  const auto add = [&](DeadLetter dead_letter) {
    dead_letter.at = now;
    changes.dead_letters.push_back(std::move(dead_letter));
  };
  for (const DeadLetter& dead_letter : batch.pending.dead_letters) {
    ++counted_.dead_letters[dead_letter.reason];
    add(dead_letter);
  }
  const auto outcome = outcomes_.find(batch.partition);
  if (outcome == outcomes_.end()) return;
  for (const DeadLetter& dead_letter : outcome->second.dead_letters) add(dead_letter);
  for (const auto& [reason, times] : outcome->second.reasons) counted_.dead_letters[reason] += times;
}

// Every minute that got an event now has counts that its hour and day lack.
std::vector<WindowStart> Flush::pending_minutes(std::int32_t partition) const {
  std::vector<WindowStart> minutes;
  const PartitionBatch* const batch = batch_of(partition);
  if (!batch) return minutes;
  for (const tally::WindowDelta& delta : tally_of(*batch).deltas()) {
    if (delta.granularity == tally::Granularity::minute && delta.dimension == tally::Dimension::total)
      minutes.push_back(delta.start);
  }
  return minutes;
}

}  // namespace weir::commit
