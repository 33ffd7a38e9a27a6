#include "rollup/flush.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tally/merge.hpp"

namespace weir::rollup {
namespace {

std::int64_t windows_in(std::span<const tally::WindowRow> rows) {
  return std::ranges::count(rows, tally::Dimension::total,
                            [](const tally::WindowRow& row) { return row.key.dimension; });
}

}  // namespace

Flush::Flush(std::vector<Share> shares, Pruning pruning, std::string topic)
    : shares_(std::move(shares)), pruning_(std::move(pruning)), topic_(std::move(topic)) {}

void Flush::start(std::span<const Claim> claims) {
  held_.clear();
  for (const Claim& claim : claims) {
    if (claim.held()) held_.push_back(claim.partition());
  }
  locked_ = false;
  read_ = false;
  sources_.clear();
  book_ = {};
  settled_.clear();
  rows_.clear();
}

bool Flush::is_held(std::int32_t partition) const {
  return std::ranges::find(held_, partition) != held_.end();
}

const Flush::Share* Flush::share_of(std::int32_t partition) const {
  const auto found = std::ranges::find(shares_, partition, &Share::partition);
  return found == shares_.end() ? nullptr : &*found;
}

const tally::Tally& Flush::tally_of(const Share& share) const {
  const auto settled = settled_.find(share.partition);
  return settled != settled_.end() && settled->second.tally ? *settled->second.tally : share.part.tally;
}

std::optional<StoreCall> Flush::next_read() {
  if (!std::exchange(locked_, true)) {
    if (std::optional<LockLetters> call = letters_to_lock()) return call;
  }
  if (std::exchange(read_, true)) return std::nullopt;
  ReadWindows call;
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    std::ranges::move(tally::keys_to_read(tally_of(share).deltas(), share.partition),
                      std::back_inserter(call.keys));
  }
  if (call.keys.empty()) return std::nullopt;
  return call;
}

void Flush::take(std::vector<tally::WindowRow> rows) {
  for (tally::WindowRow& row : rows) rows_[row.key.partition].push_back(std::move(row));
}

// Replays.

std::optional<LockLetters> Flush::letters_to_lock() {
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    for (const Replay& replay : share.part.replays) sources_.push_back(replay.source);
  }
  std::ranges::sort(sources_);
  const auto repeated = std::ranges::unique(sources_);
  sources_.erase(repeated.begin(), repeated.end());
  if (sources_.empty()) return std::nullopt;
  return LockLetters{sources_};
}

void Flush::take_letters(const std::vector<LetterState>& letters) {
  book_.locked(sources_, letters);
  // A letter may be replayed from its copy before its row is there: then it is in the same flush.
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    for (const DeadLetter& letter : share.part.letters)
      book_.written({topic_, letter.partition, letter.offset});
  }
  for (const Share& share : shares_) {
    if (!is_held(share.partition) || share.part.replays.empty()) continue;
    settled_.insert_or_assign(share.partition, settle(share.part.replays, share.part.tally, topic_, book_));
  }
}

tally::LedgerRow Flush::account(const Claim& claim) const {
  const auto settled = settled_.find(claim.partition());
  const Share* const share = share_of(claim.partition());
  if (!share || settled == settled_.end()) return claim.after;
  tally::LedgerRow after = share->part.added_to(claim.before, settled->second.counts);
  after.observed = claim.after.observed;
  return after;
}

// What is written.

Result<Changes> Flush::changes(WallTime now) {
  Changes changes;
  written_ = {};
  tally::UserSet users;
  FlushRow flush{.timestamp = now};
  bool tallied = false;
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    if (Result<void> added = add_windows(share, changes); !added) return pass_on(added);
    add_letters(share, now, changes);
    const tally::Tally& tally = tally_of(share);
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

Result<void> Flush::add_windows(const Share& share, Changes& changes) {
  const tally::Tally& tally = tally_of(share);
  written_.windows_opened -= windows_in(rows_[share.partition]);
  auto rows = tally::merge_deltas(tally.deltas(), share.partition, std::move(rows_[share.partition]));
  if (!rows) return pass_on(rows);
  written_.windows_opened += windows_in(*rows);  // the total row of each window that is touched changes
  std::ranges::move(*rows, std::back_inserter(changes.windows));
  for (const WindowStart minute : unrolled(share.partition))
    changes.unrolled.push_back({share.partition, minute});
  if (tally.minute_horizon())
    changes.horizons.push_back({tally::Granularity::minute, *tally.minute_horizon()});
  return {};
}

void Flush::add_letters(const Share& share, WallTime now, Changes& changes) {
  const auto add = [&](DeadLetter letter) {
    letter.at = now;
    changes.letters.push_back(std::move(letter));
  };
  for (const DeadLetter& letter : share.part.letters) {
    ++written_.letters[letter.reason];
    add(letter);
  }
  const auto settled = settled_.find(share.partition);
  if (settled == settled_.end()) return;
  for (const DeadLetter& letter : settled->second.letters) add(letter);
  for (const auto& [reason, times] : settled->second.reasons) written_.letters[reason] += times;
}

std::vector<WindowStart> Flush::unrolled(std::int32_t partition) const {
  std::vector<WindowStart> minutes;
  const Share* const share = share_of(partition);
  if (!share) return minutes;
  for (const tally::WindowDelta& delta : tally_of(*share).deltas()) {
    if (delta.granularity == tally::Granularity::minute && delta.dimension == tally::Dimension::total)
      minutes.push_back(delta.start);
  }
  return minutes;
}

}  // namespace weir::rollup
