// A batch is written in one pass: first the header with 0 as length and checksum, then the records. At the
// end the length and the checksum are set in the header.
#include "kafka_protocol/record_batch.hpp"

#include <algorithm>
#include <array>
#include <lz4frame.h>
#include <new>
#include <zstd.h>

#include "kafka_protocol/crc32c.hpp"
#include "kafka_protocol/wire.hpp"

namespace weir::kafka_protocol {
namespace {

constexpr int zstd_level = 1;
constexpr std::size_t length_at = 8;
constexpr std::size_t crc_at = 17;
constexpr std::size_t checked_from = 21;  // the CRC covers all bytes from the attributes on

// Returns the encoded size of a text with its length.
std::size_t size_of(std::string_view bytes) {
  return varint_size(static_cast<std::int64_t>(bytes.size())) + bytes.size();
}

// Never shrinks the buffer, because resize() fills it with zeros each time it grows.
void grow_to(std::string& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

void write_text(Writer& out, std::string& buffer, std::string_view text) {
  out.varint(static_cast<std::int64_t>(text.size()));
  buffer.append(text);
}

}  // namespace

std::optional<Compression> parse_compression(std::string_view text) {
  if (text == "none") return Compression::none;
  if (text == "lz4") return Compression::lz4;
  if (text == "zstd") return Compression::zstd;
  return std::nullopt;
}

void RecordSet::add(std::string_view key, std::string_view value, std::span<const HeaderView> headers,
                    WallTime now) {
  const std::int64_t now_ms = now.time_since_epoch().count();
  if (count_ == 0) first_time_ms_ = last_time_ms_ = now_ms;
  const std::int64_t time_delta = std::max<std::int64_t>(0, now_ms - first_time_ms_);
  last_time_ms_ = std::max(last_time_ms_, first_time_ms_ + time_delta);
  // The length of a record precedes it as a varint, so its size must be known first.
  std::size_t size = 1 + varint_size(time_delta) + varint_size(count_) +
                     varint_size(static_cast<std::int64_t>(headers.size())) + size_of(value);
  size += key.empty() ? varint_size(-1) : size_of(key);
  for (const auto& header : headers) size += size_of(header.name) + size_of(header.value);

  Writer out(records_);
  out.varint(static_cast<std::int64_t>(size));
  out.integer<std::int8_t>(0);  // attributes, of which none is defined
  out.varint(time_delta);
  out.varint(count_);  // offset delta
  if (key.empty())
    out.varint(-1);
  else
    write_text(out, records_, key);
  write_text(out, records_, value);
  out.varint(static_cast<std::int64_t>(headers.size()));
  for (const auto& header : headers) {
    write_text(out, records_, header.name);
    write_text(out, records_, header.value);
  }
  ++count_;
}

void RecordSet::clear() {
  records_.clear();
  count_ = 0;
}

bool for_each_record(std::string_view encoded, std::int32_t count, WallTime first_time,
                     const std::function<void(const RecordView&)>& visit) {
  Reader reader(encoded);
  // A length of -1 is null.
  const auto text = [&reader] {
    const std::int64_t length = reader.varint();
    return length < 0 ? std::string_view{} : reader.take(static_cast<std::size_t>(length));
  };
  for (std::int32_t i = 0; i < count; ++i) {
    static_cast<void>(reader.varint());  // length
    reader.integer<std::int8_t>();       // attributes
    RecordView record;
    record.time = first_time + std::chrono::milliseconds{reader.varint()};
    static_cast<void>(reader.varint());  // offset delta
    record.key = text();
    record.value = text();
    const std::int64_t headers = reader.varint();
    for (std::int64_t header = 0; header < headers && !reader.failed(); ++header) {
      const std::string_view name = text();
      record.headers.push_back({name, text()});
    }
    if (reader.failed()) return false;
    visit(record);
  }
  return reader.rest().empty();
}

BatchWriter::BatchWriter(Compression compression) : compression_(compression) {
  if (compression_ == Compression::zstd) {
    zstd_ = ZSTD_createCCtx();
    if (zstd_ == nullptr) throw std::bad_alloc();
  }
  if (compression_ == Compression::lz4 &&
      LZ4F_isError(LZ4F_createCompressionContext(&lz4_, LZ4F_VERSION)) != 0)
    throw std::bad_alloc();
}

BatchWriter::~BatchWriter() {
  ZSTD_freeCCtx(zstd_);
  LZ4F_freeCompressionContext(lz4_);
}

// Returns the compressed size, or 0 after an error of the library. Then the records stay uncompressed.
std::size_t BatchWriter::compress_lz4(std::string_view records) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Kafka's brokers before 0.10 read no other
  preferences.frameInfo.contentSize = records.size();
  preferences.autoFlush = 1;  // one call has all records, so the library need not buffer them
  grow_to(compressed_, LZ4F_compressFrameBound(records.size(), &preferences));
  std::size_t at = LZ4F_compressBegin(lz4_, compressed_.data(), compressed_.size(), &preferences);
  if (LZ4F_isError(at) != 0) return 0;
  for (const bool last : {false, true}) {
    char* const to = compressed_.data() + at;
    const std::size_t free = compressed_.size() - at;
    const std::size_t wrote =
        last ? LZ4F_compressEnd(lz4_, to, free, nullptr)
             : LZ4F_compressUpdate(lz4_, to, free, records.data(), records.size(), nullptr);
    if (LZ4F_isError(wrote) != 0) return 0;
    at += wrote;
  }
  return at;
}

std::size_t BatchWriter::compress_zstd(std::string_view records) {
  grow_to(compressed_, ZSTD_compressBound(records.size()));
  const std::size_t size = ZSTD_compressCCtx(zstd_, compressed_.data(), compressed_.size(), records.data(),
                                             records.size(), zstd_level);
  return ZSTD_isError(size) != 0 ? 0 : size;
}

// Returns the compressed records, or an empty view if they are not smaller or not to be compressed.
std::string_view BatchWriter::compress(std::string_view records) {
  std::size_t size = 0;
  if (compression_ == Compression::lz4) size = compress_lz4(records);
  if (compression_ == Compression::zstd) size = compress_zstd(records);
  return size < records.size() ? std::string_view(compressed_).substr(0, size) : std::string_view{};
}

void BatchWriter::write(const RecordSet& records, ProducerId producer, std::int32_t first_sequence,
                        std::string& out) {
  const std::string_view compressed = compress(records.encoded());
  const std::size_t begin = out.size();
  Writer to(out);
  to.integer<std::int64_t>(0);   // base offset: the broker's to set
  to.integer<std::int32_t>(0);   // length, below
  to.integer<std::int32_t>(-1);  // partition leader epoch: the broker's to set
  to.integer<std::int8_t>(2);
  to.integer<std::uint32_t>(0);  // CRC, below
  to.integer(static_cast<std::int16_t>(compressed.empty() ? Compression::none : compression_));
  to.integer(records.count() - 1);
  to.integer(records.first_time_ms());
  to.integer(records.last_time_ms());
  to.integer(producer.id);
  to.integer(producer.epoch);
  to.integer(first_sequence);
  to.integer(records.count());
  out.append(compressed.empty() ? records.encoded() : compressed);
  to.replace(begin + length_at,
             static_cast<std::int32_t>(out.size() - begin - length_at - sizeof(std::int32_t)));
  to.replace(begin + crc_at, crc32c(std::string_view(out).substr(begin + checked_from)));
}

}  // namespace weir::kafka_protocol
