// Lists of names as text for people.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir {

// {"a", "b", "c"} as "a, b or c"; empty if there are no choices.
[[nodiscard]] inline std::string choices_in_words(std::span<const std::string_view> choices) {
  std::string words;
  for (std::size_t at = 0; at < choices.size(); ++at) {
    if (at > 0) words += at + 1 == choices.size() ? " or " : ", ";
    words += choices[at];
  }
  return words;
}

}  // namespace weir
