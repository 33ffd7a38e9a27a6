// next() moves from phase to phase (see the header); find_end() alone works within an element. Both leave at_
// at the first byte that they have not decided about, so that the next call goes on there with a longer text.
#include "activity/json_array_splitter.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::activity {
namespace {

constexpr std::string_view whole_element = "an element with its end";

// Compares eight bytes with `byte`. Up to the first match, the highest bit of each byte of the result tells
// whether they are equal (Hacker's Delight, 6-1).
constexpr std::uint64_t ones = 0x0101010101010101;
std::uint64_t matches(std::uint64_t eight, char byte) {
  const std::uint64_t differs = eight ^ (ones * static_cast<unsigned char>(byte));
  return (differs - ones) & ~differs & (ones << 7);
}

// Moves `at` from within a string past its closing quote. False if the text ends before; then `at` is where a
// longer text is to be looked at.
bool skip_string(std::string_view text, std::size_t& at) {
  while (true) {
    if constexpr (std::endian::native == std::endian::little) {
      for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t eight;
        std::memcpy(&eight, text.data() + at, 8);
        const std::uint64_t found = matches(eight, '"') | matches(eight, '\\');
        if (found == 0) continue;
        at += static_cast<std::size_t>(std::countr_zero(found)) / 8;
        break;
      }
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\') ++at;
    if (at >= text.size()) return false;
    if (text[at] == '"') {
      ++at;
      return true;
    }
    if (at + 1 >= text.size()) return false;
    at += 2;  // a backslash and the byte that it escapes
  }
}

bool is_white_space(char byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

bool is_scalar(char first) { return first != '{' && first != '[' && first != '"'; }

}  // namespace

JsonArraySplitter::Step JsonArraySplitter::next(std::string_view text) {
  if (phase_ == Phase::inside) return find_end(text);
  bool more = skip_white_space(text);
  if (more && text[at_] == ']' && (phase_ == Phase::first || phase_ == Phase::separator)) {
    ++at_;
    phase_ = Phase::closed;
    more = skip_white_space(text);
  }
  if (phase_ == Phase::closed) return more ? stop(Step::broken, "nothing after the array") : Step::end;
  if (phase_ == Phase::separator) {
    if (!more || text[at_] != ',')
      return stop(more ? Step::broken : Step::more, "',' or ']' after an element");
    ++at_;
    phase_ = Phase::element;
    more = skip_white_space(text);
  }
  if (!more) return stop(Step::more, whole_element);
  begin_ = at_;
  depth_ = 0;
  in_string_ = false;
  phase_ = Phase::inside;
  return find_end(text);
}

JsonArraySplitter::Step JsonArraySplitter::find_end(std::string_view text) {
  if (is_scalar(text[begin_])) {
    at_ = std::min(text.find_first_of(",]}[{:\" \n\r\t", at_), text.size());
    if (at_ == text.size()) return stop(Step::more, whole_element);
    if (at_ == begin_) return stop(Step::broken, whole_element);
    phase_ = Phase::separator;
    return Step::element;
  }
  while (at_ < text.size()) {
    if (in_string_) {
      if (!skip_string(text, at_)) break;
      in_string_ = false;
    } else {
      const char byte = text[at_++];
      if (byte == '"') {
        in_string_ = true;
        continue;
      }
      if (byte == '{' || byte == '[') ++depth_;
      if (byte != '}' && byte != ']') continue;
      --depth_;
    }
    if (depth_ > 0) continue;
    phase_ = Phase::separator;
    return Step::element;
  }
  return stop(Step::more, whole_element);
}

JsonArraySplitter::Step JsonArraySplitter::end_of_text(std::string_view text) {
  if (phase_ != Phase::inside || !is_scalar(text[begin_]) || at_ != text.size()) return Step::more;
  phase_ = Phase::separator;
  return Step::element;
}

// Whether the text goes on with another byte.
bool JsonArraySplitter::skip_white_space(std::string_view text) {
  while (at_ < text.size() && is_white_space(text[at_])) ++at_;
  return at_ < text.size();
}

JsonArraySplitter::Step JsonArraySplitter::stop(Step step, std::string_view expected) {
  expected_ = expected;
  return step;
}

}  // namespace weir::activity
