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

constexpr std::size_t rows_a_step_min = 16;
constexpr std::size_t bytes_a_step_min = 64 * limits::KiB;

using WindowName = std::pair<tally::Granularity, WindowStart>;

std::set<WindowName> windows_in(std::span<const tally::WindowRow> rows) {
  std::set<WindowName> windows;
  for (const tally::WindowRow& row : rows) {
    if (row.key.dimension == tally::Dimension::total) windows.emplace(row.key.granularity, row.key.start);
  }
  return windows;
}

// What a delta becomes in the rows that are written, at most.
std::size_t bytes_of(const tally::WindowDelta& delta) {
  return delta.value.size() + delta.users.encoded_bytes_max();
}

}  // namespace

Flush::Flush(std::vector<PartitionBatch> shares, Pruning pruning, std::string topic, const RowBounds& step)
    : shares_(std::move(shares)), pruning_(std::move(pruning)), topic_(std::move(topic)), step_(step) {}

void Flush::start(std::span<const PartitionCommit> claims) {
  held_.clear();
  for (const PartitionCommit& claim : claims) {
    if (claim.held()) held_.push_back(claim.partition());
  }
  locked_ = false;
  ranges_.clear();
  is_read_ = false;
  next_ = {};
  rows_a_step_ = step_.rows;
  last_rows_.clear();
  counted_ = {};
  sources_.clear();
  book_ = {};
  settled_.clear();
  rows_.clear();
}

bool Flush::is_held(std::int32_t partition) const {
  return std::ranges::find(held_, partition) != held_.end();
}

const Flush::PartitionBatch* Flush::share_of(std::int32_t partition) const {
  const auto found = std::ranges::find(shares_, partition, &PartitionBatch::partition);
  return found == shares_.end() ? nullptr : &*found;
}

const tally::Tally& Flush::tally_of(const PartitionBatch& share) const {
  const auto settled = settled_.find(share.partition);
  return settled != settled_.end() && settled->second.tally ? *settled->second.tally : share.part.tally;
}

RowBounds Flush::size() const {
  RowBounds size{.rows = 0, .bytes = 0};
  for (const PartitionBatch& share : shares_) {
    size.rows += share.part.rows();
    size.bytes += share.part.bytes();
  }
  return size;
}

bool Flush::take_smaller_steps() {
  if (step_.rows <= rows_a_step_min) return false;
  step_.rows = std::max(step_.rows / 4, rows_a_step_min);
  step_.bytes = std::max(step_.bytes / 4, bytes_a_step_min);
  return true;
}

Result<std::optional<Plan::Step>> Flush::next_step() {
  if (!std::exchange(locked_, true)) {
    if (std::optional<LockDeadLetters> call = letters_to_lock()) return *std::move(call);
  }
  if (!is_read_) return read_step();
  is_read_ = false;
  auto merged = merge_step();
  if (!merged) return propagate(merged);
  next_ = step_end_;
  if (is_at_end(next_)) {
    last_rows_ = *std::move(merged);  // they go with the rest
    return std::nullopt;
  }
  return WriteWindows{*std::move(merged)};
}

// Moves on to the first share that is held and has a delta left.
bool Flush::is_at_end(Cursor& cursor) const {
  for (; cursor.share < shares_.size(); cursor = {cursor.share + 1, 0}) {
    const PartitionBatch& share = shares_[cursor.share];
    if (is_held(share.partition) && cursor.delta < tally_of(share).deltas().size()) return false;
  }
  return true;
}

std::optional<Plan::Step> Flush::read_step() {
  ranges_.clear();
  rows_.clear();
  ReadWindows call{.keys = {}, .bytes_max = step_.bytes};
  std::size_t rows = 0;
  std::size_t bytes = 0;
  step_end_ = next_;
  while (!is_at_end(step_end_) && rows < rows_a_step_ && bytes < step_.bytes) {
    const PartitionBatch& share = shares_[step_end_.share];
    const std::span<const tally::WindowDelta> deltas = tally_of(share).deltas();
    DeltaRange piece{&share, step_end_.delta, step_end_.delta};
    for (; piece.to < deltas.size() && rows < rows_a_step_ && bytes < step_.bytes; ++piece.to, ++rows)
      bytes += bytes_of(deltas[piece.to]);
    std::ranges::move(tally::keys_to_read(deltas_of(piece), share.partition), std::back_inserter(call.keys));
    step_end_.delta = piece.to;
    ranges_.push_back(piece);
  }
  if (ranges_.empty()) return std::nullopt;
  if (rows == 1) call.bytes_max = std::numeric_limits<std::size_t>::max();  // no step is smaller
  rows_in_step_ = rows;
  return call;
}

