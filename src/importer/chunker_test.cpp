#include "importer/chunker.hpp"

#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

struct Seen {
  std::vector<std::pair<std::uint64_t, std::string>>
      items;                             // "too long" in place of the text of such an item
  std::vector<InputPosition> positions;  // the end of each chunk
  std::uint64_t unterminated_line = 0;
  std::string error;
};

Seen cut_all(const std::string& text, std::size_t read_bytes_max = 100'000,
             Framing framing = Framing::text_lines) {
  Source source(read_from_string(text, read_bytes_max));
  Chunker chunker(source, framing, {});
  Seen seen;
  while (true) {
    const auto chunk = chunker.next();
    if (!chunk) {
      seen.error = chunk.error().text;
      return seen;
    }
    seen.unterminated_line = chunk->unterminated_line;
    if (chunk->bytes == 0) return seen;
    for (const Item& item : chunk->items)
      seen.items.emplace_back(item.line, item.too_long ? "too long" : std::string(item.text));
    seen.positions.push_back(chunk->end);
    chunker.accept(*chunk);
  }
}

using Items = std::vector<std::pair<std::uint64_t, std::string>>;

TEST(Lines, AreNumberedAsAnEditorNumbersThem) {
  for (const std::size_t read_bytes_max : {1U, 3U, 1000U}) {
    const Seen seen = cut_all("a\r\n\n  \nb\n\nlast\n", read_bytes_max);
    EXPECT_EQ(seen.items, (Items{{1, "a"}, {4, "b"}, {6, "last"}}));
    ASSERT_EQ(seen.positions.size(), 1U);
    EXPECT_EQ(seen.positions[0].lines, 6U);
    EXPECT_FALSE(seen.positions[0].mid_line);
  }
}

TEST(Chunker, CanEndAChunkAfterItsFirstItems) {
  struct Case {
    std::string text;
    Framing framing;
    Items items;
  };
  const std::vector<Case> cases = {
      {"a\r\n\n \nb\nc\n\nlast\n", Framing::text_lines, {{1, "a"}, {4, "b"}, {5, "c"}, {7, "last"}}},
      {"\xEF\xBB\xBF{}\n{\"a\":1}\n", Framing::json_lines, {{1, "{}"}, {2, "{\"a\":1}"}}},
      {" [ {} , {\"a\":1}\n,2] ", Framing::json_array, {{1, "{}"}, {2, "{\"a\":1}"}, {3, "2"}}}};
  for (const Case& one : cases)
    for (const std::size_t count : {1U, 2U, 9U}) {
      Source source(read_from_string(one.text, 1000));
      Chunker chunker(source, one.framing, {});
      Items items;
      std::vector<InputPosition> positions;
      while (true) {
        auto chunk = chunker.next();
        ASSERT_TRUE(chunk);
        if (chunk->bytes == 0) break;
        if (!chunk->items.empty()) *chunk = chunker.first_items(std::move(*chunk), count);
        ASSERT_LE(chunk->items.size(), count);
        for (const Item& item : chunk->items) items.emplace_back(item.line, std::string(item.text));
        positions.push_back(chunk->end);
        chunker.accept(*chunk);
      }
      EXPECT_EQ(items, one.items) << one.text << count;
      Source again(read_from_string(one.text, 1000));
      for (const InputPosition& position : positions) {
        Chunker resumed(again, one.framing,
                        positions.data() == &position ? InputPosition{} : *(&position - 1));
        const auto chunk = resumed.up_to(position.bytes);
        ASSERT_TRUE(chunk) << one.text;
        EXPECT_EQ(chunk->end, position) << one.text;
        resumed.accept(*chunk);
      }
    }
}

TEST(Lines, MayEndWithACarriageReturn) {
  for (const std::size_t read_bytes_max : {1U, 2U, 1000U}) {
    EXPECT_EQ(cut_all("a\rb\r\rc\r", read_bytes_max).items, (Items{{1, "a"}, {2, "b"}, {4, "c"}}));
    EXPECT_EQ(cut_all("a\r\nb\rc\n", read_bytes_max).items, (Items{{1, "a"}, {2, "b"}, {3, "c"}}));
    EXPECT_EQ(cut_all("a\rb\nc\r\n", read_bytes_max, Framing::json_lines).items,
              (Items{{1, "a\rb"}, {2, "c"}}));
  }
}

