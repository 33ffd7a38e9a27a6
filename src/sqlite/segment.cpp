// A body is checked in two steps. The hash finds bytes that the disk has changed. The parser then bounds each
// length by the bytes that are left, and compares the number of records with the row.
#include "sqlite/segment.hpp"

#include <optional>

#include "base/hash.hpp"
#include "tracing/trace_context.hpp"

namespace weir::sqlite {
namespace {

constexpr char version = 1;
constexpr std::size_t check_bytes = 8;

std::uint64_t check_of(std::string_view bytes) { return murmur3(bytes).low; }

// Parses a body. Each function returns false or nothing if the body ends too early.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

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
bool read_records(const SegmentRow& row, std::string_view bytes, std::vector<consumer::RecordView>& out) {
  Cursor cursor(bytes);
  for (std::int64_t i = 0; i < row.records; ++i) {
    auto& record = out.emplace_back();
    record.offset = row.first_offset + i;
    record.time = row.time;
    if (!cursor.record(record)) return false;
  }
  return cursor.at_end();  // the row may name fewer records than the body has
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
  add_number(headers.size());
  for (const auto& header : headers) {
    add_bytes(header.name);
    add_bytes(header.value);
  }
  ++records_;
}

std::string_view SegmentWriter::finish() {
  const std::uint64_t check = check_of(body_);
  for (std::size_t i = 0; i < check_bytes; ++i) body_ += static_cast<char>(check >> (8 * i) & 0xffU);
  return body_;
}

void SegmentWriter::reset() {
  body_.assign(1, version);
  records_ = 0;
}

// LEB128.
void SegmentWriter::add_number(std::size_t number) {
  for (; number >= 0x80; number >>= 7) body_ += static_cast<char>((number & 0x7fU) | 0x80U);
  body_ += static_cast<char>(number);
}

void SegmentWriter::add_bytes(std::string_view bytes) {
  add_number(bytes.size());
  body_ += bytes;
}

Result<void> read_segment(const SegmentRow& row, std::string_view body,
                          std::vector<consumer::RecordView>& out) {
  if (body.size() < 1 + check_bytes) return damaged(row, "is too short");
  const std::string_view checked = body.substr(0, body.size() - check_bytes);
  if (check_of(checked) != read_check(body.substr(checked.size()))) return damaged(row, "fails its check");
  if (checked.front() != version)
    return damaged(row, "is of format " + std::to_string(static_cast<unsigned char>(checked.front())) +
                            "; expected " + std::to_string(version));
  // The check holds and the records do not match: a defect of the writer, or another row.
  const std::size_t before = out.size();
  if (!read_records(row, checked.substr(1), out)) {
    out.resize(before);
    return damaged(row, "does not hold the " + std::to_string(row.records) + " records of its row");
  }
  return {};
}

}  // namespace weir::sqlite
