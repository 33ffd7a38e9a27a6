// Writes JSON (RFC 8259) into a string, piece by piece. For replies, logs and requests of our own; nothing is
// checked but that the text comes out well-formed where calls are nested as JSON nests.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// Appends `text` as a JSON string with its quotes. Bytes that are not valid UTF-8 are written as U+FFFD, so
// that what comes out is JSON whatever came in.
void append_json_string(std::string& out, std::string_view text);

class JsonText {
 public:
  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }

  JsonText& key(std::string_view name);
  JsonText& value(std::string_view text);
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(bool yes) { return raw(yes ? "true" : "false"); }
  JsonText& value(double number);  // shortest form that reads back the same; null if not finite
  template <std::integral Integer>
  JsonText& value(Integer number) {
    return raw(std::to_string(number));
  }
  JsonText& null() { return raw("null"); }
  JsonText& raw(std::string_view json);  // as it is

  // `.member("events", 3)`
  template <class Value>
  JsonText& member(std::string_view name, const Value& what) {
    return key(name).value(what);
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  void separate();

  std::string text_;
  bool comma_ = false;  // the next value or key stands behind another
};

}  // namespace weir
