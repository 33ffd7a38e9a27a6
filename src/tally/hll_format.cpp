#include "tally/hll_format.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.hpp"

namespace weir::tally::hll {
namespace {

constexpr char parameters = static_cast<char>((register_bits - 1) << 5 | number_bits);
// expthresh is written as its logarithm + 1, below the flag that says sparse is on
constexpr char threshold =
    static_cast<char>(1 << 6 | (std::countr_zero(std::size_t{limits::sketch_exact_max}) + 1));
static_assert(std::has_single_bit(limits::sketch_exact_max));

constexpr std::size_t group_bytes = 5;  // eight registers
constexpr std::size_t group_registers = 8;

static_assert(std::endian::native == std::endian::little);

// Eight values of 5 bits, packed in 40 bits, to eight bytes of a word, and back; the first in the highest. Each step
// moves the upper half of every group away from, or back to, its lower half.
std::uint64_t spread(std::uint64_t packed) {
  std::uint64_t word = (packed & 0xfffff00000ULL) << 12 | (packed & 0xfffffULL);
  word = (word & 0x000ffc00000ffc00ULL) << 6 | (word & 0x000003ff000003ffULL);
  return (word & 0x03e003e003e003e0ULL) << 3 | (word & 0x001f001f001f001fULL);
}
std::uint64_t squeeze(std::uint64_t word) {
  word = (word >> 3 & 0x03e003e003e003e0ULL) | (word & 0x001f001f001f001fULL);
  word = (word >> 6 & 0x000ffc00000ffc00ULL) | (word & 0x000003ff000003ffULL);
  return (word >> 12 & 0xfffff00000ULL) | (word & 0xfffffULL);
}

std::uint64_t read_big_endian(const char* at, std::size_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, bytes);
  return __builtin_bswap64(word) >> (64 - 8 * bytes);
}

}  // namespace

std::unexpected<Error> broken(std::string text) {
  return fail(Move::ourselves, "sketch_broken", "a stored sketch cannot be read: " + std::move(text));
}

Result<Kind> kind_of(std::string_view bytes) {
  if (bytes.size() < header_bytes) return broken("it is shorter than its header");
  if (bytes[1] != parameters || bytes[2] != threshold)
    return broken("its parameters are not log2m 14, regwidth 5, expthresh 4096, sparse on");
  const std::size_t body = bytes.size() - header_bytes;
  bool fits = false;
  switch (bytes[0]) {
    case 0x11:
      fits = body == 0;
      break;
    case 0x12:
      fits = body > 0 && body % hash_bytes == 0 && body / hash_bytes <= limits::sketch_exact_max;
      break;
    case 0x13:
      fits = body * 8 % sparse_bits < 8 && body * 8 / sparse_bits <= register_count;
      break;
    case 0x14:
      fits = body == full_bytes;
      break;
    default:
      return broken("it is of no known version and kind");
  }
  if (!fits) return broken("its length does not fit its kind");
  return static_cast<Kind>(bytes[0] & 0xf);
}

std::string header(Kind kind) {
  return {static_cast<char>(1 << 4 | static_cast<int>(kind)), parameters, threshold};
}

std::uint64_t read_hash(const char* at) { return read_big_endian(at, hash_bytes); }

void append_hash(std::string& bytes, std::uint64_t hash) {
  const std::uint64_t word = __builtin_bswap64(hash);
  char text[hash_bytes];
  std::memcpy(text, &word, hash_bytes);
  bytes.append(text, hash_bytes);
}

void unpack(std::string_view bytes, Registers registers) {
  const char* from = bytes.data() + header_bytes;
  for (std::size_t at = 0; at < register_count; at += group_registers, from += group_bytes) {
    const std::uint64_t word = __builtin_bswap64(spread(read_big_endian(from, group_bytes)));
    std::memcpy(registers.data() + at, &word, sizeof(word));
  }
}

std::string pack_full(ConstRegisters registers) {
  std::string bytes = header(Kind::full);
  bytes.resize(header_bytes + full_bytes);
  char* to = bytes.data() + header_bytes;
  for (std::size_t at = 0; at < register_count; at += group_registers, to += group_bytes) {
    const std::uint64_t packed =
        squeeze(read_big_endian(reinterpret_cast<const char*>(registers.data() + at), sizeof(std::uint64_t)));
    const std::uint64_t word = __builtin_bswap64(packed << (64 - 8 * group_bytes));
    std::memcpy(to, &word, group_bytes);
  }
  return bytes;
}

Result<bool> raise_by_sparse(std::string_view bytes, Registers registers) {
  bool rose = false;
  std::int64_t last = -1;
  std::uint64_t waiting = 0;  // bits that were read and not used yet, in its lowest `bits`
  unsigned bits = 0;
  for (const char byte : bytes.substr(header_bytes)) {
    waiting = waiting << 8 | static_cast<unsigned char>(byte);
    bits += 8;
    if (bits < sparse_bits) continue;
    bits -= sparse_bits;
    const std::uint64_t entry = waiting >> bits;
    waiting &= (std::uint64_t{1} << bits) - 1;
    const auto number = static_cast<std::int64_t>(entry >> register_bits);
    const auto value = static_cast<std::uint8_t>(entry & register_max);
    if (number <= last || value == 0) return broken("its registers are not ascending and above 0");
    last = number;
    std::uint8_t& target = registers[static_cast<std::size_t>(number)];
    rose |= target < value;
    target = std::max(target, value);
  }
  if (waiting != 0) return broken("there are bits behind its end");
  return rose;
}

std::string pack_sparse(ConstRegisters registers, std::size_t filled) {
  std::string bytes = header(Kind::sparse);
  bytes.reserve(header_bytes + (filled * sparse_bits + 7) / 8);
  std::uint64_t waiting = 0;
  unsigned bits = 0;
  for (std::size_t number = 0; number < register_count; ++number) {
    if (registers[number] == 0) continue;
    waiting = waiting << sparse_bits | number << register_bits | registers[number];
    for (bits += sparse_bits; bits >= 8; bits -= 8) bytes.push_back(static_cast<char>(waiting >> (bits - 8)));
  }
  if (bits > 0) bytes.push_back(static_cast<char>(waiting << (8 - bits)));
  return bytes;
}

bool raise_packed(std::string& bytes, std::size_t number, std::uint8_t value) {
  const std::size_t bit = number * register_bits;
  const std::size_t at = header_bytes + bit / 8;
  // A register lies in one byte or two; the last one ends with the last byte.
  const std::size_t span = bit % 8 + register_bits > 8 ? 2 : 1;
  const auto shift = static_cast<unsigned>(8 * span - bit % 8 - register_bits);
  std::uint64_t word = read_big_endian(bytes.data() + at, span);
  if ((word >> shift & register_max) >= value) return false;
  word = (word & ~(std::uint64_t{register_max} << shift)) | std::uint64_t{value} << shift;
  for (std::size_t i = 0; i < span; ++i) bytes[at + i] = static_cast<char>(word >> 8 * (span - 1 - i));
  return true;
}

}  // namespace weir::tally::hll
