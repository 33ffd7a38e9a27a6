// The body of a segment, the row in which the embedded log keeps the records of one commit.
//
//   body    := version record* check
//   version := one byte, 1
//   record  := bytes(key) bytes(value) number(how many headers) (bytes(name) bytes(value))*
//   bytes(x):= number(length of x), then x
//   number  := unsigned LEB128, seven bits a byte, the lowest first, the top bit set on all bytes but the last
//   check   := the low half of MurmurHash3_x64_128 (base/hash.hpp) of everything before it, 8 bytes, little end first
//
// How many records there are, their first offset and their time stand in the other columns of the row.
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

class SegmentWriter {
 public:
  void add(const intake::EventBatch& events, const intake::RecordSlice& record);
  [[nodiscard]] std::int64_t records() const { return records_; }
  // Readers take segments whole, so a poll's size is theirs.
  [[nodiscard]] bool full() const {
    return records_ >= limits::segment_records_max || body_.size() >= limits::segment_bytes_max;
  }
  // Writes the check and gives the whole body; it lives until begin_anew(), which must come before the next
  // add().
  [[nodiscard]] std::string_view finish();
  void begin_anew();

 private:
  void add_number(std::size_t number);
  void add_bytes(std::string_view bytes);

  std::string body_{'\1'};
  std::int64_t records_ = 0;
};

struct SegmentRow {
  std::int64_t first_offset = 0;
  std::int64_t records = 0;
  RecordTime time;

  [[nodiscard]] std::int64_t end() const { return first_offset + records; }
};

// Appends the records of a segment to `out`, as views into `body`; behind `body` limits::json_slack_bytes
// must be readable, then they are so behind each value. ErrorKind::internal, segment_damaged: the check does
// not hold, or the body is not what the row says; `out` is then as it was.
Result<void> read_segment(const SegmentRow& row, std::string_view body,
                          std::vector<consumer::RecordView>& out);

}  // namespace weir::sqlite
