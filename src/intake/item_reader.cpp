#include "intake/item_reader.hpp"

namespace weir::intake {

Result<std::optional<Item>> JsonItems::next() {
  auto item = items_.next();
  if (!item) return propagate(item);
  if (!*item) return std::nullopt;
  // Whether the item is an activity is the decoder's to check, so no item is rejected here.
  return Item{.index = (*item)->index, .event = (*item)->json, .rejection = nullptr};
}

}  // namespace weir::intake
