// The byte format of a segment. A segment is the row in which the embedded log stores the records of one
// commit, or a part of them. Pure.
//
//   body     := plain | packed
//   plain    := one byte, 1; record* check
//   packed   := one byte, 2; number(length of the records) block check
//   block    := record*, compressed as one block of LZ4 (lz4_Block_format.md of the LZ4 project)
//   record   := bytes(key) bytes(value) number(count of headers) (bytes(name) bytes(value))*
//   bytes(x) := number(length of x), then x
//   number   := unsigned LEB128: seven bits a byte, lowest first; the top bit is set on all but the last
//   check    := the low half of MurmurHash3_x64_128 (base/hash.hpp) of all bytes before it, little-endian
//
// The other columns of the row have the number of records, their first offset and their time. Compression
// saves CPU too: SQLite computes a checksum of each byte that it writes, and each byte is written twice.
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
    return records_ >= limits::segment_records_max || plain_.size() >= limits::segment_bytes_max;
  }
  // Returns the body, packed if that makes it clearly smaller. It lives until reset(). Call reset() before
  // the next add().
  [[nodiscard]] std::string_view finish();
  void reset();

 private:
  void add_bytes(std::string_view bytes);
  [[nodiscard]] bool pack();

  std::string plain_{'\1'};
  std::string packed_;
  std::int64_t records_ = 0;
};

// The columns of a row of `segments` but its body.
struct SegmentRow {
  std::int64_t first_offset = 0;
  std::int64_t records = 0;
  RecordTime time;

  [[nodiscard]] std::int64_t end() const { return first_offset + records; }
};

// Both functions fail with ErrorKind::internal, segment_damaged: the check fails, or the body does not match
// the row. `out` is then unchanged; the log cannot be read past this segment.
//
// Appends the bytes of the records of `body` to `out`.
[[nodiscard]] Result<void> unpack_segment(const SegmentRow& row, std::string_view body, std::string& out);
// Appends the records to `out`, as views into `bytes`, which come from unpack_segment().
// limits::json_slack_bytes bytes after `bytes` must be readable, so that they are readable after each value.
[[nodiscard]] Result<void> read_records(const SegmentRow& row, std::string_view bytes,
                                        std::vector<consumer::RecordView>& out);

}  // namespace weir::sqlite
