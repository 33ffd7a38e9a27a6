// How many values of each capped dimension a window has stored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "tally/dimension.hpp"

namespace weir::tally {

// Stands in the `total` row of a window, so that a flush knows without counting rows whether a new value may
// still be stored. A value; holds only dimensions that have a value.
class StoredValues {
 public:
  StoredValues() = default;
  StoredValues(std::initializer_list<std::pair<Dimension, std::int32_t>> counts);

  [[nodiscard]] std::int32_t count(Dimension dimension) const;  // 0 where nothing is stored
  void add_one(Dimension dimension);                            // requires a capped dimension

  // The number of rows that the window has at most: the stored values, (other) of each dimension, total.
  [[nodiscard]] std::int64_t rows_max() const;

  // "1=5,2=1000,16=3": numbers of dimensions and their counts, ascending.
  [[nodiscard]] std::string encode() const;
  // ErrorKind::internal, stored_values_broken: the text was not written by encode().
  [[nodiscard]] static Result<StoredValues> decode(std::string_view text);

  friend bool operator==(const StoredValues&, const StoredValues&) = default;

 private:
  std::vector<std::pair<Dimension, std::int32_t>> counts_;  // ascending by dimension
};

}  // namespace weir::tally
