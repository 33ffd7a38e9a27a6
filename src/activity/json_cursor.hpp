// A cursor over the tokens of one JSON document (RFC 8259). Each token is checked as the cursor passes it, so
// a caller that has reached the end has seen a complete and valid document.
//
// simdjson finds where the tokens begin, many bytes at a time, and checks UTF-8, unescaped control characters
// and unclosed strings (its "stage 1": Langdale, Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal
// 2019). The grammar is checked here, because simdjson's on-demand reader does not check what its caller does
// not read. See docs/adr/0007 and 0012; simdjson_stage1_test.cpp holds what is assumed of stage 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::activity {

// A string as it is between its quotes. If it is `escaped`, unescape() gives its value.
struct JsonString {
  std::string_view raw;
  bool escaped = false;
};

struct Unescaped {
  std::string_view text;  // a lone surrogate is in it as the three bytes that UTF-8 forbids
  bool has_nul = false;
  bool has_lone_surrogate = false;
};

// The value of an escaped string, from its raw bytes. See unescape().
[[nodiscard]] Unescaped unescape_raw(std::string_view raw, std::string& scratch);

// The value of a string that a cursor has passed. Appends to `scratch` if the string is escaped. The unused
// capacity of `scratch` must be at least raw.size(), so that earlier views into it stay valid.
[[nodiscard]] inline Unescaped unescape(const JsonString& string, std::string& scratch) {
  if (!string.escaped) return {.text = string.raw};
  return unescape_raw(string.raw, scratch);
}

// For one thread. Functions that return bool return false at a fault of the document. Then error() describes
// the fault, and only begin() may be called.
class JsonCursor {
 public:
  // Allocates for documents of up to 64 KiB; begin() allocates for larger ones. Throws std::bad_alloc.
  JsonCursor();
  JsonCursor(const JsonCursor&) = delete;
  JsonCursor& operator=(const JsonCursor&) = delete;
  ~JsonCursor();

  // Moves before the first token of `text`, which must outlive its use. limits::json_slack_bytes after it
  // must be readable.
  [[nodiscard]] bool begin(std::string_view text);

  [[nodiscard]] bool at_end() const { return token_ == tokens_; }

  // The first byte of the next token; '\0' at the end. It can be any byte, also one that begins no token of
  // JSON.
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[positions_[token_]]; }

  // Where the next token begins; at the end, the end of the text.
  [[nodiscard]] const char* next_bytes() const { return text_ + positions_[token_]; }

  // Passes the next token if it is this one of { } [ ] : ,
  bool take(char punctuation) {
    if (peek() != punctuation) return false;
    ++token_;
    return true;
  }

  // The same, where any other token is a fault.
  [[nodiscard]] bool expect(char punctuation, std::string_view expected) {
    return take(punctuation) || fail_with(expected);
  }

  [[nodiscard]] bool take_string(JsonString& string) {
    if (peek() != '"') return fail_with("a string");
    // Only white space may be between the closing quote and the next token.
    const char* const first = text_ + positions_[token_] + 1;
    const char* last = text_ + positions_[token_ + 1] - 1;
    while (is_white_space(*last)) --last;
    if (last < first || *last != '"') return fail_with("a string");
    string.raw = {first, static_cast<std::size_t>(last - first)};
    string.escaped = next_backslash_ < last;
    if (string.escaped && !check_escapes(first, last)) return false;
    ++token_;
    return true;
  }

  // The name of a member and the colon after it.
  [[nodiscard]] bool take_name(JsonString& name) {
    if (peek() != '"') return fail_with("the name of a member in quotes");
    return take_string(name) && expect(':', "':'");
  }

  // Passes a complete value inside of `depth` open containers. Not recursive.
  [[nodiscard]] bool skip_value(int depth);

  // The next token in words, for an error: "a number", "null", "the end".
  [[nodiscard]] std::string_view next_in_words() const;

  // Records what was expected at the next token. Returns false.
  bool fail_with(std::string_view expected) {
    expected_ = expected;
    return false;
  }

  // ErrorKind::invalid with the code not_json, bad_utf8 or too_deep.
  [[nodiscard]] Error error() const;

 private:
  struct Stage1;

  static bool is_white_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
  }
  bool check_escapes(const char* from, const char* closing_quote);
  bool skip_scalar();
  bool skip_number();
  bool skip_word(std::string_view word);
  bool end_scalar(const char* end);
  bool fail_too_deep();
  void find_backslash(const char* from);

  std::unique_ptr<Stage1> stage1_;
  const char* text_ = nullptr;
  std::size_t bytes_ = 0;
  const char* next_backslash_ = nullptr;      // the first one that was not passed, or the end of the text
  const std::uint32_t* positions_ = nullptr;  // of the tokens, followed by the size of the text
  std::uint32_t token_ = 0;
  std::uint32_t tokens_ = 0;
  std::string_view code_ = "not_json";
  std::string_view expected_;        // at the next token
  std::string_view document_error_;  // a fault without a position
};

}  // namespace weir::activity
