// The counts are a vector sorted by dimension. It has at most one entry for each capped dimension, so a
// linear search is cheap.
#include "tally/stored_values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/ensure.hpp"

namespace weir::tally {
namespace {

using Count = std::pair<Dimension, std::int32_t>;

// Removes a number from the front of `text` and returns it. Returns nothing if there is no number from 1 to
// `max`.
std::optional<std::int32_t> take_number(std::string_view& text, std::int32_t max) {
  std::int32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || number < 1 || number > max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Removes the separator from the front of `text`. Returns false if `text` begins with another character.
bool take(std::string_view& text, char separator) {
  if (!text.starts_with(separator)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

StoredValues::StoredValues(std::initializer_list<Count> counts) : counts_(counts) {
  std::ranges::sort(counts_);
}

std::int32_t StoredValues::count(Dimension dimension) const {
  const auto found = std::ranges::find(counts_, dimension, &Count::first);
  return found == counts_.end() ? 0 : found->second;
}

void StoredValues::add_one(Dimension dimension) {
  ensure(!is_built_in(dimension) || descriptor_of(dimension).is_capped, "total is not capped");
  const auto found = std::ranges::lower_bound(counts_, dimension, {}, &Count::first);
  if (found != counts_.end() && found->first == dimension)
    ++found->second;
  else
    counts_.insert(found, {dimension, 1});
}

std::int64_t StoredValues::rows_max() const {
  auto rows = static_cast<std::int64_t>(built_in_dimension_count);
  for (const auto& [dimension, count] : counts_) rows += count + (is_built_in(dimension) ? 0 : 1);
  return rows;
}

std::string StoredValues::encode() const {
  std::string text;
  for (const auto& [dimension, count] : counts_) {
    if (!text.empty()) text += ',';
    text += std::to_string(index_of(dimension)) + '=' + std::to_string(count);
  }
  return text;
}

Result<StoredValues> StoredValues::decode(std::string_view text) {
  StoredValues stored;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto dimension = take_number(rest, static_cast<std::int32_t>(index_of(last_own_dimension)));
    const bool separated = dimension && take(rest, '=');
    const auto count = separated ? take_number(rest, std::numeric_limits<std::int32_t>::max()) : std::nullopt;
    const bool ascends = dimension && (stored.counts_.empty() ||
                                       static_cast<Dimension>(*dimension) > stored.counts_.back().first);
    const bool ends = rest.empty() || (take(rest, ',') && !rest.empty());
    if (!count || !ascends || !ends)
      return fail(ErrorKind::internal, "stored_values_broken",
                  "stored_values of a window is \"" + std::string(text) +
                      "\"; expected numbers of dimensions and counts, as 1=5,2=12");
    stored.counts_.emplace_back(static_cast<Dimension>(*dimension), *count);
  }
  return stored;
}

}  // namespace weir::tally
