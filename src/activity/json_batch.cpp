#include "activity/json_batch.hpp"

#include <algorithm>
#include <string>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace weir::activity {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t shown_bytes_max = 24;

// Shows the offset and the bytes there, as Decoder does it for an event.
std::unexpected<Error> not_an_array(std::string_view body, std::string_view expected, std::size_t at) {
  std::string text = "the body is not a JSON array: expected " + std::string(expected) + " at byte ";
  text += std::to_string(at) + ", found ";
  if (at >= body.size()) {
    text += "the end";
  } else {
    append_json_string(text, body.substr(at, shown_bytes_max));
  }
  return fail(ErrorKind::invalid, "not_json", std::move(text));
}

}  // namespace

// White space before the body is not significant.
JsonBatch::JsonBatch(std::string_view body)
    : body_(body),
      at_(std::min(body.find_first_not_of(json_spaces), body.size())),
      elements_(JsonArraySplitter::after_bracket(at_ + 1)) {
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
    // RFC 8259, 8.1: JSON that is sent over a network has no byte order mark.
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
    const std::string_view line = trimmed(body_.substr(at_, end - at_), json_spaces);
    at_ = end + 1;
    // Blank lines are no items and have no index.
    if (!line.empty()) return BatchItem{index_++, line};
  }
  return std::nullopt;
}

Result<std::optional<BatchItem>> JsonBatch::next_element() {
  using enum JsonArraySplitter::Step;
  switch (elements_.next(body_)) {
    case element:
      return BatchItem{index_++, body_.substr(elements_.begin(), elements_.end() - elements_.begin())};
    case end:
      return std::nullopt;
    case more:  // the body is complete, so nothing else will come
    case broken:
      break;
  }
  return not_an_array(body_, elements_.expected(), elements_.error_at());
}

}  // namespace weir::activity
