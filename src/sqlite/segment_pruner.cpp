#include "sqlite/segment_pruner.hpp"

#include <utility>

namespace weir::sqlite {
namespace {

constexpr std::int64_t bite_segments_max = 512;
constexpr std::int64_t bite_bytes_max = 4 * 1024 * 1024;

}  // namespace

Result<SegmentPruner> SegmentPruner::open(Database& database) {
  auto look = database.prepare(
      "SELECT first_offset + records, time_ms FROM segments WHERE first_offset >= ?1 "
      "ORDER BY first_offset LIMIT ?2");
  if (!look) return propagate(look);
  auto oldest = database.prepare(
      "SELECT first_offset + records, length(body) FROM segments ORDER BY first_offset LIMIT ?1");
  if (!oldest) return propagate(oldest);
  auto erase = database.prepare("DELETE FROM segments WHERE first_offset < ?1");
  if (!erase) return propagate(erase);
  return SegmentPruner(std::move(*look), std::move(*oldest), std::move(*erase));
}

SegmentPruner::SegmentPruner(Statement look, Statement oldest, Statement erase)
    : look_(std::move(look)), oldest_(std::move(oldest)), erase_(std::move(erase)) {}

Result<bool> SegmentPruner::bite(Database& database, const Wanted& wanted, std::int64_t end, RecordTime now) {
  if (wanted != wanted_) {
    wanted_ = wanted;
    looked_to_ = 0;
    old_end_ = gone_to_ = -1;
  }
  if (old_end_ <= gone_to_) {
    auto more = find_old(end, now);
    if (!more || old_end_ <= gone_to_) return more;
  }
  return delete_old(database);
}

Result<bool> SegmentPruner::find_old(std::int64_t end, RecordTime now) {
  look_.bind(1, looked_to_).bind(2, bite_segments_max);
  bool ended = false;
  std::int64_t seen = 0;
  while (!ended) {
    auto row = look_.step();
    if (!row) return propagate(row);
    if (!*row) break;
    ++seen;
    const std::int64_t segment_end = look_.number(0);
    const RecordTime time{std::chrono::milliseconds(look_.number(1))};
    const bool is_young = time >= wanted_.time && time <= now;
    ended = is_young || segment_end > wanted_.offset || segment_end >= end;
    if (ended) break;
    looked_to_ = segment_end;
    if (time < wanted_.time) old_end_ = segment_end;
  }
  look_.reset();
  return old_end_ > gone_to_ || (!ended && seen == bite_segments_max);
}

Result<bool> SegmentPruner::delete_old(Database& database) {
  std::int64_t bytes = 0;
  std::int64_t cut = -1;  // everything below goes
  oldest_.bind(1, bite_segments_max);
  while (bytes < bite_bytes_max) {
    auto row = oldest_.step();
    if (!row) return propagate(row);
    if (!*row || oldest_.number(0) > old_end_) break;
    cut = oldest_.number(0);
    bytes += oldest_.number(1);
  }
  oldest_.reset();
  if (cut < 0) {
    gone_to_ = old_end_;
    return true;
  }
  if (auto begun = database.begin(); !begun) return propagate(begun);
  auto done = erase_.bind(1, cut).run();
  if (done) done = database.commit();
  database.rollback();
  if (!done) return propagate(done);
  gone_to_ = cut;
  return true;
}

}  // namespace weir::sqlite
