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

Flush::Flush(std::vector<Share> shares, Pruning pruning)
    : shares_(std::move(shares)), pruning_(std::move(pruning)) {}

void Flush::start(std::span<const Claim> claims) {
  held_.clear();
  for (const Claim& claim : claims) {
    if (claim.held()) held_.push_back(claim.partition());
  }
  read_ = false;
  rows_.clear();
}

bool Flush::is_held(std::int32_t partition) const {
  return std::ranges::find(held_, partition) != held_.end();
}

std::optional<StoreCall> Flush::next_read() {
  if (std::exchange(read_, true)) return std::nullopt;
  ReadWindows call;
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    std::ranges::move(tally::keys_to_read(share.part.tally.deltas(), share.partition),
                      std::back_inserter(call.keys));
  }
  if (call.keys.empty()) return std::nullopt;
  return call;
}

void Flush::take(std::vector<tally::WindowRow> rows) {
  for (tally::WindowRow& row : rows) rows_[row.key.partition].push_back(std::move(row));
}

Result<Changes> Flush::changes(WallTime now) {
  Changes changes;
  written_ = {};
  tally::UserSet users;
  FlushRow flush{.timestamp = now};
  bool tallied = false;
  for (const Share& share : shares_) {
    if (!is_held(share.partition)) continue;
    const tally::Tally& tally = share.part.tally;
    written_.windows_opened -= windows_in(rows_[share.partition]);
    auto rows = tally::merge_deltas(tally.deltas(), share.partition, std::move(rows_[share.partition]));
    if (!rows) return pass_on(rows);
    written_.windows_opened += windows_in(*rows);  // the total row of each window that is touched changes
    std::ranges::move(*rows, std::back_inserter(changes.windows));
    for (const WindowStart minute : unrolled(share.partition))
      changes.unrolled.push_back({share.partition, minute});
    if (tally.minute_horizon())
      changes.horizons.push_back({tally::Granularity::minute, *tally.minute_horizon()});
    for (DeadLetter letter : share.part.letters) {
      letter.at = now;
      ++written_.letters[letter.reason];
      changes.letters.push_back(std::move(letter));
    }
    tallied = tallied || !tally.empty();
    users.unite(tally.users());
    flush.page_view_count += tally.page_views();
  }
  flush.unique_users = static_cast<std::int64_t>(users.size());
  if (tallied) changes.flush = flush;
  for (const Prune& prune : pruning_.windows) {
    if (is_held(prune.partition)) changes.prunes.push_back(prune);
  }
  changes.prune_flushes_before = pruning_.flushes_before;
  return changes;
}

std::vector<WindowStart> Flush::unrolled(std::int32_t partition) const {
  std::vector<WindowStart> minutes;
  for (const Share& share : shares_) {
    if (share.partition != partition) continue;
    for (const tally::WindowDelta& delta : share.part.tally.deltas()) {
      if (delta.granularity == tally::Granularity::minute && delta.dimension == tally::Dimension::total)
        minutes.push_back(delta.start);
    }
  }
  return minutes;
}

}  // namespace weir::rollup
