// A walk through one JSON document (RFC 8259), token by token, each checked as it is passed: whoever has
// walked to the end has seen a whole and correct document.
//
// simdjson finds where the tokens begin, many bytes at a time, and checks UTF-8, unescaped control characters
// and unclosed strings (its "stage 1": Langdale, Lemire, Parsing Gigabytes of JSON per Second, VLDB 2019).
// The grammar is checked here and not by its on-demand reader, because that one does not look at what is not
// asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::activity {

// A string as it stands between its quotes. If it is `escaped`, unescape() tells what it means.
struct JsonString {
  std::string_view raw;
  bool escaped = false;
};

struct Unescaped {
  std::string_view text;  // a lone surrogate is in it as the three bytes that UTF-8 forbids for it
  bool has_nul = false;
  bool has_lone_surrogate = false;
};

// Of the raw bytes of an escaped string.
[[nodiscard]] Unescaped unescape_raw(std::string_view raw, std::string& scratch);

// Appends to `scratch`, which must have room for the raw bytes: views of what was appended before stay good.
// Only for strings that a walk has passed.
[[nodiscard]] inline Unescaped unescape(const JsonString& string, std::string& scratch) {
  if (!string.escaped) return {.text = string.raw};
  return unescape_raw(string.raw, scratch);
}

// For one thread. Functions that return bool return false at a fault in the document; fault() then tells it,
// and the walk is over.
class JsonCursor {
 public:
  JsonCursor();
  JsonCursor(const JsonCursor&) = delete;
  JsonCursor& operator=(const JsonCursor&) = delete;
  ~JsonCursor();

  // Before the first token of `text`, which must stay; limits::json_slack_bytes behind it are readable.
  [[nodiscard]] bool begin(std::string_view text);

  [[nodiscard]] bool at_end() const { return token_ == tokens_; }

  // The first byte of the next token, and '\0' at the end; any byte may come, not only one that can begin a
  // token.
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[positions_[token_]]; }

  // Where the next token begins; the end of the text at the end.
  [[nodiscard]] const char* next_bytes() const { return text_ + positions_[token_]; }

  // Passes the next token if it is this one of { } [ ] : ,
  bool take(char punctuation) {
    if (peek() != punctuation) return false;
    ++token_;
    return true;
  }

  // The same where nothing else may stand.
  [[nodiscard]] bool expect(char punctuation, std::string_view expected) {
    return take(punctuation) || fail_with(expected);
  }

  [[nodiscard]] bool take_string(JsonString& string) {
    if (peek() != '"') return fail_with("a string");
    // The next token begins behind this one's closing quote, with only white space between them.
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

  // The name of a member and the colon behind it.
  [[nodiscard]] bool take_name(JsonString& name) {
    if (peek() != '"') return fail_with("the name of a member in quotes");
    return take_string(name) && expect(':', "':'");
  }

  // Passes a whole value inside `depth` open containers; no recursion.
  [[nodiscard]] bool skip_value(int depth);

  // What stands next, in words: "a number", "null", "the end"…
  [[nodiscard]] std::string_view next_in_words() const;

  // Notes that something else was expected here.
  bool fail_with(std::string_view expected) {
    expected_ = expected;
    return false;
  }

  // ErrorKind::invalid; not_json, bad_utf8 or too_deep.
  [[nodiscard]] Error fault() const;

 private:
  struct Tokens;

  static bool is_white_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
  }
  bool check_escapes(const char* from, const char* closing_quote);
  bool skip_scalar();
  bool skip_number();
  bool skip_word(std::string_view word);
  bool end_scalar(const char* behind);
  bool deny_deeper();
  void find_backslash(const char* from);

  std::unique_ptr<Tokens> owned_;
  const char* text_ = nullptr;
  std::size_t bytes_ = 0;
  const char* next_backslash_ = nullptr;      // the first that is not passed yet, or the end of the text
  const std::uint32_t* positions_ = nullptr;  // of the tokens, and behind them the size of the text
  std::uint32_t token_ = 0;
  std::uint32_t tokens_ = 0;
  std::string_view code_ = "not_json";
  std::string_view expected_;  // at the next token
  std::string_view whole_;     // what is wrong with the document as a whole
};

}  // namespace weir::activity
