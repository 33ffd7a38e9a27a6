// A body is checked in two steps. The hash finds bytes that the disk has changed. What reads it then bounds
// each length by the bytes that are left, and compares the number of records with the row.
#include "sqlite/segment.hpp"

#include <lz4.h>
#include <optional>

#include "base/hash.hpp"
#include "tracing/trace_context.hpp"

namespace weir::sqlite {
namespace {

constexpr char plain_version = 1;
constexpr char packed_version = 2;
constexpr std::size_t check_bytes = 8;
// Fewer bytes are not packed: they would fill a page of the file anyway.
constexpr std::size_t packed_bytes_min = 1024;
// A byte of a block is at most so many bytes of records: the most of one length byte of LZ4.
constexpr std::size_t expansion_max = 255;

std::uint64_t check_of(std::string_view bytes) { return murmur3(bytes).low; }

// Parses a body. Each function returns false or nothing if the body ends too early.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  // LEB128, at most the ten bytes that 64 bits need.
  std::optional<std::size_t> number() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      number |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return number;
    }
    return std::nullopt;
  }

  bool bytes(std::string_view& out) {
    const auto size = number();
    if (!size || *size > rest_.size()) return false;
    out = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return true;
  }

  // Of the headers only the source of a replay and the trace context are kept.
  bool record(consumer::RecordView& out) {
    std::string_view value;
    if (!bytes(out.key) || !bytes(value)) return false;
    out.value = value;
    const auto headers = number();
    if (!headers) return false;
    for (std::size_t i = 0; i < *headers; ++i) {
      std::string_view name;
      if (!bytes(name) || !bytes(value)) return false;
      if (name == consumer::replay_header) out.replay_source = value;
      if (name == tracing::traceparent_header) out.traceparent = value;
      if (name == tracing::tracestate_header) out.tracestate = value;
    }
    return true;
  }

 private:
  std::string_view rest_;
};

// Offsets are consecutive, and all records of a segment have its time.
bool parse_records(const SegmentRow& row, std::string_view bytes, std::vector<consumer::RecordView>& out) {
  Cursor cursor(bytes);
  for (std::int64_t i = 0; i < row.records; ++i) {
    auto& record = out.emplace_back();
    record.offset = row.first_offset + i;
    record.time = row.time;
    if (!cursor.record(record)) return false;
  }
  return cursor.at_end();  // the row may name fewer records than the body has
}

// Appends the records of a block, whose length precedes it.
bool unpack_block(std::string_view content, std::string& out) {
  Cursor cursor(content);
  const auto size = cursor.number();
  const std::string_view block = cursor.rest();
  if (!size || *size > expansion_max * block.size()) return false;
  const std::size_t before = out.size();
  bool whole = false;
  out.resize_and_overwrite(before + *size, [&](char* bytes, std::size_t) {
    const int unpacked = LZ4_decompress_safe(block.data(), bytes + before, static_cast<int>(block.size()),
                                             static_cast<int>(*size));
    whole = unpacked >= 0 && static_cast<std::size_t>(unpacked) == *size;
    return whole ? before + *size : before;
  });
  return whole;
}

// LEB128.
void append_number(std::string& to, std::size_t number) {
  for (; number >= 0x80; number >>= 7) to += static_cast<char>((number & 0x7fU) | 0x80U);
  to += static_cast<char>(number);
}

// Byte by byte, so that the format does not depend on the byte order of the machine.
std::uint64_t read_check(std::string_view bytes) {
  std::uint64_t check = 0;
  for (std::size_t i = 0; i < check_bytes; ++i)
    check |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return check;
}

std::unexpected<Error> damaged(const SegmentRow& row, std::string_view how) {
  return fail(
      ErrorKind::internal, code_segment_damaged,
      "the event log's segment at offset " + std::to_string(row.first_offset) + " " + std::string(how));
}

}  // namespace

// The order of the fields is that of the format in segment.hpp.
void SegmentWriter::add(const intake::EventBatch& events, const intake::RecordSlice& record) {
  add_bytes(events.key(record));
  add_bytes(events.value(record));
  const auto& headers = events.headers(record);
  append_number(plain_, headers.size());
  for (const auto& header : headers) {
    add_bytes(header.name);
    add_bytes(header.value);
  }
  ++records_;
}

std::string_view SegmentWriter::finish() {
  std::string& body = pack() ? packed_ : plain_;
  const std::uint64_t check = check_of(body);
  for (std::size_t i = 0; i < check_bytes; ++i) body += static_cast<char>(check >> (8 * i) & 0xffU);
  return body;
}

// Returns false if the segment should stay plain.
bool SegmentWriter::pack() {
  if (plain_.size() < packed_bytes_min) return false;
  const std::string_view records = std::string_view(plain_).substr(1);
  packed_.assign(1, packed_version);
  append_number(packed_, records.size());
  const std::size_t at = packed_.size();
  const int size = static_cast<int>(records.size());
  const auto room = static_cast<std::size_t>(LZ4_compressBound(size));
  int block = 0;
  packed_.resize_and_overwrite(at + room, [&](char* bytes, std::size_t) {
    block = LZ4_compress_default(records.data(), bytes + at, size, static_cast<int>(room));
    return at + static_cast<std::size_t>(block);
  });
  return block > 0 && packed_.size() < plain_.size() / 8 * 7;
}

void SegmentWriter::reset() {
  plain_.assign(1, plain_version);
  records_ = 0;
}

void SegmentWriter::add_bytes(std::string_view bytes) {
  append_number(plain_, bytes.size());
  plain_ += bytes;
}

Result<void> unpack_segment(const SegmentRow& row, std::string_view body, std::string& out) {
  if (body.size() < 1 + check_bytes) return damaged(row, "is too short");
  const std::string_view checked = body.substr(0, body.size() - check_bytes);
  if (check_of(checked) != read_check(body.substr(checked.size()))) return damaged(row, "fails its check");
  if (checked.front() == plain_version) {
    out += checked.substr(1);
    return {};
  }
  if (checked.front() != packed_version)
    return damaged(row, "is of format " + std::to_string(static_cast<unsigned char>(checked.front())) +
                            "; expected 1 or 2");
  if (!unpack_block(checked.substr(1), out)) return damaged(row, "cannot be unpacked");
  return {};
}

Result<void> read_records(const SegmentRow& row, std::string_view bytes,
                          std::vector<consumer::RecordView>& out) {
  const std::size_t before = out.size();
  if (parse_records(row, bytes, out)) return {};
  // A defect of the writer, or another row.
  out.resize(before);
  return damaged(row, "does not hold the " + std::to_string(row.records) + " records of its row");
}

}  // namespace weir::sqlite
