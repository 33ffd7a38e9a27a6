// Selects the best rows of a top list from any number of values, in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/query.hpp"
#include "report/report.hpp"

namespace weir::report {

// Keeps at most `limit` rows in a heap whose front is the worst of them. Rows with equal numbers are ranked
// by their values, in ascending order of the bytes. Therefore the result does not depend on the order of
// offer(). Not thread-safe.
class BestRows {
  [[nodiscard]] std::int64_t rank_of(const Numbers& numbers) const {
    if (sort_ == Sort::events) return numbers.events;
    return sort_ == Sort::page_views ? numbers.page_views : numbers.unique_users;
  }
  [[nodiscard]] bool is_better(std::string_view value, const Numbers& numbers, std::string_view than_value,
                               const Numbers& than_numbers) const {
    const std::int64_t rank = rank_of(numbers);
    const std::int64_t than_rank = rank_of(than_numbers);
    return rank != than_rank ? rank > than_rank : value < than_value;
  }

  [[nodiscard]] auto row_is_better() const {
    return [this](const TopRow& a, const TopRow& b) {
      return is_better(a.value, a.numbers, b.value, b.numbers);
    };
  }

 public:
  BestRows(Sort sort, std::size_t limit) : sort_(sort), limit_(limit) {}

  // Offers a row. Each value may be offered once. Costs O(log limit), and no allocation if the row is not
  // kept.
  void offer(std::string_view value, const Numbers& numbers) {
    if (rows_.size() == limit_) {
      if (limit_ == 0 || !is_better(value, numbers, rows_.front().value, rows_.front().numbers)) return;
      std::ranges::pop_heap(rows_, row_is_better());
      rows_.pop_back();
    }
    rows_.push_back({std::string(value), numbers});
    std::ranges::push_heap(rows_, row_is_better());
  }

  // Returns whether a row whose number is at most `rank` can still be kept, for any value.
  [[nodiscard]] bool can_keep(std::int64_t rank) const {
    return rows_.size() < limit_ || (limit_ > 0 && rank >= rank_of(rows_.front().numbers));
  }

  // Returns the kept rows, the best one first, and removes them.
  [[nodiscard]] std::vector<TopRow> take() {
    std::ranges::sort(rows_, row_is_better());
    return std::exchange(rows_, {});
  }

 private:
  const Sort sort_;
  const std::size_t limit_;
  std::vector<TopRow> rows_;
};

}  // namespace weir::report
