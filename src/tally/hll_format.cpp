// Packs and unpacks registers of 5 bits, eight of them at a time: eight registers in a row take 40 bits in a
// full sketch, and one byte each in a word of 64 bits. spread() and squeeze() convert between the two.
#include "tally/hll_format.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.hpp"

namespace weir::tally::hll {
namespace {

constexpr char parameters = static_cast<char>((register_bits - 1) << 5 | number_bits);
// The format stores expthresh as its binary logarithm plus 1. Bit 6 is the flag "sparse is on".
constexpr char threshold =
    static_cast<char>(1 << 6 | (std::countr_zero(std::size_t{limits::sketch_exact_max}) + 1));
static_assert(std::has_single_bit(limits::sketch_exact_max));

constexpr std::size_t group_bytes = 5;  // of eight packed registers
constexpr std::size_t group_registers = 8;
constexpr std::size_t slack_bytes = 8;  // at the end of an output buffer, because writes are whole words

static_assert(std::endian::native == std::endian::little);

// Convert eight values of 5 bits, packed in 40 bits, to eight bytes of a word, and back. The first value is
// in the highest bits. Each step halves the groups (4, 2, 1 values), or joins them: it shifts the upper half
// of each group.
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

std::uint64_t read_big_endian(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return __builtin_bswap64(word);
}
void write_big_endian(char* at, std::uint64_t word) {
  word = __builtin_bswap64(word);
  std::memcpy(at, &word, sizeof(word));
}

// Sets each of eight registers to the maximum of itself and a byte of `others`. Returns the bits that have
// changed.
std::uint64_t raise_group(std::uint8_t* registers, std::uint64_t others) {
  constexpr std::uint64_t high_bits = 0x8080808080808080ULL;
  std::uint64_t mine = 0;
  std::memcpy(&mine, registers, sizeof(mine));
  // A register is less than 0x80. With the high bit set in each byte of `mine`, no byte borrows from its
  // neighbour, and the high bit stays set exactly in the bytes where mine >= others.
  const std::uint64_t kept = (((mine | high_bits) - others) & high_bits) >> 7;
  const std::uint64_t mask = kept * 0xff;
  const std::uint64_t risen = (mine & mask) | (others & ~mask);
  std::memcpy(registers, &risen, sizeof(risen));
  return risen ^ mine;
}

constexpr bool is_sparse_shorter(std::size_t filled) {
  return filled * sparse_bits < register_count * register_bits;
}

// Kind::full: all registers, eight of them in each group of 5 bytes.
std::string pack_full(ConstRegisters registers) {
  std::string bytes = header(Kind::full);
  bytes.resize(header_bytes + full_bytes + slack_bytes);
  char* to = bytes.data() + header_bytes;
  for (std::size_t at = 0; at < register_count; at += group_registers, to += group_bytes) {
    const std::uint64_t word = read_big_endian(reinterpret_cast<const char*>(registers.data() + at));
    write_big_endian(to, squeeze(word) << (64 - 8 * group_bytes));
  }
  bytes.resize(header_bytes + full_bytes);
  return bytes;
}

// Kind::sparse: number and value of each of the `filled` registers that are not 0, in 19 bits.
std::string pack_sparse(ConstRegisters registers, std::size_t filled) {
  // This loop has no branch. About a quarter of the registers is not 0, so a branch would be mispredicted in
  // a quarter of the cases.
  std::array<std::uint16_t, register_count + 1> numbers;
  for (std::size_t number = 0, found = 0; number < register_count; ++number) {
    numbers[found] = static_cast<std::uint16_t>(number);
    found += registers[number] != 0 ? 1 : 0;
  }
  const std::size_t size = header_bytes + (filled * sparse_bits + 7) / 8;
  std::string bytes = header(Kind::sparse);
  bytes.resize(size + slack_bytes);
  for (std::size_t i = 0; i < filled; ++i) {
    const std::uint64_t entry = std::uint64_t{numbers[i]} << register_bits | registers[numbers[i]];
    const std::size_t bit = i * sparse_bits;
    char* const at = bytes.data() + header_bytes + bit / 8;
    write_big_endian(at, read_big_endian(at) | entry << (64 - sparse_bits - bit % 8));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::unexpected<Error> broken(std::string text) {
  return fail(ErrorKind::internal, "sketch_broken", "a stored sketch cannot be read: " + std::move(text));
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

std::uint64_t read_hash(const char* at) { return read_big_endian(at); }

void append_hash(std::string& bytes, std::uint64_t hash) {
  char text[hash_bytes];
  write_big_endian(text, hash);
  bytes.append(text, hash_bytes);
}

bool raise_by(ConstRegisters others, Registers registers) {
  std::uint64_t rose = 0;
  for (std::size_t at = 0; at < register_count; at += group_registers) {
    std::uint64_t word = 0;
    std::memcpy(&word, others.data() + at, sizeof(word));
    rose |= raise_group(registers.data() + at, word);
  }
  return rose != 0;
}

bool raise_by_full(std::string_view bytes, Registers registers) {
  std::uint64_t rose = 0;
  // A group of 5 bytes is read as the last 5 bytes of a word of 8. The word of the first group begins in the
  // header, so no read goes beyond the end.
  static_assert(header_bytes + group_bytes == sizeof(std::uint64_t));
  const char* from = bytes.data();
  for (std::size_t at = 0; at < register_count; at += group_registers, from += group_bytes) {
    const std::uint64_t packed = read_big_endian(from) & 0xffffffffffULL;
    rose |= raise_group(registers.data() + at, __builtin_bswap64(spread(packed)));
  }
  return rose != 0;
}

Result<bool> raise_by_sparse(std::string_view bytes, Registers registers) {
  bool rose = false;
  std::int64_t last = -1;
  std::uint64_t pending = 0;  // the lowest `bits` bits were read and are not used yet
  unsigned bits = 0;
  for (const char byte : bytes.substr(header_bytes)) {
    pending = pending << 8 | static_cast<unsigned char>(byte);
    bits += 8;
    if (bits < sparse_bits) continue;
    bits -= sparse_bits;
    const std::uint64_t entry = pending >> bits;
    pending &= (std::uint64_t{1} << bits) - 1;
    const auto number = static_cast<std::int64_t>(entry >> register_bits);
    const auto value = static_cast<std::uint8_t>(entry & register_max);
    if (number <= last || value == 0) return broken("its registers are not ascending and above 0");
    last = number;
    std::uint8_t& target = registers[static_cast<std::size_t>(number)];
    rose |= target < value;
    target = std::max(target, value);
  }
  if (pending != 0) return broken("there are bits after its end");
  return rose;
}

std::string pack(ConstRegisters registers) {
  const auto zeros = static_cast<std::size_t>(std::ranges::count(registers, 0));
  const std::size_t filled = register_count - zeros;
  return is_sparse_shorter(filled) ? pack_sparse(registers, filled) : pack_full(registers);
}

bool raise_packed(std::string& bytes, std::size_t number, std::uint8_t value) {
  const std::size_t bit = number * register_bits;
  char* const at = bytes.data() + header_bytes + bit / 8;
  // A register lies in one byte or in two. The last register ends with the last byte, so at[1] exists if it
  // is read.
  const bool in_two = bit % 8 + register_bits > 8;
  const auto shift = static_cast<unsigned>((in_two ? 16 : 8) - bit % 8 - register_bits);
  unsigned word = static_cast<unsigned char>(at[0]);
  if (in_two) word = word << 8 | static_cast<unsigned char>(at[1]);
  if ((word >> shift & register_max) >= value) return false;
  word = (word & ~(unsigned{register_max} << shift)) | unsigned{value} << shift;
  at[0] = static_cast<char>(in_two ? word >> 8 : word);
  if (in_two) at[1] = static_cast<char>(word);
  return true;
}

}  // namespace weir::tally::hll
