// Numbers are written and read byte by byte or with a byte swap, so nothing here depends on the byte order of
// the machine.
#include "postgres/binary.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <utility>

#include "base/ensure.hpp"
#include "base/utf8.hpp"

namespace weir::postgres {
namespace {

// The epoch of PostgreSQL.
constexpr std::chrono::sys_seconds epoch = std::chrono::sys_days{std::chrono::January / 1 / 2000};
// timestamp.h: MIN_TIMESTAMP, and END_TIMESTAMP less one millisecond, the resolution of WallTime.
constexpr std::int64_t microseconds_min = -211'813'488'000'000'000;
constexpr std::int64_t microseconds_max = 9'223'371'331'199'999'000;

constexpr std::size_t header_bytes = 20;  // of an array that is not empty

// The width of a number type.
std::size_t bytes_of(Type type) {
  switch (type) {
    case Type::boolean:
      return 1;
    case Type::int2:
      return 2;
    case Type::int4:
      return 4;
    case Type::int8:
    case Type::timestamptz:
      return 8;
    case Type::bytea:
    case Type::text:
      break;
  }
  ensure(false, "a number is added to a parameter of a number type");
  return 0;
}

// The `bytes` low bytes of a number in network order, at the front of the result.
std::array<char, 8> big_endian(std::int64_t number, std::size_t bytes) {
  const std::uint64_t high = static_cast<std::uint64_t>(number) << (64 - 8 * bytes);
  return std::bit_cast<std::array<char, 8>>(std::endian::native == std::endian::little ? std::byteswap(high)
                                                                                       : high);
}

void put_number(std::string& out, std::int64_t number, std::size_t bytes) {
  out.append(big_endian(number, bytes).data(), bytes);
}

}  // namespace

std::int64_t microseconds_of(WallTime moment) {
  using std::chrono::microseconds;
  // Clamped as WallTime: in microseconds a moment of WallTime can overflow.
  const WallTime first = epoch + std::chrono::ceil<std::chrono::milliseconds>(microseconds{microseconds_min});
  const WallTime last = epoch + std::chrono::floor<std::chrono::milliseconds>(microseconds{microseconds_max});
  return std::chrono::duration_cast<microseconds>(std::clamp(moment, first, last) - epoch).count();
}

WallTime moment_of(std::int64_t microseconds) {
  return epoch + std::chrono::floor<std::chrono::milliseconds>(std::chrono::microseconds{microseconds});
}

std::int64_t read_number(std::string_view bytes) {
  ensure(bytes.size() == 1 || bytes.size() == 2 || bytes.size() == 4 || bytes.size() == 8,
         "a column that is read as a number has a number type");
  // The first byte is signed and so sets the sign of the result.
  auto number = static_cast<std::uint64_t>(static_cast<signed char>(bytes.front()));
  for (const char byte : bytes.substr(1)) number = number << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(number);
}

std::string storable_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : utf8_sequence_length(text);
    clean += length == 0 ? utf8_replacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

// The header is written by take(), when the number of elements is known.
Array::Array(Type element) : element_(element), bytes_(header_bytes, '\0') {}

Array& Array::add(std::int64_t number) {
  const std::size_t bytes = bytes_of(element_);
  put_number(bytes_, static_cast<std::int64_t>(bytes), 4);
  put_number(bytes_, number, bytes);
  ++count_;
  return *this;
}

Array& Array::add(WallTime moment) { return add(microseconds_of(moment)); }

Array& Array::add(std::string_view bytes) {
  put_number(bytes_, static_cast<std::int64_t>(bytes.size()), 4);
  bytes_ += bytes;
  ++count_;
  return *this;
}

Array& Array::add_null() {
  put_number(bytes_, -1, 4);
  nulls_ = true;
  ++count_;
  return *this;
}

// An empty array has no dimension, and so neither count nor first index.
std::string Array::take() && {
  const bool empty = count_ == 0;
  std::string header;
  put_number(header, empty ? 0 : 1, 4);  // dimensions
  put_number(header, nulls_ ? 1 : 0, 4);
  put_number(header, static_cast<std::int64_t>(element_), 4);
  if (empty) return header;
  put_number(header, count_, 4);
  put_number(header, 1, 4);  // the first index
  bytes_.replace(0, header_bytes, header);
  return std::move(bytes_);
}

Parameters& Parameters::add(Type type, std::int64_t number) {
  put_number(values_.emplace_back(std::in_place).value(), number, bytes_of(type));
  return *this;
}

Parameters& Parameters::add(WallTime moment) { return add(Type::timestamptz, microseconds_of(moment)); }

Parameters& Parameters::add(std::string_view bytes) {
  values_.emplace_back(bytes);
  return *this;
}

Parameters& Parameters::add(Array array) {
  values_.emplace_back(std::move(array).take());
  return *this;
}

Parameters& Parameters::add_null() {
  values_.emplace_back(std::nullopt);
  return *this;
}

}  // namespace weir::postgres
