#include "activity/json_batch.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/json_text.hpp"

namespace weir::activity {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t shown_bytes_max = 24;

constexpr bool is_white_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

// Eight bytes at a time: the highest bit of each byte of the result up to the first match tells whether it is
// `byte` (Hacker's Delight, 6-1).
constexpr std::uint64_t ones = 0x0101010101010101;
std::uint64_t matches(std::uint64_t eight, char byte) {
  const std::uint64_t differs = eight ^ (ones * static_cast<unsigned char>(byte));
  return (differs - ones) & ~differs & (ones << 7);
}

// The place behind the closing quote of the string whose content begins at `at`; npos if it is not closed.
std::size_t behind_string(std::string_view text, std::size_t at) {
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
    if (at >= text.size()) return std::string_view::npos;
    if (text[at] == '"') return at + 1;
    at += 2;  // a backslash and what it escapes
  }
}

// The place behind the bracket that closes the one at `at`; npos if none does. Brackets of both kinds count
// alike: whether they match is the decoder's to see.
std::size_t behind_container(std::string_view text, std::size_t at) {
  std::size_t open = 0;
  while (at < text.size()) {
    const char byte = text[at++];
    if (byte == '"') {
      at = behind_string(text, at);
    } else if (byte == '{' || byte == '[') {
      ++open;
    } else if (byte == '}' || byte == ']') {
      if (--open == 0) return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

JsonBatch::JsonBatch(std::string_view body) : body_(body) {
  skip_white_space();
  if (body_.substr(at_).starts_with(byte_order_mark)) {
    form_ = Form::byte_order_mark;
  } else if (at_ < body_.size()) {
    form_ = body_[at_] == '[' ? Form::array : Form::lines;
  }
}

Result<std::optional<BatchItem>> JsonBatch::next() {
  switch (form_) {
    case Form::empty:
      return fail(ErrorKind::invalid, "not_json", "the body is empty: expected a JSON array or NDJSON");
    case Form::byte_order_mark:
      return fail(ErrorKind::invalid, "not_json", "the body begins with a byte order mark: JSON has none");
    case Form::array:
      return next_element();
    case Form::lines:
      return next_line();
  }
  return std::nullopt;
}

std::optional<BatchItem> JsonBatch::next_line() {
  while (at_ < body_.size()) {
    const std::size_t end = std::min(body_.find('\n', at_), body_.size());
    const std::string_view line = trimmed(body_.substr(at_, end - at_));
    at_ = end + 1;
    if (!line.empty()) return BatchItem{index_++, line};
  }
  return std::nullopt;
}

Result<std::optional<BatchItem>> JsonBatch::next_element() {
  if (closed_) return std::nullopt;
  const bool first = index_ == 0;
  if (first) ++at_;  // the opening bracket
  skip_white_space();
  if (first && starts(']')) return close();
  const std::size_t begin = at_;
  if (!find_element_end()) return no_json("an item of the array, with its end,", begin);
  const BatchItem item{index_++, body_.substr(begin, at_ - begin)};
  skip_white_space();
  if (starts(',')) {
    ++at_;
    return item;
  }
  if (!starts(']')) return no_json("',' or ']' behind an item of the array", at_);
  if (auto closed = close(); !closed) return closed;
  return item;
}

// Moves from the beginning of an element to its end; false if there is no element, or no end of it.
bool JsonBatch::find_element_end() {
  if (at_ >= body_.size()) return false;
  const char first = body_[at_];
  if (first == '{' || first == '[') {
    at_ = behind_container(body_, at_);
  } else if (first == '"') {
    at_ = behind_string(body_, at_ + 1);
  } else {
    const std::size_t begin = at_;
    at_ = std::min(body_.find_first_of(",]}[{:\" \n\r\t", at_), body_.size());
    return at_ > begin;
  }
  return at_ <= body_.size();
}

// Passes the closing bracket, behind which only white space may stand.
Result<std::optional<BatchItem>> JsonBatch::close() {
  ++at_;
  skip_white_space();
  if (at_ < body_.size()) return no_json("nothing behind the array", at_);
  closed_ = true;
  return std::nullopt;
}

bool JsonBatch::starts(char byte) const { return at_ < body_.size() && body_[at_] == byte; }

void JsonBatch::skip_white_space() {
  while (at_ < body_.size() && is_white_space(body_[at_])) ++at_;
}

std::unexpected<Error> JsonBatch::no_json(std::string_view expected, std::size_t at) const {
  std::string text = "the body is no JSON array: expected " + std::string(expected) + " at byte ";
  text += std::to_string(at) + ", found ";
  if (at >= body_.size()) {
    text += "the end";
  } else {
    append_json_string(text, body_.substr(at, shown_bytes_max));
  }
  return fail(ErrorKind::invalid, "not_json", std::move(text));
}

}  // namespace weir::activity
