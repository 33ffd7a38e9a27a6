// Counts distinct users: exactly up to limits::sketch_exact_max, and with HyperLogLog above it.
//
// The encoding is the storage format of the PostgreSQL extension `hll` (github.com/citusdata/postgresql-hll,
// 2.17; its STORAGE.markdown, schema version 1) for hll(14, 5, 4096, 1). encode() writes the same bytes as
// the extension. Therefore SQL can cast a column of sketches to hll, unite and count them
// (tests/integration/sketch_hll_test.cpp):
//
//   11 8e 4d                      empty
//   12 8e 4d, then 8 bytes each   explicit: the hashes, big-endian, ascending as signed numbers; at most 4096
//   13 8e 4d, then 19 bits each   sparse: register number (14) and value (5) of the registers that are not 0
//   14 8e 4d, then 5 bits each    full: all 16384 registers
//
// With more than 4096 hashes a sketch has registers, and never becomes explicit again. Registers are encoded
// as sparse if that is shorter, else as full. The low 14 bits of a hash are the number of its register. Its
// value is the position of the lowest bit that is set in the other 50 bits, counted from 1, and at most 31. A
// register holds the maximum of these values.
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

// A value type with deep copies and cheap moves; not thread-safe. Its elements are the low 64 bits of
// murmur3(user_id), which equal hll_hash_text(user_id). add() and unite() are commutative, associative and
// idempotent: sketches of equal sets have equal encodings. Memory: about 80 bytes, plus a table for more than
// two users (UserSet), or 16 KiB for more than exact_max users.
class Sketch {
 public:
  static constexpr std::size_t register_count = std::size_t{1} << 14;
  static constexpr std::size_t exact_max = limits::sketch_exact_max;

  // These functions return true if the sketch has changed. add() costs 5 to 10 ns while the sketch is exact,
  // and 1 ns with registers.
  bool add(std::uint64_t hash);
  bool unite(const Sketch& other);
  // Unites with an encoded sketch without decoding it first. Costs 2 ns a stored hash if this sketch has
  // registers, 4 ns if it is exact; 5 µs for a full sketch, 10 µs for a sparse one. Errors as decode(). After
  // an error this sketch may have a part of the other one: discard it.
  Result<bool> unite_encoded(std::string_view bytes);

  // Costs 10 ns a hash for some hundred, 40 ns for thousands (they are sorted); 6 µs for a full sketch, 40 µs
  // for a sparse one.
  [[nodiscard]] std::string encode() const;
  // Returns an upper bound for the length of encode(), in O(1).
  [[nodiscard]] std::size_t encoded_bytes_max() const;
  // Error: ErrorKind::internal, code sketch_broken. The bytes have other parameters, a wrong length, hashes
  // or registers out of order or out of range, or bits after the end. decode() never repairs such bytes.
  static Result<Sketch> decode(std::string_view bytes);

  [[nodiscard]] bool empty() const { return registers_.empty() && exact_.empty(); }
  [[nodiscard]] bool is_exact() const { return registers_.empty(); }
  // Returns the same number as the extension's operator `#`, to the last bit. It is the count if the sketch
  // is exact. Else it is the estimator of the HyperLogLog paper, with the small-range correction (linear
  // counting) and the large-range correction; costs 10 µs. As in the extension, the result is NaN if the
  // estimator exceeds 2^44, the number of hashes that registers can distinguish. No realistic set of users
  // does that.
  [[nodiscard]] double cardinality() const;
  // Returns cardinality() rounded as PostgreSQL rounds a double precision, or 2^44 if it is NaN. This is the
  // number that Weir shows.
  [[nodiscard]] std::int64_t estimate() const;
  // Returns the relative standard error of estimate(), as the contract defines it (§4). 0 if exact.
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

  UserSet exact_;                        // empty if the sketch has registers
  std::vector<std::uint8_t> registers_;  // empty if the sketch is exact, else register_count elements
};

// Unites `more` into an encoded sketch in place. Returns true if a byte has changed. If both are explicit,
// this merges sorted lists without a table (1 to 2 ns a stored hash). If `stored` is full and `more` is
// exact, it writes single registers (10 ns a hash). Errors as Sketch::decode; then `stored` is unchanged.
Result<bool> unite_into(std::string& stored, const Sketch& more);

}  // namespace weir::tally
