#include "activity/json_array_splitter.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace weir::activity {
namespace {

using Step = JsonArraySplitter::Step;

struct Split {
  std::vector<std::string> elements;
  Step last = Step::more;
  std::string expected;
  std::size_t error_at = 0;

  friend bool operator==(const Split&, const Split&) = default;
};

// Splits a text that grows by `bytes` at a time, after its first byte.
Split split(std::string_view text, std::size_t bytes) {
  auto splitter = JsonArraySplitter::after_bracket(1);
  Split result;
  for (std::size_t size = 1;;) {
    result.last = splitter.next(text.substr(0, size));
    if (result.last == Step::element)
      result.elements.emplace_back(text.substr(splitter.begin(), splitter.end() - splitter.begin()));
    else if (result.last == Step::broken || size == text.size())
      break;
    else
      size = std::min(size + bytes, text.size());
  }
  if (result.last == Step::end) return result;
  result.expected = splitter.expected();
  result.error_at = splitter.error_at();
  return result;
}

TEST(JsonArraySplitter, DoesNotDependOnHowTheTextGrows) {
  for (const std::string text :
       {R"([])", R"([ ])", R"([1])", R"([ {"a":"]},\"{[\\"} , [1,[2]],"x\\\"," ,null,-1.5e3 ] )",
        R"(["\\","\"","\u0022",{"\\":"}"},[[[]]]])", "[1", "[1,", "[", "[1 2]", "[,]", "[1,]", "[}", "[1:2]",
        R"(["a"b])", R"(["a)", R"(["a\)", R"([{"a":[1}])", "[1] 2", "[]]"}) {
    const Split whole = split(text, text.size());
    for (const std::size_t bytes : {1U, 2U, 3U, 7U}) EXPECT_EQ(split(text, bytes), whole) << text << bytes;
  }
}

TEST(JsonArraySplitter, EndsANumberOrWordWithTheText) {
  for (const std::string text : {"[12", "[true"}) {
    auto splitter = JsonArraySplitter::after_bracket(1);
    EXPECT_EQ(splitter.next(text), Step::more);
    EXPECT_EQ(splitter.end_of_text(text), Step::element);
    EXPECT_EQ(splitter.begin(), 1U);
    EXPECT_EQ(splitter.end(), text.size());
    EXPECT_EQ(splitter.next(text), Step::more) << "a comma or bracket must follow";
    EXPECT_EQ(splitter.expected(), "',' or ']' after an element");
  }
  for (const std::string text : {"[", "[1,", "[\"a", "[{\"a\":1", "[[1]"}) {
    auto splitter = JsonArraySplitter::after_bracket(1);
    Step step = splitter.next(text);
    while (step == Step::element) step = splitter.next(text);
    EXPECT_EQ(splitter.end_of_text(text), Step::more) << text;
  }
}

TEST(JsonArraySplitter, ContinuesAfterAnElement) {
  const std::string text = R"( , {"a":1} ,2])";
  auto splitter = JsonArraySplitter::after_element(0);
  ASSERT_EQ(splitter.next(text), Step::element);
  EXPECT_EQ(text.substr(splitter.begin(), splitter.end() - splitter.begin()), R"({"a":1})");
  ASSERT_EQ(splitter.next(text), Step::element);
  EXPECT_EQ(splitter.next(text), Step::end);
  EXPECT_EQ(splitter.next(text + " \n"), Step::end);
  EXPECT_EQ(splitter.next(text + " \nx"), Step::broken);
  EXPECT_EQ(splitter.expected(), "nothing after the array");
}

}  // namespace
}  // namespace weir::activity