std::span<const tally::WindowDelta> Flush::deltas_of(const DeltaRange& piece) const {
  return tally_of(*piece.share).deltas().subspan(piece.from, piece.to - piece.from);
}

void Flush::on_windows(MetricsStore::WindowRows rows) {
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
  for (const DeltaRange& piece : ranges_) {
    std::vector<tally::WindowRow>& stored = rows_[piece.share->partition];
    const std::set<WindowName> known = windows_in(stored);
    auto rows = tally::merge_deltas(deltas_of(piece), piece.share->partition, std::move(stored));
    if (!rows) return rows;
    // The total row of each window that is opened is among them.
    counted_.windows_opened += std::ranges::count_if(
        windows_in(*rows), [&](const WindowName& window) { return !known.contains(window); });
    std::ranges::move(*rows, std::back_inserter(all));
  }
  return all;
}

// Replays.

std::optional<LockDeadLetters> Flush::letters_to_lock() {
  for (const PartitionBatch& share : shares_) {
    if (!is_held(share.partition)) continue;
    for (const Replay& replay : share.part.replays) sources_.push_back(replay.source);
  }
  std::ranges::sort(sources_);
  const auto repeated = std::ranges::unique(sources_);
  sources_.erase(repeated.begin(), repeated.end());
  if (sources_.empty()) return std::nullopt;
  return LockDeadLetters{sources_};
}

void Flush::on_dead_letters(const std::vector<DeadLetterState>& letters) {
  book_.locked(sources_, letters);
  // A letter may be replayed from its copy before its row is there: then it is in the same flush.
  for (const PartitionBatch& share : shares_) {
    if (!is_held(share.partition)) continue;
    for (const DeadLetter& letter : share.part.letters)
      book_.written({topic_, letter.partition, letter.offset});
  }
  for (const PartitionBatch& share : shares_) {
    if (!is_held(share.partition) || share.part.replays.empty()) continue;
    settled_.insert_or_assign(share.partition, settle(share.part.replays, share.part.tally, topic_, book_));
  }
}

tally::LedgerRow Flush::account(const PartitionCommit& claim) const {
  const auto settled = settled_.find(claim.partition());
  const PartitionBatch* const share = share_of(claim.partition());
  if (!share || settled == settled_.end()) return claim.after;
  tally::LedgerRow after = share->part.added_to(claim.before, settled->second.counts);
  after.observed = claim.after.observed;
  return after;
}

// What is written.

Changes Flush::changes(WallTime now) {
  Changes changes;
  changes.windows = std::move(last_rows_);
  tally::UserSet users;
  FlushRow flush{.timestamp = now};
  bool tallied = false;
  for (const PartitionBatch& share : shares_) {
    if (!is_held(share.partition)) continue;
    const tally::Tally& tally = tally_of(share);
    for (const WindowStart minute : unrolled(share.partition))
      changes.unrolled.push_back({share.partition, minute});
    if (tally.minute_horizon())
      changes.horizons.push_back({tally::Granularity::minute, *tally.minute_horizon()});
    add_letters(share, now, changes);
    tallied = tallied || !tally.empty();
    users.unite(tally.users());
    flush.page_view_count += tally.page_views();
  }
  changes.replayed = book_.replayed();
  changes.failed_replays = book_.failed();
  flush.unique_users = static_cast<std::int64_t>(users.size());
  if (tallied) changes.flush = flush;
  for (const Prune& prune : pruning_.windows) {
    if (is_held(prune.partition)) changes.prunes.push_back(prune);
  }
  changes.prune_flushes_before = pruning_.flushes_before;
  return changes;
}

void Flush::add_letters(const PartitionBatch& share, WallTime now, Changes& changes) {
  const auto add = [&](DeadLetter letter) {
    letter.at = now;
    changes.letters.push_back(std::move(letter));
  };
  for (const DeadLetter& letter : share.part.letters) {
    ++counted_.letters[letter.reason];
    add(letter);
  }
  const auto settled = settled_.find(share.partition);
  if (settled == settled_.end()) return;
  for (const DeadLetter& letter : settled->second.letters) add(letter);
  for (const auto& [reason, times] : settled->second.reasons) counted_.letters[reason] += times;
}

std::vector<WindowStart> Flush::unrolled(std::int32_t partition) const {
  std::vector<WindowStart> minutes;
  const PartitionBatch* const share = share_of(partition);
  if (!share) return minutes;
  for (const tally::WindowDelta& delta : tally_of(*share).deltas()) {
    if (delta.granularity == tally::Granularity::minute && delta.dimension == tally::Dimension::total)
      minutes.push_back(delta.start);
  }
  return minutes;
}

}  // namespace weir::commit
