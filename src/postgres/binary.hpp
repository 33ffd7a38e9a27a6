// The binary format in which PostgreSQL sends and receives values. Pure.
// Sources: the send and receive functions of the server in src/backend/utils/adt (int.c, int8.c, varlena.c,
// timestamp.c, and array_recv in arrayfuncs.c). Numbers are big-endian.
//
//   timestamptz  bigint: microseconds since 2000-01-01T00:00:00Z
//   text, bytea  the bytes themselves
//   array        int: dimensions (0 if empty, else 1); int: 1 if there may be nulls, else 0; int: the type of
//                the elements (OID); then int: count; int: first index (1); then for each element int: its
//                bytes (−1: null), and the bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace weir::postgres {

// OIDs of pg_type.dat, which are stable over all versions of PostgreSQL.
enum class Type : std::uint32_t {
  boolean = 16,
  bytea = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
};

// A moment outside of the range of timestamptz (4713 BC to 294276) becomes the nearest one in it.
[[nodiscard]] std::int64_t microseconds_of(WallTime moment);
[[nodiscard]] WallTime moment_of(std::int64_t microseconds);  // cut to milliseconds

// Reads a signed big-endian integer of 1, 2, 4 or 8 bytes.
[[nodiscard]] std::int64_t read_number(std::string_view bytes);

// Replaces each NUL and each byte that is not part of valid UTF-8 by U+FFFD, because PostgreSQL rejects such
// texts. For texts that may quote untrusted bytes.
[[nodiscard]] std::string storable_text(std::string_view text);

// Builds an array of one dimension.
class Array {
 public:
  explicit Array(Type element);

  // Use the overload that fits the type of the elements: numbers for boolean and int…, moments for
  // timestamptz, bytes for text and bytea.
  Array& add(std::int64_t number);
  Array& add(WallTime moment);
  Array& add(std::string_view bytes);
  Array& add_null();

  [[nodiscard]] std::string take() &&;  // the encoded value

 private:
  Type element_;
  std::int64_t count_ = 0;
  bool nulls_ = false;
  std::string bytes_;
};

// The values of $1, $2 … of a statement, in this order. Owns its bytes.
class Parameters {
 public:
  Parameters& add(Type type, std::int64_t number);
  Parameters& add(WallTime moment);
  Parameters& add(std::string_view bytes);  // text or bytea
  Parameters& add(Array array);
  Parameters& add_null();

  [[nodiscard]] std::size_t count() const { return values_.size(); }
  [[nodiscard]] const std::optional<std::string>& value(std::size_t index) const { return values_[index]; }

 private:
  std::vector<std::optional<std::string>> values_;
};

}  // namespace weir::postgres
