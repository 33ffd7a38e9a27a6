// The order of steps in one attempt:
//
//   read_minutes()   pending rows of one partition, from the first minute that is not read completely
//   read_targets()   the hour and day rows of the first rows_in_step_ of them
//   WriteWindows     the minute rows, and the hour and day rows with the counts added
//   …                the second and third step, until no minute row is left; then the first step again
//   changes()        the rows of the last write, and the minutes that are now complete
//
// The attempt ends after the last partition, or once read_ has reached bounds_.
#include "commit/roll_up.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/ensure.hpp"
#include "tally/merge.hpp"

namespace weir::commit {
namespace {

// shrink_steps() stops here: smaller steps would cost more round trips than they save.
constexpr std::size_t rows_a_step_min = 16;
constexpr std::size_t bytes_a_step_min = 64 * limits::KiB;

}  // namespace

RollUp::RollUp(std::vector<PartitionBatch> batches, const RowBounds& bounds, const RowBounds& step)
    : batches_(std::move(batches)), bounds_(bounds), step_(step) {}

void RollUp::start(std::span<const PartitionCommit> commits) {
  held_.clear();
  for (std::size_t at = 0; at < batches_.size(); ++at) {
    const bool held = std::ranges::any_of(commits, [&](const PartitionCommit& entry) {
      return entry.held() && entry.partition() == batches_[at].partition;
    });
    if (held) held_.push_back(at);
  }
  next_batch_ = 0;
  next_minute_ = 0;
  rolled_.clear();
  minutes_.clear();
  targets_.reset();
  rows_a_step_ = step_.rows;
  read_ = {.rows = 0, .bytes = 0};
  last_rows_.clear();
  counted_ = {};
}

bool RollUp::shrink_steps() {
  if (step_.rows <= rows_a_step_min) return false;
  step_.rows = std::max(step_.rows / 4, rows_a_step_min);
  step_.bytes = std::max(step_.bytes / 4, bytes_a_step_min);
  return true;
}

Result<std::optional<Plan::Step>> RollUp::next_step() {
  if (!targets_) return minutes_.empty() ? read_minutes() : read_targets();
  auto merged = merge_step();
  if (!merged) return propagate(merged);
  if (minutes_.empty() && is_at_end()) {
    // One round trip less: changes() writes them with all the rest.
    last_rows_ = *std::move(merged);
    return std::nullopt;
  }
  return WriteWindows{*std::move(merged)};
}

bool RollUp::is_at_end() const {
  return next_batch_ == held_.size() || read_.rows >= bounds_.rows || read_.bytes >= bounds_.bytes;
}

std::optional<Plan::Step> RollUp::read_minutes() {
  if (is_at_end()) return std::nullopt;
  const PartitionBatch& batch = batches_[held_[next_batch_]];
  const auto first = batch.minutes.begin() + static_cast<std::ptrdiff_t>(next_minute_);
  // Not more than the transaction may still read: its bounds are smaller after a timeout.
  const RowBounds rest{std::min(step_.rows, bounds_.rows - read_.rows),
                       std::min(step_.bytes, bounds_.bytes - read_.bytes)};
  return ReadPendingRows{batch.partition, std::vector<WindowStart>(first, batch.minutes.end()), rest};
}

// A minute that was read to its end is complete once this transaction has merged these rows.
void RollUp::on_pending_rows(PendingRows rows) {
  ensure(rows.minutes_read > 0 || !rows.rows.empty(),
         "a read returns a row or a minute without pending rows");
  const PartitionBatch& batch = batches_[held_[next_batch_]];
  for (const std::size_t end = next_minute_ + rows.minutes_read; next_minute_ < end; ++next_minute_)
    rolled_[batch.partition].push_back(batch.minutes.at(next_minute_));
  if (next_minute_ == batch.minutes.size()) {
    ++next_batch_;
    next_minute_ = 0;
  }
  // A read without rows counts as one row, so the number of reads is bounded too.
  read_.rows += std::max<std::size_t>(rows.rows.size(), 1);
  for (const tally::WindowRow& row : rows.rows) read_.bytes += row.key.value.size() + row.users.size();
  minutes_.insert(minutes_.end(), std::make_move_iterator(rows.rows.begin()),
                  std::make_move_iterator(rows.rows.end()));
}

std::optional<Plan::Step> RollUp::read_targets() {
  rows_in_step_ = std::min(rows_a_step_, minutes_.size());
  ReadWindows call{.keys = tally::keys_to_read_for_roll_up(
                       std::span<const tally::WindowRow>(minutes_).first(rows_in_step_)),
                   .bytes_max = step_.bytes};
  // A step of one row cannot shrink, so its targets are read for any size.
  if (rows_in_step_ == 1) call.bytes_max = std::numeric_limits<std::size_t>::max();
  return call;
}

void RollUp::on_windows(MetricsStore::WindowRows rows) {
  // Too many bytes: targets_ stays empty, so the next step reads those of half as many rows.
  if (!rows) {
    rows_a_step_ = rows_in_step_ / 2;
    return;
  }
  std::size_t bytes = 0;
  for (const tally::WindowRow& row : *rows) bytes += row.key.value.size() + row.users.size();
  if (bytes < step_.bytes / 4) rows_a_step_ = std::min(2 * rows_a_step_, step_.rows);
  targets_ = *std::move(rows);
}

Result<std::vector<tally::WindowRow>> RollUp::merge_step() {
  const auto end = minutes_.begin() + static_cast<std::ptrdiff_t>(rows_in_step_);
  std::vector<tally::WindowRow> step(std::make_move_iterator(minutes_.begin()), std::make_move_iterator(end));
  minutes_.erase(minutes_.begin(), end);
  std::vector<tally::WindowRow> targets = *std::move(targets_);
  targets_.reset();
  auto rows = tally::roll_up(std::move(step), std::move(targets), counted_.capped);
  if (rows) count_rows(*rows);
  return rows;
}

Changes RollUp::changes(WallTime) {
  Changes changes;
  changes.windows = std::move(last_rows_);
  for (const auto& [partition, minutes] : rolled_) {
    for (const WindowStart minute : minutes) changes.rolled_up.push_back({partition, minute});
  }
  return changes;
}

std::vector<WindowStart> RollUp::rolled_up_minutes(std::int32_t partition) const {
  const auto found = rolled_.find(partition);
  return found == rolled_.end() ? std::vector<WindowStart>() : found->second;
}

}  // namespace weir::commit
