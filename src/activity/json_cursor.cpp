// begin() runs simdjson's stage 1 over the whole document. Its result is an array with the offset of each
// token. A token is a structural character outside of strings, a string, or another run of bytes. The
// functions below pass these tokens one by one. What is between two tokens is checked by the one that passes
// the first of them.
//
// The document is also searched for the next backslash, so that strings without escapes cost no second look.
#include "activity/json_cursor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <simdjson.h>

#include "base/ensure.hpp"
#include "base/hex.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"
#include "base/utf8.hpp"

namespace weir::activity {
namespace {

// Enough for events of the default size limit.
constexpr std::size_t first_capacity = limits::event_bytes_default;
constexpr std::size_t shown_bytes_max = 24;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
static_assert(limits::json_slack_bytes >= simdjson::SIMDJSON_PADDING);
static_assert(
    simdjson::SIMDJSON_VERSION_MAJOR == 3 && simdjson::SIMDJSON_VERSION_MINOR == 0,
    "stage 1 is internal to simdjson: read docs/adr/0012, run activity_test, then change the version here");

// The number that the four hexadecimal digits of a \u escape make, or -1.
int hex4(const char* digits) { return hex_number({digits, 4}); }

// UTF-16 encodes a character above U+FFFF as a high and a low surrogate.
constexpr bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Appends the character of the \uXXXX at `at`, or of a pair of them that encodes one character. Returns the
// end of the escape.
const char* append_unicode_escape(const char* at, const char* end, std::string& out, Unescaped& result) {
  const int unit = hex4(at + 2);
  at += 6;
  if (is_high_surrogate(unit) && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    if (const int low = hex4(at + 2); is_low_surrogate(low)) {
      append_utf8(out, static_cast<char32_t>(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)));
      return at + 6;
    }
  }
  result.has_nul |= unit == 0;
  result.has_lone_surrogate |= is_high_surrogate(unit) || is_low_surrogate(unit);
  append_utf8(out, static_cast<char32_t>(unit));
  return at;
}

char meaning_of_escape(char name) {
  switch (name) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return name;  // " \ /
  }
}

}  // namespace

// The escapes were checked by the cursor, so they are not checked again.
Unescaped unescape_raw(std::string_view raw, std::string& scratch) {
  ensure(scratch.capacity() - scratch.size() >= raw.size(), "unescaping does not move earlier results");
  const std::size_t begin = scratch.size();
  Unescaped result;
  const char* const end = raw.data() + raw.size();
  for (const char* at = raw.data(); at < end;) {
    if (*at != '\\') {
      scratch += *at++;
    } else if (at[1] == 'u') {
      at = append_unicode_escape(at, end, scratch, result);
    } else {
      scratch += meaning_of_escape(at[1]);
      at += 2;
    }
  }
  result.text = std::string_view(scratch).substr(begin);
  return result;
}

// Keeps simdjson's types out of the header.
struct JsonCursor::Stage1 {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> finder;
};

JsonCursor::JsonCursor() : stage1_(std::make_unique<Stage1>()) {
  const auto failed = simdjson::get_active_implementation()->create_dom_parser_implementation(
      first_capacity, 1, stage1_->finder);
  if (failed != simdjson::SUCCESS) throw std::bad_alloc();
}

JsonCursor::~JsonCursor() = default;

bool JsonCursor::begin(std::string_view text) {
  auto& finder = *stage1_->finder;
  text_ = text.data();
  bytes_ = text.size();
  token_ = tokens_ = 0;
  code_ = "not_json";
  expected_ = document_error_ = {};
  if (text.size() > finder.capacity()) {
    if (text.size() > simdjson::SIMDJSON_MAXSIZE_BYTES) {
      document_error_ = "it is larger than 4 GB";
      return false;
    }
    const std::size_t capacity = std::min(std::bit_ceil(text.size()), simdjson::SIMDJSON_MAXSIZE_BYTES);
    // Doubles, so that growing is rare.
    if (finder.set_capacity(capacity) != simdjson::SUCCESS) throw std::bad_alloc();
  }
  // Regular mode: one document, and the whole of it.
  const auto failed = finder.stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                    simdjson::stage1_mode::regular);
  if (failed == simdjson::SUCCESS) {
    positions_ = finder.structural_indexes.get();
    tokens_ = finder.n_structural_indexes;
    ensure(positions_[tokens_] == bytes_, "the size of the text follows the positions of the tokens");
    find_backslash(text_);
    if (!text.starts_with(byte_order_mark)) return true;
    document_error_ = "it begins with a byte order mark";
  } else if (failed == simdjson::UTF8_ERROR) {
    code_ = "bad_utf8";
    document_error_ = "its bytes are not UTF-8";
    // These errors have no position: stage 1 finds them in blocks of 64 bytes.
  } else if (failed == simdjson::UNESCAPED_CHARS) {
    document_error_ = "a string holds a control character that is not escaped";
  } else if (failed == simdjson::UNCLOSED_STRING) {
    document_error_ = "a string is not closed";
  } else if (failed == simdjson::EMPTY) {
    document_error_ = "it is empty";
  } else {
    document_error_ = simdjson::error_message(failed);
  }
  return false;
}

