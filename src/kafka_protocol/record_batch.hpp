// Kafka's record batch, message format version 2 (kafka.apache.org/documentation, "Record Batch"). A producer
// sends one for each partition, and the broker writes it to its log without changing the records.
//
//   base offset i64, length i32, partition leader epoch i32, magic i8 = 2, CRC-32C u32 of all that follows,
//   attributes i16 (bits 0–2: compression), last offset delta i32, base time i64, max time i64,
//   producer id i64, producer epoch i16, base sequence i32, number of records i32, records (compressed)
//
// Record: length, attributes i8, time delta, offset delta, key, value, number of headers, headers. A key,
// value, header name or header value is a length and the bytes; the length −1 is null. Lengths, deltas and
// the number of headers are varints.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

struct ZSTD_CCtx_s;
struct LZ4F_cctx_s;

namespace weir::kafka_protocol {

// The values of the attribute bits. The protocol also has gzip and snappy, which this producer does not
// write.
enum class Compression : std::uint8_t { none = 0, lz4 = 3, zstd = 4 };

// Parses `none`, `lz4` or `zstd`. Returns nothing for any other text.
[[nodiscard]] std::optional<Compression> parse_compression(std::string_view text);

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// Identifies a producer to the brokers. They recognise a repeated batch by producer id, epoch and sequence.
struct ProducerId {
  std::int64_t id = -1;
  std::int16_t epoch = -1;

  friend bool operator==(const ProducerId&, const ProducerId&) = default;
};

inline constexpr std::size_t batch_header_bytes = 61;

// The records of one batch. add() encodes each record at once. Not thread-safe.
class RecordSet {
 public:
  // Adds a record. An empty key is encoded as null, an empty value as an empty value. A time before that of
  // the first record is replaced by that of the first record.
  void add(std::string_view key, std::string_view value, std::span<const HeaderView> headers, WallTime now);

  [[nodiscard]] std::int32_t count() const { return count_; }
  // Returns the size of encoded().
  [[nodiscard]] std::size_t bytes() const { return records_.size(); }
  // Returns the encoded records in the order of add(), without compression.
  [[nodiscard]] std::string_view encoded() const { return records_; }
  [[nodiscard]] std::int64_t first_time_ms() const { return first_time_ms_; }
  [[nodiscard]] std::int64_t last_time_ms() const { return last_time_ms_; }
  // Removes all records and keeps the memory.
  void clear();

 private:
  std::string records_;
  std::int32_t count_ = 0;
  std::int64_t first_time_ms_ = 0;
  std::int64_t last_time_ms_ = 0;
};

// A decoded record. Its views are valid as long as the encoded bytes.
struct RecordView {
  std::string_view key;  // empty if the key is null
  std::string_view value;
  std::vector<HeaderView> headers;
  WallTime time;
};

// Decodes records in the format of RecordSet::encoded() and calls `visit` for each of them in order. Returns
// false if the bytes are not exactly `count` whole records; it may have visited some of them.
[[nodiscard]] bool for_each_record(std::string_view encoded, std::int32_t count, WallTime first_time,
                                   const std::function<void(const RecordView&)>& visit);

// Writes batches. Reuses the memory of the compressor. Not thread-safe.
class BatchWriter {
 public:
  explicit BatchWriter(Compression compression);
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;
  ~BatchWriter();

  // Appends the batch to `out`. `first_sequence` is the sequence of the first record. The sequences of the
  // others increase by 1, modulo 2^31. If compression does not make the records smaller, they are written
  // without it.
  void write(const RecordSet& records, ProducerId producer, std::int32_t first_sequence, std::string& out);

 private:
  [[nodiscard]] std::string_view compress(std::string_view records);
  [[nodiscard]] std::size_t compress_lz4(std::string_view records);
  [[nodiscard]] std::size_t compress_zstd(std::string_view records);

  const Compression compression_;
  ZSTD_CCtx_s* zstd_ = nullptr;
  LZ4F_cctx_s* lz4_ = nullptr;
  std::string compressed_;
};

// Returns the sequence after `count` records from `sequence` on. Sequences wrap from 2^31 − 1 to 0.
[[nodiscard]] constexpr std::int32_t sequence_after(std::int32_t sequence, std::int32_t count) {
  return static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(count)) & 0x7FFFFFFFU);
}

}  // namespace weir::kafka_protocol
