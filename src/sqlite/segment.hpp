// The byte format of a segment. A segment is the row in which the embedded log stores the records of one
// commit, or a part of them. Pure.
//
//   body     := version record* check
//   version  := one byte, 1
//   record   := bytes(key) bytes(value) number(count of headers) (bytes(name) bytes(value))*
//   bytes(x) := number(length of x), then x
//   number   := unsigned LEB128: seven bits a byte, lowest first; the top bit is set on all but the last
//   check    := the low half of MurmurHash3_x64_128 (base/hash.hpp) of all bytes before it, little-endian
//
// The other columns of the row have the number of records, their first offset and their time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "intake/event_log.hpp"

namespace weir::sqlite {

inline constexpr std::string_view code_segment_damaged = "segment_damaged";

// Builds the body of one segment after another. One thread.
class SegmentWriter {
 public:
  void add(const intake::EventBatch& events, const intake::RecordSlice& record);
  [[nodiscard]] std::int64_t records() const { return records_; }
  // Time to finish(). A reader reads whole segments, so their size bounds the size of a poll.
  [[nodiscard]] bool full() const {
    return records_ >= limits::segment_records_max || body_.size() >= limits::segment_bytes_max;
  }
  // Appends the check and returns the body, which lives until reset(). Call reset() before the next add().
  [[nodiscard]] std::string_view finish();
  void reset();

 private:
  void add_number(std::size_t number);
  void add_bytes(std::string_view bytes);

  std::string body_{'\1'};
  std::int64_t records_ = 0;
};

// The columns of a row of `segments` but its body.
struct SegmentRow {
  std::int64_t first_offset = 0;
  std::int64_t records = 0;
  RecordTime time;

  [[nodiscard]] std::int64_t end() const { return first_offset + records; }
};

// Appends the records of a segment to `out`, as views into `body`. limits::json_slack_bytes bytes after
// `body` must be readable, so that they are readable after each value. ErrorKind::internal, segment_damaged:
// the check fails, or the body does not match the row. `out` is then unchanged; the log cannot be read past
// this segment.
Result<void> read_segment(const SegmentRow& row, std::string_view body,
                          std::vector<consumer::RecordView>& out);

}  // namespace weir::sqlite
