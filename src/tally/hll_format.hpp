// Reads and writes the bytes of the hll extension's storage format for sketch.cpp. sketch.hpp names the
// source of the format and describes its four kinds. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::tally::hll {

inline constexpr std::size_t register_count = std::size_t{1} << 14;
inline constexpr unsigned register_bits = 5;
inline constexpr std::uint8_t register_max = 31;
inline constexpr unsigned number_bits = 14;  // of the number of a register
inline constexpr unsigned sparse_bits = number_bits + register_bits;
inline constexpr std::size_t header_bytes = 3;
inline constexpr std::size_t hash_bytes = 8;
inline constexpr std::size_t full_bytes = register_count * register_bits / 8;

enum class Kind : std::uint8_t { empty = 1, exact = 2, sparse = 3, full = 4 };

using Registers = std::span<std::uint8_t, register_count>;
using ConstRegisters = std::span<const std::uint8_t, register_count>;

// Returns the kind of a stored sketch, after a check of its header and its length. Errors as Sketch::decode.
[[nodiscard]] Result<Kind> kind_of(std::string_view bytes);
// Returns the error sketch_broken with this reason.
[[nodiscard]] std::unexpected<Error> broken(std::string text);

// Returns the header of a sketch of this kind: header_bytes bytes.
[[nodiscard]] std::string header(Kind kind);

// The format orders hashes as signed numbers. order_of() flips the sign bit, so that its results compare as
// unsigned numbers in that order. It is its own inverse.
[[nodiscard]] constexpr std::uint64_t order_of(std::uint64_t hash) { return hash ^ (std::uint64_t{1} << 63); }
// Read and write a hash as 8 bytes, big-endian. read_hash() requires 8 readable bytes.
[[nodiscard]] std::uint64_t read_hash(const char* at);
void append_hash(std::string& bytes, std::uint64_t hash);

// Set each register to the maximum of itself and the other register of the same number. The other ones are
// given as registers, or in the bytes of a full or sparse sketch that kind_of() has checked. Return true if
// any register has changed. Errors of a sparse sketch: the numbers do not ascend, a value is 0, or there are
// bits after the end. After an error some registers may have changed.
bool raise_by(ConstRegisters others, Registers registers);
bool raise_by_full(std::string_view bytes, Registers registers);
[[nodiscard]] Result<bool> raise_by_sparse(std::string_view bytes, Registers registers);

// Returns the bytes of a sketch with these registers: sparse if that is shorter, else full.
[[nodiscard]] std::string pack(ConstRegisters registers);

// Raises one register of a full sketch to `value`, in place. Returns false if it was not lower than `value`.
bool raise_packed(std::string& bytes, std::size_t number, std::uint8_t value);

}  // namespace weir::tally::hll
