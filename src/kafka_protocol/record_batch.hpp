// Kafka's record batch, message format version 2 (kafka.apache.org/documentation, "Record Batch"): what a
// producer sends for one partition, and what the broker writes to its log as it came.
//
//   base offset i64, length i32, partition leader epoch i32, magic i8 = 2, CRC-32C u32 of all that follows,
//   attributes i16 (bits 0–2: compression), last offset delta i32, base time i64, max time i64,
//   producer id i64, producer epoch i16, base sequence i32, number of records i32, records (compressed)
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

// The values of the attribute bits. gzip and snappy exist in the protocol; Weir's own producer does not write
// them.
enum class Compression : std::uint8_t { none = 0, lz4 = 3, zstd = 4 };

// `none`, `lz4` or `zstd`; nothing for any other text.
[[nodiscard]] std::optional<Compression> parse_compression(std::string_view text);

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// Identifies a producer to the brokers. They recognise a batch that is sent again by producer id, epoch and
// sequence.
struct ProducerId {
  std::int64_t id = -1;
  std::int16_t epoch = -1;

  friend bool operator==(const ProducerId&, const ProducerId&) = default;
};

inline constexpr std::size_t batch_header_bytes = 61;

// The records of one batch, encoded as they are added. Not thread-safe.
class RecordSet {
 public:
  // An empty key is written as null, so the record has no key; an empty value is written as an empty one.
  // Times must not precede the first record's; an earlier one is raised to it.
  void add(std::string_view key, std::string_view value, std::span<const HeaderView> headers, WallTime now);

  [[nodiscard]] std::int32_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return records_.size(); }  // encoded, not compressed
  // Without compression, in the order in which they were added.
  [[nodiscard]] std::string_view encoded() const { return records_; }
  [[nodiscard]] std::int64_t first_time_ms() const { return first_time_ms_; }
  [[nodiscard]] std::int64_t last_time_ms() const { return last_time_ms_; }
  void clear();

 private:
  std::string records_;
  std::int32_t count_ = 0;
  std::int64_t first_time_ms_ = 0;
  std::int64_t last_time_ms_ = 0;
};

struct RecordView {
  std::string_view key;  // empty if it is null
  std::string_view value;
  std::vector<HeaderView> headers;
  WallTime time;
};

// Reads records that are not compressed, as RecordSet::encoded() has them, in order. Calls `visit` for each;
// the views are into `encoded`. Returns false if the bytes are not `count` whole records.
[[nodiscard]] bool for_each_record(std::string_view encoded, std::int32_t count, WallTime first_time,
                                   const std::function<void(const RecordView&)>& visit);

// Writes batches. Keeps the compressor's memory from batch to batch. Not thread-safe.
class BatchWriter {
 public:
  explicit BatchWriter(Compression compression);
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;
  ~BatchWriter();

  // Appends the batch to `out`. `first_sequence` is the sequence of the first record; the following ones
  // count up by one, modulo 2^31. Records that do not become smaller are written without compression.
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

// The sequence after `count` records from `sequence` on: sequences wrap from 2^31 − 1 to 0.
[[nodiscard]] constexpr std::int32_t sequence_after(std::int32_t sequence, std::int32_t count) {
  return static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(count)) & 0x7FFFFFFFU);
}

}  // namespace weir::kafka_protocol