// Most documents have none: then one search covers all their strings.
void JsonCursor::find_backslash(const char* from) {
  const char* const end = text_ + bytes_;
  const void* const found = std::memchr(from, '\\', static_cast<std::size_t>(end - from));
  next_backslash_ = found == nullptr ? end : static_cast<const char*>(found);
}

// `from` is the first byte of a string.
bool JsonCursor::check_escapes(const char* from, const char* closing_quote) {
  for (const char* at = std::max(from, next_backslash_); at < closing_quote; ++at) {
    if (*at != '\\') continue;
    ++at;
    const bool unicode = *at == 'u';
    if (unicode && (closing_quote - at < 5 || hex4(at + 1) < 0))
      return fail_with("\\u with four hex digits in the string");
    if (!unicode && std::memchr("\"\\/bfnrt", *at, 8) == nullptr) {
      return fail_with("only the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u in the string");
    }
  }
  find_backslash(closing_quote);
  return true;
}

bool JsonCursor::end_scalar(const char* end) {
  // Stage 1 reports no token within a run of other bytes. So either the next token or white space must
  // follow.
  if (end != text_ + positions_[token_ + 1] && !is_white_space(*end)) return fail_with("a value");
  ++token_;
  return true;
}

// The grammar of RFC 8259, 6: [-] int [frac] [exp]. Only the text is checked; no number is computed.
bool JsonCursor::skip_number() {
  const char* at = text_ + positions_[token_];
  const char* const end = text_ + positions_[token_ + 1];
  const auto skip_digits = [&] {
    const char* const first = at;
    while (at < end && *at >= '0' && *at <= '9') ++at;
    return at - first;
  };
  if (*at == '-') ++at;
  const bool zero = at < end && *at == '0';
  const auto whole_digits = skip_digits();
  if (whole_digits == 0 || (zero && whole_digits > 1)) return fail_with("a valid JSON number");
  if (at < end && *at == '.') {
    ++at;
    if (skip_digits() == 0) return fail_with("a valid JSON number");
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at < end && (*at == '+' || *at == '-')) ++at;
    if (skip_digits() == 0) return fail_with("a valid JSON number");
  }
  return end_scalar(at);
}

// true, false or null.
bool JsonCursor::skip_word(std::string_view word) {
  const char* const at = text_ + positions_[token_];
  // The word may be longer than what is left of the document.
  if (positions_[token_ + 1] - positions_[token_] < word.size() ||
      word != std::string_view(at, word.size())) {
    return fail_with("a value");
  }
  return end_scalar(at + word.size());
}

bool JsonCursor::skip_scalar() {
  JsonString ignored;
  switch (peek()) {
    case '"':
      return take_string(ignored);
    case 't':
      return skip_word("true");
    case 'f':
      return skip_word("false");
    case 'n':
      return skip_word("null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return skip_number();
    default:
      return fail_with("a value");
  }
}

bool JsonCursor::fail_too_deep() {
  code_ = "too_deep";
  return fail_with("values nested at most 32 deep");
  static_assert(limits::json_depth_max == 32, "the error text names this depth");
}

// Iterative, so no document can exhaust the stack.
bool JsonCursor::skip_value(int depth) {
  static_assert(limits::json_depth_max <= 32, "`objects` has a bit for each open container");
  std::uint32_t objects =
      0;  // a stack of bits: the lowest one is set if the innermost open container is an object
  int open = 0;
  JsonString name;
  while (true) {
    const char first = peek();
    if (first == '{' || first == '[') {
      if (depth + open == limits::json_depth_max) return fail_too_deep();
      ++token_;
      ++open;
      objects = (objects << 1) | (first == '{' ? 1U : 0U);
      if (peek() != first + 2) {  // } is { + 2 and ] is [ + 2
        if (first == '{' && !take_name(name)) return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    while (true) {  // after a value, or at the end of an empty container
      if (open == 0) return true;
      const bool in_object = (objects & 1) != 0;
      if (take(in_object ? '}' : ']')) {
        objects >>= 1;
        --open;
        continue;
      }
      if (!expect(',', in_object ? "',' or '}'" : "',' or ']'")) return false;
      if (in_object && !take_name(name)) return false;
      break;
    }
  }
}

std::string_view JsonCursor::next_in_words() const {
  if (at_end()) return "the end";
  switch (peek()) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "a string";
    case 't':
      return "true";
    case 'f':
      return "false";
    case 'n':
      return "null";
    default:
      break;
  }
  return peek() == '-' || (peek() >= '0' && peek() <= '9') ? "a number" : "no value";
}

Error JsonCursor::error() const {
  std::string text = "not JSON: ";
  if (code_ == "too_deep") text = "too deep: ";
  if (!document_error_.empty()) {
    text += document_error_;
    return {.kind = ErrorKind::invalid, .code = code_, .text = std::move(text)};
  }
  // The position of the token that was not as expected.
  const std::size_t at = at_end() ? bytes_ : positions_[token_];
  text += "expected ";
  text += expected_;
  text += " at byte ";
  text += std::to_string(at);
  text += ", found ";
  if (at_end()) {
    text += "the end";
  } else {
    append_json_string(text, std::string_view(text_ + at, std::min(bytes_ - at, shown_bytes_max)));
  }
  return {.kind = ErrorKind::invalid, .code = code_, .text = std::move(text)};
}

}  // namespace weir::activity
