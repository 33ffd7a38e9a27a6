#include "rollup/roll_up.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tally/merge.hpp"

namespace weir::rollup {

RollUp::RollUp(std::vector<Share> shares) : shares_(std::move(shares)) {}

void RollUp::start(std::span<const Claim> claims) {
  held_.clear();
  for (std::size_t at = 0; at < shares_.size(); ++at) {
    const bool held = std::ranges::any_of(claims, [&](const Claim& claim) {
      return claim.held() && claim.partition() == shares_[at].partition;
    });
    if (held) held_.push_back(at);
  }
  minutes_read_ = 0;
  targets_asked_ = false;
  rows_.clear();
}

std::optional<StoreCall> RollUp::next_read() {
  if (minutes_read_ < held_.size()) {
    const Share& share = shares_[held_[minutes_read_]];
    return ReadMinutes{share.partition, share.minutes};
  }
  if (std::exchange(targets_asked_, true)) return std::nullopt;
  ReadWindows call;
  for (const auto& [partition, rows] : rows_)
    std::ranges::move(tally::keys_to_read_for_roll_up(rows.minutes), std::back_inserter(call.keys));
  if (call.keys.empty()) return std::nullopt;
  return call;
}

void RollUp::take(std::vector<tally::WindowRow> rows) {
  if (minutes_read_ < held_.size()) {
    rows_[shares_[held_[minutes_read_++]].partition].minutes = std::move(rows);
    return;
  }
  for (tally::WindowRow& row : rows) rows_[row.key.partition].targets.push_back(std::move(row));
}

Result<Changes> RollUp::changes(WallTime) {
  Changes changes;
  for (auto& [partition, rows] : rows_) {
    auto written = tally::roll_up(std::move(rows.minutes), std::move(rows.targets));
    if (!written) return pass_on(written);
    std::ranges::move(*written, std::back_inserter(changes.windows));
  }
  for (const std::size_t at : held_) {
    for (const WindowStart minute : shares_[at].minutes)
      changes.rolled.push_back({shares_[at].partition, minute});
  }
  return changes;
}

std::vector<WindowStart> RollUp::rolled(std::int32_t partition) const {
  for (const Share& share : shares_) {
    if (share.partition == partition) return share.minutes;
  }
  return {};
}

}  // namespace weir::rollup
