// Writes JSON (RFC 8259) into a string, token by token: for replies, log lines and Weir's own requests.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// Appends `text` as a JSON string with its quotes. Each byte that is not part of valid UTF-8 is written as
// U+FFFD, so the result is valid JSON for any input.
void append_json_string(std::string& out, std::string_view text);

// The functions append one token each and add the commas. The text is valid JSON if the calls are nested like
// JSON: each begin_… has its end_…, and key() is followed by one value. This is not checked. Not thread-safe.
//
//   JsonText json;
//   json.begin_object().member("events", 3).key("pages").begin_array().value("/a").end_array().end_object();
//
class JsonText {
 public:
  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }

  // Appends the name of a member. The next call appends its value.
  JsonText& key(std::string_view name);
  // Each appends one value.
  JsonText& value(std::string_view text);
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(bool yes) { return raw(yes ? "true" : "false"); }
  JsonText& value(double number);  // shortest text that parses to the same number; null if not finite
  template <std::integral Integer>
  JsonText& value(Integer number) {
    return raw(std::to_string(number));
  }
  JsonText& null() { return raw("null"); }
  // Appends `json` unchanged as one value. The caller guarantees that it is valid JSON.
  JsonText& raw(std::string_view json);

  // key() and value() in one call.
  template <class Value>
  JsonText& member(std::string_view name, const Value& what) {
    return key(name).value(what);
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  // Moves the text out. The object must not be used afterwards.
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  void separate();

  std::string text_;
  bool comma_ = false;  // the next key or value needs a comma before it
};

}  // namespace weir
