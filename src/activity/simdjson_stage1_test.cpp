// What JsonCursor assumes of simdjson's stage 1, which simdjson declares internal and may change in any
// version. A reference in this file computes the same result byte by byte. It is compared with each
// vectorized implementation that this CPU can run. The scalar one ("fallback") classifies invalid bytes in
// another way; json_cursor_test.cpp runs on it, too. See docs/adr/0012-what-we-write-ourselves.md.
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <simdjson.h>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/utf8.hpp"

namespace weir::activity {
namespace {

struct Index {
  simdjson::error_code error = simdjson::SUCCESS;
  std::vector<std::uint32_t> positions;  // of the tokens, followed by the size of the text

  friend bool operator==(const Index&, const Index&) = default;
};

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_length(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// Outside of strings, a token begins at each of { } [ ] : , and at the first byte of each run of other bytes,
// except white space. A quote opens a string in any case, but is a token only under the same condition.
// U+000C and U+001A pass for ',' and ':', because bytes are classified by their lower bits.
std::vector<std::uint32_t> reference_positions(std::string_view text, bool& has_control, bool& in_string) {
  std::vector<std::uint32_t> positions;
  bool continues = false;  // the byte before is part of a run of other bytes
  bool escaped = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    const bool was_escaped = escaped;
    escaped = byte == '\\' && !was_escaped;
    if (in_string) {
      has_control |= static_cast<unsigned char>(byte) < 0x20;
      if (byte == '"' && !was_escaped) in_string = false;
      continue;
    }
    const bool is_quote = byte == '"' && !was_escaped;
    const bool is_operator = std::string_view("{}[]:,\x0C\x1A").contains(byte);
    const bool is_space = std::string_view(" \t\n\r").contains(byte);
    if (is_operator || (!is_space && !continues)) positions.push_back(static_cast<std::uint32_t>(at));
    in_string = is_quote;
    continues = !is_quote && !is_operator && !is_space;
  }
  positions.push_back(static_cast<std::uint32_t>(text.size()));
  return positions;
}

Index reference(std::string_view text) {
  bool has_control = false;
  bool in_string = false;
  auto positions = reference_positions(text, has_control, in_string);
  if (in_string) return {simdjson::UNCLOSED_STRING, {}};
  if (has_control) return {simdjson::UNESCAPED_CHARS, {}};
  if (positions.size() == 1) return {simdjson::EMPTY, {}};
  if (!is_utf8(text)) return {simdjson::UTF8_ERROR, {}};
  return {simdjson::SUCCESS, std::move(positions)};
}

Index stage1(const simdjson::implementation& implementation, std::string_view text) {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  EXPECT_EQ(implementation.create_dom_parser_implementation(text.size() + 1, 1, parser), simdjson::SUCCESS);
  std::string padded(text);
  padded.resize(text.size() + limits::json_slack_bytes, '"');  // would change the result if it were read
  Index index;
  index.error = parser->stage1(reinterpret_cast<const std::uint8_t*>(padded.data()), text.size(),
                               simdjson::stage1_mode::regular);
  if (index.error == simdjson::SUCCESS)
    index.positions.assign(parser->structural_indexes.get(),
                           parser->structural_indexes.get() + parser->n_structural_indexes + 1);
  return index;
}

void expect_as_reference(std::string_view text) {
  const Index expected = reference(text);
  for (const simdjson::implementation* implementation : simdjson::get_available_implementations()) {
    if (!implementation->supported_by_runtime_system() || implementation->name() == "fallback") continue;
    const Index found = stage1(*implementation, text);
    ASSERT_EQ(found.error, expected.error) << implementation->name() << ": " << text;
    ASSERT_EQ(found.positions, expected.positions) << implementation->name() << ": " << text;
  }
}

TEST(SimdjsonStage1, FindsTokensAtEveryOffsetOfABlock) {
  for (std::size_t spaces = 0; spaces < 130; ++spaces)
    for (const std::string text :
         {R"({"a":[1,-2.5e3,true],"b\\\"":"\u00e9\\"})", R"("")", "tru", "1x,2", "\"a\"b", "\\", "\"\\\\\"x",
          "a\"b\"c", "\xC3\xA9", "\"\xF0\x9F\x98\x80\"", "\"\n\"", "\"a", "\xC3", "{}{}", "\x7F\f1"})
      expect_as_reference(std::string(spaces, ' ') + text);
  for (const std::string_view text : {"", " ", " \n\t\r "}) expect_as_reference(text);
}

TEST(SimdjsonStage1, FindsTokensOfRandomTexts) {
  // Often the bytes that stage 1 distinguishes, seldom a character beyond ASCII.
  const std::vector<std::string> pieces{
      "{",  "}", "[", "]",  ":",  ",", "\"", "\"",       "\"",           "\\",
      "\\", "a", "1", "\t", "\n", " ", "x",  "\xC3\xA9", "\xE2\x82\xAC", "\f"};
  std::mt19937 random(20150519);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const auto count = random() % 200;
    for (std::size_t piece = 0; piece < count; ++piece) text += pieces[random() % pieces.size()];
    expect_as_reference(text);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::activity
