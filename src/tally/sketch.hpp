// How many different users: exactly, to limits::sketch_exact_max, and by HyperLogLog beyond.
//
// The bytes are the storage format of the PostgreSQL extension `hll` (github.com/citusdata/postgresql-hll,
// 2.17; its STORAGE.markdown, schema version 1) for hll(14, 5, 4096, 1), and encode() writes byte for byte
// what the extension would, so that a column of them can be cast, united and counted there
// (tests/integration/sketch_hll_test.cpp):
//
//   11 8e 4d                      empty
//   12 8e 4d, then 8 bytes each   explicit: the hashes, big-endian, ascending as signed numbers; at most 4096
//   13 8e 4d, then 19 bits each   sparse: register number (14) and value (5) of the registers that are not 0
//   14 8e 4d, then 5 bits each    full: all 16384 registers
//
// Past 4096 hashes explicit turns into registers, for good; registers are written sparse where that is
// shorter. A hash's low 14 bits name its register; a register keeps the highest position that the lowest bit
// set in the rest of its hashes had, at most 31.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "tally/user_set.hpp"

namespace weir::tally {

// A value: copied whole, moved cheaply. Elements are the low 64 bits of murmur3(user_id), which is
// hll_hash_text(). The order in which users are added and sketches united makes no difference, nor does doing
// so twice: equal sets encode alike. About 80 bytes and, beyond two users, their table; 16 KiB beyond
// exact_max.
class Sketch {
 public:
  static constexpr std::size_t register_count = std::size_t{1} << 14;
  static constexpr std::size_t exact_max = limits::sketch_exact_max;

  // Each of these answers whether anything changed. Adding costs 5 to 10 ns while exact, 1 ns beyond.
  bool add(std::uint64_t hash);
  bool unite(const Sketch& other);
  // Unites with a stored sketch without making a Sketch of it first: 2 ns a stored hash where this one has
  // registers (4 where it is exact), 5 µs for a full one, 10 for a sparse one. Where there is an error (see
  // decode), some of it may have been united: give this sketch up.
  Result<bool> unite_encoded(std::string_view bytes);

  // 10 ns a hash for some hundred, 40 for thousands (they are sorted); 6 µs full, 40 sparse.
  [[nodiscard]] std::string encode() const;
  // At most the length of encode().
  [[nodiscard]] std::size_t encoded_bytes_max() const;
  // ErrorKind::internal, code sketch_broken: other parameters, a bad length, hashes or registers out of order
  // or out of range, bits behind the end. Bytes that the extension would not write are refused, not repaired.
  static Result<Sketch> decode(std::string_view bytes);

  [[nodiscard]] bool empty() const { return registers_.empty() && exact_.empty(); }
  [[nodiscard]] bool is_exact() const { return registers_.empty(); }
  // The extension's `#`, to the last bit: the count while exact, else the estimator of the HyperLogLog paper
  // with its small-range (linear counting) and large-range corrections, in 10 µs. Not a number, as there,
  // where registers say that there were more hashes than there can be (2^44): no crowd makes such registers.
  [[nodiscard]] double cardinality() const;
  // The number to show: rounded as PostgreSQL's round(double precision) does; 2^44 where that is not a
  // number.
  [[nodiscard]] std::int64_t estimate() const;
  // The relative standard error of estimate(), as the contract states it (§4).
  [[nodiscard]] double relative_error() const;

 private:
  friend Result<bool> unite_into(std::string& stored, const Sketch& more);
  enum class Merged : std::uint8_t { nothing_new, grown, too_many };

  bool raise_for(std::uint64_t hash);
  void turn_into_registers();
  [[nodiscard]] std::span<std::uint8_t, register_count> registers() {
    return std::span<std::uint8_t, register_count>(registers_);
  }
  [[nodiscard]] std::span<const std::uint8_t, register_count> registers() const {
    return std::span<const std::uint8_t, register_count>(registers_);
  }
  Result<bool> unite_hashes(std::string_view hashes);
  [[nodiscard]] std::vector<std::uint64_t> sorted_orders() const;
  static Result<Merged> merge_sorted(std::string& stored, const std::vector<std::uint64_t>& more);

  UserSet exact_;                        // while exact
  std::vector<std::uint8_t> registers_;  // none while exact
};

// Unites `more` into a stored sketch in place; answers whether a byte changed. Where both are explicit this
// merges sorted lists and builds no table (1 to 2 ns a stored hash); into a full one it writes single
// registers (10 ns a hash). Errors as Sketch::decode; then `stored` is as it was.
Result<bool> unite_into(std::string& stored, const Sketch& more);

}  // namespace weir::tally