TEST(Lines, WithoutALineEndAreInNoChunk) {
  for (const std::string_view unended :
       std::initializer_list<std::string_view>{"b", "  ", "b b", {"\0", 1}, "\xEF\xBB", "\xEF\xBB\xBF"})
    for (const Framing framing : {Framing::text_lines, Framing::json_lines}) {
      const Seen seen = cut_all("a\n" + std::string(unended), 100, framing);
      EXPECT_EQ(seen.items, (Items{{1, "a"}}));
      EXPECT_EQ(seen.positions.back().bytes, 2U) << unended;
      EXPECT_FALSE(seen.positions.back().mid_line);
      EXPECT_EQ(cut_all("a\n" + std::string(unended) + "c\n", 100, framing).items.size(), 2U);
    }
  EXPECT_EQ(cut_all("a\nb").unterminated_line, 2U);
  EXPECT_EQ(cut_all("a\nb\n").unterminated_line, 0U);
  EXPECT_EQ(cut_all("b").unterminated_line, 1U);
}

TEST(Lines, LoseByteOrderMarksAndNulBytesAtTheirBeginning) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string nuls(100, '\0');
  EXPECT_EQ(cut_all(mark + "{\"a\":1}\n{}\n").items, (Items{{1, "{\"a\":1}"}, {2, "{}"}}));
  for (const std::size_t read_bytes_max : {1U, 7U, 1000U}) {
    EXPECT_EQ(cut_all("a\n" + mark + "b\n" + mark + mark + nuls + mark + "c\n", read_bytes_max).items,
              (Items{{1, "a"}, {2, "b"}, {3, "c"}}));
    EXPECT_EQ(cut_all(nuls + "a\n" + nuls + "\n" + nuls + "b\n", read_bytes_max).items,
              (Items{{1, "a"}, {3, "b"}}));
  }
}

TEST(Lines, ContinueAfterAnyNumberOfNulBytes) {
  const std::string nuls(5 * item_bytes_max + 3, '\0');
  for (const std::string& text : {nuls + "a\nb\n", "a\n" + nuls + "b\n", "a\n" + nuls + "b\n" + nuls}) {
    const Seen seen = cut_all(text, 70'000);
    EXPECT_EQ(seen.items, (Items{{1, "a"}, {2, "b"}}));
  }
}

TEST(Lines, AfterNulBytesAreCutTheSameAgain) {
  const std::string text = "a\n" + std::string(3 * item_bytes_max, '\0') + "b\nc\n";
  const Seen seen = cut_all(text, 70'000);
  ASSERT_EQ(seen.positions.size(), 2U);
  Source source(read_from_string(text, 1234));
  ASSERT_TRUE(source.consume_up_to(seen.positions[0].bytes));
  Chunker chunker(source, Framing::text_lines, seen.positions[0]);
  const auto chunk = chunker.up_to(seen.positions[1].bytes);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->end, seen.positions[1]);
  ASSERT_EQ(chunk->items.size(), 2U);
  EXPECT_EQ(chunk->items[0].line, 2U);
  EXPECT_LT(source.buffered().size(), item_bytes_max) << "the NUL bytes were never held";
}

TEST(Lines, FormChunksOfAThousand) {
  std::string text;
  for (int at = 1; at <= 2500; ++at) text += "line " + std::to_string(at) + "\n";
  const Seen seen = cut_all(text, 999);
  ASSERT_EQ(seen.positions.size(), 3U);
  EXPECT_EQ(seen.positions[0].lines, 1000U);
  EXPECT_EQ(seen.positions[2].bytes, text.size());
  EXPECT_EQ(seen.items.size(), 2500U);
  EXPECT_EQ(seen.items[1999], (std::pair<std::uint64_t, std::string>(2000, "line 2000")));
}

TEST(Lines, FormChunksOfAMebibyteWhereTheyAreLong) {
  std::string text;
  for (int at = 0; at < 50; ++at) text += std::string(100'000, 'x') + "\n";
  const Seen seen = cut_all(text);
  ASSERT_EQ(seen.positions.size(), 5U);
  EXPECT_EQ(seen.positions[0].lines, 11U);
  EXPECT_EQ(seen.items.size(), 50U);
}

TEST(Lines, ThatAreTooLongAreMarkedAndSkipped) {
  const std::string text = "a\n" + std::string(3 * item_bytes_max, 'x') + "\nb\n";
  const Seen seen = cut_all(text, 70'000);
  EXPECT_EQ(seen.items, (Items{{1, "a"}, {2, "too long"}, {3, "b"}}));
  EXPECT_EQ(seen.positions.back().bytes, text.size());
}

TEST(Lines, OfTheMaximumLengthAreComplete) {
  const std::string longest(item_bytes_max, 'x');
  EXPECT_EQ(cut_all(longest + "\nb\n").items, (Items{{1, longest}, {2, "b"}}));
  EXPECT_EQ(cut_all(longest + "x\nb\n").items, (Items{{1, "too long"}, {2, "b"}}));
}

TEST(Elements, AreFoundAmongWhiteSpaceStringsAndBrackets) {
  const std::string text = R"( [ {"a":"]},\"{[\\"} ,
 {"b":[1,{"c":[]}]},
3,"x,]" , null,[ ] ] )";
  for (const std::size_t read_bytes_max : {1U, 5U, 1000U}) {
    const Seen seen = cut_all(text, read_bytes_max, Framing::json_array);
    EXPECT_EQ(seen.error, "");
    EXPECT_EQ(seen.items, (Items{{1, R"({"a":"]},\"{[\\"})"},
                                 {2, R"({"b":[1,{"c":[]}]})"},
                                 {3, "3"},
                                 {4, R"("x,]")"},
                                 {5, "null"},
                                 {6, "[ ]"}}));
  }
}

