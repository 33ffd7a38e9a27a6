// The primitive types of Kafka's wire protocol (kafka.apache.org/protocol, "Protocol Primitive Types"):
// fixed-size integers in big-endian order, strings and bytes with a length before them, zigzag varints.
//
// The versions of requests that Weir uses are not "flexible" ones, so there are no compact strings or tagged
// fields.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weir::kafka_protocol {

// Converts between the byte order of the processor and big-endian. It is its own inverse.
template <std::integral T>
[[nodiscard]] constexpr T to_big_endian(T value) {
  if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) return std::byteswap(value);
  return value;
}

// Appends values to a buffer that the caller owns and that outlives the writer. Not thread-safe.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  // INT8 to INT64: big-endian.
  template <std::integral T>
  void integer(T value) {
    const T big = to_big_endian(value);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &big, sizeof(T));
    out_.append(bytes, sizeof(T));
  }
  // STRING and NULLABLE_STRING: int16 length (−1: null), then the bytes. At most 32,767 bytes.
  void string(std::string_view text) {
    integer(static_cast<std::int16_t>(text.size()));
    out_.append(text);
  }
  void null_string() { integer<std::int16_t>(-1); }
  // BYTES: int32 length, then the bytes.
  void bytes(std::string_view value) {
    integer(static_cast<std::int32_t>(value.size()));
    out_.append(value);
  }
  // VARINT and VARLONG: zigzag encoding, then 7 bits in each byte, the lowest first. The high bit of a byte
  // is set if another byte follows.
  void varint(std::int64_t value) {
    auto bits = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
    while (bits >= 0x80U) {
      out_.push_back(static_cast<char>(bits | 0x80U));
      bits >>= 7U;
    }
    out_.push_back(static_cast<char>(bits));
  }
  // Overwrites the integer at `position`. Requires that these bytes were written before.
  template <std::integral T>
  void replace(std::size_t position, T value) {
    const T big = to_big_endian(value);
    std::memcpy(out_.data() + position, &big, sizeof(T));
  }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  std::string& out_;
};

// Returns the number of bytes that Writer::varint() writes.
[[nodiscard]] constexpr std::size_t varint_size(std::int64_t value) {
  const auto bits = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
  return (static_cast<std::size_t>(std::bit_width(bits | 1U)) + 6) / 7;
}

// Reads values from untrusted bytes. If the bytes end within a value, failed() becomes true, and this value
// and all later ones are 0 or empty. So a caller can read a whole structure and check failed() once. Views
// refer to the bytes of the constructor. Not thread-safe.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T integer() {
    if (rest_.size() < sizeof(T)) return fail<T>();
    T big{};
    std::memcpy(&big, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return to_big_endian(big);
  }
  bool boolean() { return integer<std::int8_t>() != 0; }
  // Returns nothing if the length is negative (null), or after a failure.
  std::optional<std::string_view> nullable_string() {
    const auto length = integer<std::int16_t>();
    if (failed_ || length < 0) return std::nullopt;
    return take(static_cast<std::size_t>(length));
  }
  // Like nullable_string(), but null is a failure.
  std::string_view string() {
    const auto text = nullable_string();
    if (!text) failed_ = true;
    return text.value_or(std::string_view{});
  }
  // Null is read as empty.
  std::string_view bytes() {
    const auto length = integer<std::int32_t>();
    return length < 0 ? std::string_view{} : take(static_cast<std::size_t>(length));
  }
  // Returns the number of elements of an array, or 0 for null. Each element has at least `element_bytes_min`
  // bytes. A count that exceeds the rest of the bytes is a failure, so a caller may reserve memory for the
  // result.
  std::size_t array_size(std::size_t element_bytes_min) {
    const auto count = integer<std::int32_t>();
    if (failed_ || count < 0) return 0;
    if (static_cast<std::size_t>(count) > rest_.size() / element_bytes_min) return fail<std::size_t>();
    return static_cast<std::size_t>(count);
  }
  // More than ten bytes are a failure.
  std::int64_t varint() {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(integer<std::int8_t>());
      if (failed_) return 0;
      bits |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0)
        return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
    }
    return fail<std::int64_t>();
  }
  // Returns the next `size` bytes.
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) return fail<std::string_view>();
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  // Returns the bytes that are not read yet.
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  template <class T>
  T fail() {
    failed_ = true;
    rest_ = {};
    return T{};
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace weir::kafka_protocol
