// The number of stored values of each capped dimension in a window.
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

// The `total` row of a window holds this object, so that a flush need not count rows to know if it may store
// a new value. A value type. Dimensions without a stored value are not in it.
class StoredValues {
 public:
  StoredValues() = default;
  StoredValues(std::initializer_list<std::pair<Dimension, std::int32_t>> counts);

  // Returns the number of stored values of a dimension, or 0.
  [[nodiscard]] std::int32_t count(Dimension dimension) const;
  // Adds 1 to the count of a dimension. Requires a capped dimension.
  void add_one(Dimension dimension);

  // Returns the maximum number of rows of the window: total, the stored values, and (other) of each
  // dimension.
  [[nodiscard]] std::int64_t rows_max() const;

  // The text is like "1=5,2=1000,16=3": pairs of dimension number and count, in ascending order.
  [[nodiscard]] std::string encode() const;
  // Error: ErrorKind::internal, code stored_values_broken, if encode() does not write such a text.
  [[nodiscard]] static Result<StoredValues> decode(std::string_view text);

  friend bool operator==(const StoredValues&, const StoredValues&) = default;

 private:
  std::vector<std::pair<Dimension, std::int32_t>> counts_;  // in ascending order of the dimensions
};

}  // namespace weir::tally
