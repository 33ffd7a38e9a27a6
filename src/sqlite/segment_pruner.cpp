// A request is done in two alternating steps, one for each call: find_old() moves examined_to_ and old_end_
// forward, delete_old() deletes from the start of the log up to old_end_.
#include "sqlite/segment_pruner.hpp"

#include <utility>

namespace weir::sqlite {
namespace {

constexpr std::int64_t batch_segments_max = 512;
constexpr std::int64_t batch_bytes_max = 4 * 1024 * 1024;

}  // namespace

Result<SegmentPruner> SegmentPruner::open(Database& database) {
  // length() of a blob reads its header only, not its overflow pages.
  auto examine = database.prepare(
      "SELECT first_offset + records, time_ms FROM segments WHERE first_offset >= ?1 "
      "ORDER BY first_offset LIMIT ?2");
  if (!examine) return propagate(examine);
  auto oldest = database.prepare(
      "SELECT first_offset + records, length(body) FROM segments ORDER BY first_offset LIMIT ?1");
  if (!oldest) return propagate(oldest);
  auto erase = database.prepare("DELETE FROM segments WHERE first_offset < ?1");
  if (!erase) return propagate(erase);
  return SegmentPruner(std::move(*examine), std::move(*oldest), std::move(*erase));
}

SegmentPruner::SegmentPruner(Statement examine, Statement oldest, Statement erase)
    : examine_(std::move(examine)), oldest_(std::move(oldest)), erase_(std::move(erase)) {}

Result<bool> SegmentPruner::prune_batch(Database& database, const Request& request, std::int64_t end,
                                        RecordTime now) {
  // A new request may have a later time, so the search starts over. What is deleted costs it nothing.
  if (request != request_) {
    request_ = request;
    examined_to_ = 0;
    old_end_ = deleted_to_ = -1;
  }
  // Everything that was found is deleted: search on.
  if (old_end_ <= deleted_to_) {
    auto more = find_old(end, now);
    if (!more || old_end_ <= deleted_to_) return more;
  }
  return delete_old(database);
}

// Examines at most batch_segments_max segments. Returns whether there is something to delete or more to
// examine.
Result<bool> SegmentPruner::find_old(std::int64_t end, RecordTime now) {
  examine_.bind(1, examined_to_).bind(2, batch_segments_max);
  bool ended = false;
  std::int64_t seen = 0;
  while (!ended) {
    auto row = examine_.step();
    if (!row) return propagate(row);
    if (!*row) break;
    ++seen;
    const std::int64_t segment_end = examine_.number(0);
    const RecordTime time{std::chrono::milliseconds(examine_.number(1))};
    // A time after `now` is of a clock that was ahead: such a segment neither ends the search nor counts as
    // old.
    const bool is_young = time >= request_.time && time <= now;
    ended = is_young || segment_end > request_.offset || segment_end >= end;
    if (ended) break;
    examined_to_ = segment_end;
    if (time < request_.time) old_end_ = segment_end;
  }
  examine_.reset();
  return old_end_ > deleted_to_ || (!ended && seen == batch_segments_max);
}

// Deletes the oldest segments up to old_end_, until batch_segments_max or batch_bytes_max is reached.
Result<bool> SegmentPruner::delete_old(Database& database) {
  std::int64_t bytes = 0;
  std::int64_t cut = -1;  // all segments before this offset are deleted
  oldest_.bind(1, batch_segments_max);
  while (bytes < batch_bytes_max) {
    auto row = oldest_.step();
    if (!row) return propagate(row);
    if (!*row || oldest_.number(0) > old_end_) break;
    cut = oldest_.number(0);
    bytes += oldest_.number(1);
  }
  oldest_.reset();
  // They were deleted for an earlier request.
  if (cut < 0) {
    deleted_to_ = old_end_;
    return true;
  }
  if (auto begun = database.begin(); !begun) return propagate(begun);
  auto done = erase_.bind(1, cut).run();
  if (done) done = database.commit();
  database.rollback();  // does nothing after a commit
  if (!done) return propagate(done);
  deleted_to_ = cut;
  return true;
}

}  // namespace weir::sqlite
