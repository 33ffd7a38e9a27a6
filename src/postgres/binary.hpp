// Values as PostgreSQL sends and takes them in binary. Sources: the server's send and receive functions
// (src/backend/utils/adt: int.c, int8.c, varlena.c, timestamp.c,
// and array_recv in arrayfuncs.c); numbers are big-endian.
//
//   timestamptz  bigint: microseconds since 2000-01-01T00:00:00Z
//   text, bytea  the bytes themselves
//   array        int dimensions (0 if empty, else 1), int 1 if there may be nulls, int the elements' type (OID);
//                then int count, int first index (1); then each element: int its bytes (−1: null), the bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace weir::postgres {

// The OIDs of pg_type.dat, which never change.
enum class Type : std::uint32_t {
  boolean = 16,
  bytea = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
};

// A moment outside of what PostgreSQL can keep (4713 BC to 294276) becomes the nearest one that it can.
[[nodiscard]] std::int64_t microseconds_of(WallTime moment);
[[nodiscard]] WallTime moment_of(std::int64_t microseconds);  // cut to milliseconds

// Big-endian, of 1, 2, 4 or 8 bytes.
[[nodiscard]] std::int64_t read_number(std::string_view bytes);

// PostgreSQL refuses a text with NUL or broken UTF-8: each such byte becomes U+FFFD. For texts that may quote
// bytes of strangers.
[[nodiscard]] std::string storable_text(std::string_view text);

// One array of one dimension.
class Array {
 public:
  explicit Array(Type element);

  // The one that fits the element's type: numbers for boolean and int…, moments for timestamptz, bytes for
  // text and bytea.
  Array& add(std::int64_t number);
  Array& add(WallTime moment);
  Array& add(std::string_view bytes);
  Array& add_null();

  [[nodiscard]] std::string take() &&;  // the whole value; leaves nothing here

 private:
  Type element_;
  std::int64_t count_ = 0;
  bool nulls_ = false;
  std::string bytes_;
};

// What a statement's $1, $2 … stand for, in this order. Owns its bytes.
class Parameters {
 public:
  Parameters& add(Type type, std::int64_t number);
  Parameters& add(WallTime moment);
  Parameters& add(std::string_view bytes);  // text or bytea
  Parameters& add(Array array);
  Parameters& add_null();

  [[nodiscard]] std::size_t count() const { return values_.size(); }
  [[nodiscard]] const std::optional<std::string>& value(std::size_t place) const { return values_[place]; }

 private:
  std::vector<std::optional<std::string>> values_;
};

}  // namespace weir::postgres
