// The bytes of the extension's storage format, and nothing of their meaning: what sketch.cpp reads and writes
// with. sketch.hpp says where the format comes from and shows its four kinds.
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
inline constexpr unsigned number_bits = 14;  // of a register's number
inline constexpr unsigned sparse_bits = number_bits + register_bits;
inline constexpr std::size_t header_bytes = 3;
inline constexpr std::size_t hash_bytes = 8;
inline constexpr std::size_t full_bytes = register_count * register_bits / 8;

enum class Kind : std::uint8_t { empty = 1, exact = 2, sparse = 3, full = 4 };

using Registers = std::span<std::uint8_t, register_count>;
using ConstRegisters = std::span<const std::uint8_t, register_count>;

// Checks the header and that the length fits the kind. Errors as Sketch::decode.
[[nodiscard]] Result<Kind> kind_of(std::string_view bytes);
[[nodiscard]] std::unexpected<Error> broken(std::string text);

[[nodiscard]] std::string header(Kind kind);

// Hashes are ordered as signed numbers; with the sign bit flipped, as unsigned ones.
[[nodiscard]] constexpr std::uint64_t order_of(std::uint64_t hash) { return hash ^ (std::uint64_t{1} << 63); }
[[nodiscard]] std::uint64_t read_hash(const char* at);
void append_hash(std::string& bytes, std::uint64_t hash);

// Raise registers to those of others: given as registers, or in a full or sparse sketch that kind_of() has
// checked. They answer whether any rose. Errors of a sparse one: numbers not ascending, a value of 0, bits
// behind the end.
bool raise_by(ConstRegisters others, Registers registers);
bool raise_by_full(std::string_view bytes, Registers registers);
[[nodiscard]] Result<bool> raise_by_sparse(std::string_view bytes, Registers registers);

// A sketch of these registers: sparse where that is shorter, else full.
[[nodiscard]] std::string pack(ConstRegisters registers);

// Raises one register of a full sketch in place; answers whether it rose.
bool raise_packed(std::string& bytes, std::size_t number, std::uint8_t value);

}  // namespace weir::tally::hll