TEST(Elements, MayFollowByteOrderMarksAndNulBytes) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(cut_all(mark + std::string(3, '\0') + mark + " [1]", 1, Framing::json_array).items,
            (Items{{1, "1"}}));
  EXPECT_EQ(cut_all(" 1]", 1, Framing::json_array).error, "expected '[' at the beginning of the array");
}

TEST(Elements, AreNoneInAnEmptyArray) {
  EXPECT_TRUE(cut_all(" [ \n] \n", 100, Framing::json_array).items.empty());
}

TEST(Elements, BeforeAnErrorOfTheArrayAreReturned) {
  struct Case {
    std::string text;
    std::size_t items;
    std::string error;
  };
  const std::vector<Case> cases = {{"[1,2", 1, "expected an element with its end"},
                                   {"[1,2 3]", 2, "expected ',' or ']' after an element"},
                                   {"[1,]", 1, "expected an element with its end"},
                                   {"[1,,2]", 1, "expected an element with its end"},
                                   {"[1] 2", 1, "expected nothing after the array"},
                                   {"[", 0, "expected an element with its end"},
                                   {"[\"abc", 0, "expected an element with its end"}};
  for (const Case& one : cases) {
    const Seen seen = cut_all(one.text, 100, Framing::json_array);
    EXPECT_EQ(seen.items.size(), one.items) << one.text;
    EXPECT_EQ(seen.error, one.error) << one.text;
  }
}

// A resumed import relies on this: between the same two positions, the same chunk is cut again.
TEST(Chunker, CutsTheSameChunkAgainFromItsPosition) {
  std::string lines = "first\n" + std::string(item_bytes_max + 5, 'y') + "\n\n";
  for (int at = 0; at < 2100; ++at) lines += at % 7 == 0 ? "\n" : "l" + std::to_string(at) + "\r\n";
  lines += std::string(200'000, '\0') +
           "after NUL bytes\r\n\xEF\xBB\xBF"
           "after a mark\rcut by CR\n";
  std::string array = "[";
  for (int at = 0; at < 2100; ++at) array += (at > 0 ? " ,\n" : "") + std::to_string(at);
  array += "]";
  for (const std::string& text : {lines, array}) {
    const Framing framing = text == array ? Framing::json_array : Framing::text_lines;
    const Seen seen = cut_all(text, 100'000, framing);
    ASSERT_GE(seen.positions.size(), 3U);
    InputPosition from;
    std::size_t item_at = 0;
    for (const InputPosition& position : seen.positions) {
      Source source(read_from_string(text, 1234));
      ASSERT_TRUE(source.consume_up_to(from.bytes));
      Chunker chunker(source, framing, from);
      const auto chunk = chunker.up_to(position.bytes);
      ASSERT_TRUE(chunk);
      EXPECT_EQ(chunk->end, position);
      for (const Item& item : chunk->items)
        EXPECT_EQ(seen.items[item_at++],
                  std::pair(item.line, item.too_long ? std::string("too long") : std::string(item.text)));
      from = position;
    }
    EXPECT_EQ(item_at, seen.items.size());
  }
}

TEST(Chunker, ReportsAnInputThatHasBecomeShorter) {
  Source source(read_from_string("a\nb\n"));
  Chunker chunker(source, Framing::text_lines, {});
  EXPECT_EQ(chunker.up_to(5).error().code, "input_shorter");
}

// The line is too long, or an earlier version of import accepted it as the last one before it had an end.
TEST(Chunker, SkipsTheRestOfALineThatAChunkEndedIn) {
  for (const std::string grown : {"a\nb\nc\n", "a\nbbb\nc\n", "a\nbbb\r\nc\r\n", "a\nbbb\rc\r"}) {
    Source source(read_from_string(grown, 1));
    ASSERT_TRUE(source.consume_up_to(3));
    Chunker chunker(source, Framing::text_lines,
                    {.bytes = 3, .hash = source.hash(), .lines = 2, .mid_line = true});
    const auto chunk = chunker.next();
    ASSERT_TRUE(chunk);
    ASSERT_EQ(chunk->items.size(), 1U);
    EXPECT_EQ(chunk->items[0].line, 3U);
    EXPECT_EQ(chunk->items[0].text, "c");
  }
}

}  // namespace
}  // namespace weir::importer
