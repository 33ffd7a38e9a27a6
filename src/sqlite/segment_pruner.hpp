// Retention of the embedded log: finds old segments at the start of the log and deletes them in batches, each
// so small that it hardly delays an append.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// A segment is old if its time is before Request::time. Times need not ascend, because the clock may have
// been stepped. The first segment that is neither old nor from the future ends the search; it and all later
// ones stay. A segment from the future (its time is after the clock's) was written while the clock was ahead.
// It is deleted with the next old segment after it.
//
// Belongs to the thread of its connection, and must be destroyed before the connection.
class SegmentPruner {
 public:
  struct Request {
    std::int64_t offset = 0;  // delete only segments that end at or before it
    RecordTime time;          // delete only segments older than this

    friend bool operator==(const Request&, const Request&) = default;
  };

  static Result<SegmentPruner> open(Database& database);

  // Examines some segments, or deletes some in a transaction of its own. `end` is the end offset of the log:
  // the newest segment, which ends there, stays. True: call again, there may be more to do. Errors are those
  // of Database; the transaction is rolled back.
  Result<bool> prune_batch(Database& database, const Request& request, std::int64_t end, RecordTime now);

 private:
  SegmentPruner(Statement examine, Statement oldest, Statement erase);
  Result<bool> find_old(std::int64_t end, RecordTime now);
  Result<bool> delete_old(Database& database);

  Statement examine_;
  Statement oldest_;
  Statement erase_;

  Request request_;
  std::int64_t examined_to_ = 0;  // the first offset of the segment to examine next
  std::int64_t old_end_ = -1;     // the end of the last old segment that was found
  std::int64_t deleted_to_ = -1;  // segments that end at or before it are deleted
};

}  // namespace weir::sqlite
