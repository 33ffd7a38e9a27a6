// Retention of the embedded log: finds the segments that are old, from the log's start on, and deletes them
// in bites so small that an append hardly notices one.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// Record times need not ascend: a clock may have been stepped. A segment is old if its time is before the
// wanted one. The first segment that is neither old nor from the future ends the search, and all stays from
// there on. Segments from the future (their time is after the clock's: it was ahead when they were written)
// go with the next old one after them.
//
// One thread: the one that owns the connection.
class SegmentPruner {
 public:
  struct Wanted {
    std::int64_t offset = 0;  // only segments that end at or before it
    RecordTime time;          // only segments older than this

    friend bool operator==(const Wanted&, const Wanted&) = default;
  };

  static Result<SegmentPruner> open(Database& database);

  // Looks at some segments, or deletes some in a transaction of its own. `end`: the log's end offset; the
  // newest segment, which ends there, stays. True: there may be more to do.
  Result<bool> bite(Database& database, const Wanted& wanted, std::int64_t end, RecordTime now);

 private:
  SegmentPruner(Statement look, Statement oldest, Statement erase);
  Result<bool> find_old(std::int64_t end, RecordTime now);
  Result<bool> delete_old(Database& database);

  Statement look_;
  Statement oldest_;
  Statement erase_;

  Wanted wanted_;
  std::int64_t looked_to_ = 0;  // the first offset of the segment to look at next
  std::int64_t old_end_ = -1;   // the end of the last old segment that was found
  std::int64_t gone_to_ = -1;   // what ends at or before it was deleted
};

}  // namespace weir::sqlite
