#include "importer/chunker.hpp"

#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

struct Seen {
  std::vector<std::pair<std::uint64_t, std::string>> items;  // those too long with their length only
  std::vector<InputPosition> places;                         // behind each piece
  std::uint64_t unfinished = 0;
  std::string error;
};

Seen cut_all(const std::string& text, std::size_t chunk = 100'000, Framing framing = Framing::text_lines) {
  Source source(read_text(text, chunk));
  Chunker cutter(source, framing, {});
  Seen seen;
  while (true) {
    const auto cut = cutter.next();
    if (!cut) {
      seen.error = cut.error().text;
      return seen;
    }
    seen.unfinished = cut->unfinished;
    if (cut->bytes == 0) return seen;
    for (const Item& item : cut->items)
      seen.items.emplace_back(item.line, item.too_long ? "too long" : std::string(item.text));
    seen.places.push_back(cut->behind);
    cutter.accept(*cut);
  }
}

using Items = std::vector<std::pair<std::uint64_t, std::string>>;

TEST(Lines, AreNumberedAsAnEditorNumbersThem) {
  for (const std::size_t chunk : {1U, 3U, 1000U}) {
    const Seen seen = cut_all("a\r\n\n  \nb\n\nlast\n", chunk);
    EXPECT_EQ(seen.items, (Items{{1, "a"}, {4, "b"}, {6, "last"}}));
    ASSERT_EQ(seen.places.size(), 1U);
    EXPECT_EQ(seen.places[0].lines, 6U);
    EXPECT_FALSE(seen.places[0].mid_line);
  }
}

TEST(Chunker, MakesAPieceOfItsFirstItemsThatTheNextOneGoesOnFrom) {
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
      Source source(read_text(one.text, 1000));
      Chunker cutter(source, one.framing, {});
      Items items;
      std::vector<InputPosition> places;
      while (true) {
        auto cut = cutter.next();
        ASSERT_TRUE(cut);
        if (cut->bytes == 0) break;
        if (!cut->items.empty()) *cut = cutter.first_items(std::move(*cut), count);
        ASSERT_LE(cut->items.size(), count);
        for (const Item& item : cut->items) items.emplace_back(item.line, std::string(item.text));
        places.push_back(cut->behind);
        cutter.accept(*cut);
      }
      EXPECT_EQ(items, one.items) << one.text << count;
      Source again(read_text(one.text, 1000));
      for (const InputPosition& place : places) {
        Chunker resumed(again, one.framing, places.data() == &place ? InputPosition{} : *(&place - 1));
        const auto cut = resumed.up_to(place.bytes);
        ASSERT_TRUE(cut) << one.text;
        EXPECT_EQ(cut->behind, place) << one.text;
        resumed.accept(*cut);
      }
    }
}

TEST(Lines, EndWithACarriageReturnToo) {
  for (const std::size_t chunk : {1U, 2U, 1000U}) {
    EXPECT_EQ(cut_all("a\rb\r\rc\r", chunk).items, (Items{{1, "a"}, {2, "b"}, {4, "c"}}));
    EXPECT_EQ(cut_all("a\r\nb\rc\n", chunk).items, (Items{{1, "a"}, {2, "b"}, {3, "c"}}));
    EXPECT_EQ(cut_all("a\rb\nc\r\n", chunk, Framing::json_lines).items, (Items{{1, "a\rb"}, {2, "c"}}));
  }
}

TEST(Lines, WithoutALineEndWait) {
  for (const std::string_view unended :
       std::initializer_list<std::string_view>{"b", "  ", "b b", {"\0", 1}, "\xEF\xBB", "\xEF\xBB\xBF"})
    for (const Framing framing : {Framing::text_lines, Framing::json_lines}) {
      const Seen seen = cut_all("a\n" + std::string(unended), 100, framing);
      EXPECT_EQ(seen.items, (Items{{1, "a"}}));
      EXPECT_EQ(seen.places.back().bytes, 2U) << unended;
      EXPECT_FALSE(seen.places.back().mid_line);
      EXPECT_EQ(cut_all("a\n" + std::string(unended) + "c\n", 100, framing).items.size(), 2U);
    }
  EXPECT_EQ(cut_all("a\nb").unfinished, 2U);
  EXPECT_EQ(cut_all("a\nb\n").unfinished, 0U);
  EXPECT_EQ(cut_all("b").unfinished, 1U);
}

TEST(Lines, LoseMarksAndNulsAtTheirBeginning) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string nuls(100, '\0');
  EXPECT_EQ(cut_all(mark + "{\"a\":1}\n{}\n").items, (Items{{1, "{\"a\":1}"}, {2, "{}"}}));
  for (const std::size_t chunk : {1U, 7U, 1000U}) {
    EXPECT_EQ(cut_all("a\n" + mark + "b\n" + mark + mark + nuls + mark + "c\n", chunk).items,
              (Items{{1, "a"}, {2, "b"}, {3, "c"}}));
    EXPECT_EQ(cut_all(nuls + "a\n" + nuls + "\n" + nuls + "b\n", chunk).items, (Items{{1, "a"}, {3, "b"}}));
  }
}

TEST(Lines, GoOnAfterAHoleOfAnySize) {
  const std::string hole(5 * item_bytes_max + 3, '\0');
  for (const std::string& text : {hole + "a\nb\n", "a\n" + hole + "b\n", "a\n" + hole + "b\n" + hole}) {
    const Seen seen = cut_all(text, 70'000);
    EXPECT_EQ(seen.items, (Items{{1, "a"}, {2, "b"}}));
  }
}

TEST(Lines, AfterAHoleAreCutAgainTheSame) {
  const std::string text = "a\n" + std::string(3 * item_bytes_max, '\0') + "b\nc\n";
  const Seen seen = cut_all(text, 70'000);
  ASSERT_EQ(seen.places.size(), 2U);
  Source source(read_text(text, 1234));
  ASSERT_TRUE(source.take_up_to(seen.places[0].bytes));
  Chunker cutter(source, Framing::text_lines, seen.places[0]);
  const auto cut = cutter.up_to(seen.places[1].bytes);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->behind, seen.places[1]);
  ASSERT_EQ(cut->items.size(), 2U);
  EXPECT_EQ(cut->items[0].line, 2U);
  EXPECT_LT(source.ahead().size(), item_bytes_max) << "the hole was never held";
}

TEST(Lines, ComeInPiecesOfAThousand) {
  std::string text;
  for (int at = 1; at <= 2500; ++at) text += "line " + std::to_string(at) + "\n";
  const Seen seen = cut_all(text, 999);
  ASSERT_EQ(seen.places.size(), 3U);
  EXPECT_EQ(seen.places[0].lines, 1000U);
  EXPECT_EQ(seen.places[2].bytes, text.size());
  EXPECT_EQ(seen.items.size(), 2500U);
  EXPECT_EQ(seen.items[1999], (std::pair<std::uint64_t, std::string>(2000, "line 2000")));
}

TEST(Lines, ComeInPiecesOfAMebibyteWhereTheyAreLong) {
  std::string text;
  for (int at = 0; at < 50; ++at) text += std::string(100'000, 'x') + "\n";
  const Seen seen = cut_all(text);
  ASSERT_EQ(seen.places.size(), 5U);
  EXPECT_EQ(seen.places[0].lines, 11U);
  EXPECT_EQ(seen.items.size(), 50U);
}

TEST(Lines, ThatAreTooLongAreNamedAndPassedOver) {
  const std::string text = "a\n" + std::string(3 * item_bytes_max, 'x') + "\nb\n";
  const Seen seen = cut_all(text, 70'000);
  EXPECT_EQ(seen.items, (Items{{1, "a"}, {2, "too long"}, {3, "b"}}));
  EXPECT_EQ(seen.places.back().bytes, text.size());
}

TEST(Lines, AtTheirBoundAreWhole) {
  const std::string longest(item_bytes_max, 'x');
  EXPECT_EQ(cut_all(longest + "\nb\n").items, (Items{{1, longest}, {2, "b"}}));
  EXPECT_EQ(cut_all(longest + "x\nb\n").items, (Items{{1, "too long"}, {2, "b"}}));
}

TEST(Elements, AreFoundWhateverStandsAroundAndInThem) {
  const std::string text = R"( [ {"a":"]},\"{[\\"} ,
 {"b":[1,{"c":[]}]},
3,"x,]" , null,[ ] ] )";
  for (const std::size_t chunk : {1U, 5U, 1000U}) {
    const Seen seen = cut_all(text, chunk, Framing::json_array);
    EXPECT_EQ(seen.error, "");
    EXPECT_EQ(seen.items, (Items{{1, R"({"a":"]},\"{[\\"})"},
                                 {2, R"({"b":[1,{"c":[]}]})"},
                                 {3, "3"},
                                 {4, R"("x,]")"},
                                 {5, "null"},
                                 {6, "[ ]"}}));
  }
}

TEST(Elements, MayStandAfterMarks) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(cut_all(mark + std::string(3, '\0') + mark + " [1]", 1, Framing::json_array).items,
            (Items{{1, "1"}}));
  EXPECT_EQ(cut_all(" 1]", 1, Framing::json_array).error, "it does not begin with '['");
}

TEST(Elements, OfAnEmptyArrayAreNone) {
  EXPECT_TRUE(cut_all(" [ \n] \n", 100, Framing::json_array).items.empty());
}

TEST(Elements, EndWhereTheArrayBreaks) {
  struct Case {
    std::string text;
    std::size_t items;
    std::string error;
  };
  const std::vector<Case> cases = {{"[1,2", 1, "it is not closed"},
                                   {"[1,2 3]", 2, "expected ',' or ']' behind the element"},
                                   {"[1,]", 1, "a comma stands for nothing"},
                                   {"[1,,2]", 1, "a comma stands for nothing"},
                                   {"[1] 2", 1, "there is text behind its end"},
                                   {"[", 0, "it is not closed"},
                                   {"[\"abc", 0, "it is not closed"}};
  for (const Case& one : cases) {
    const Seen seen = cut_all(one.text, 100, Framing::json_array);
    EXPECT_EQ(seen.items.size(), one.items) << one.text;
    EXPECT_EQ(seen.error, one.error) << one.text;
  }
}

// Everything that a resumed import rests on: cut again from any place up to the next one, a piece is the
// same.
TEST(Chunker, CutsTheSamePieceAgainFromItsPlace) {
  std::string lines = "first\n" + std::string(item_bytes_max + 5, 'y') + "\n\n";
  for (int at = 0; at < 2100; ++at) lines += at % 7 == 0 ? "\n" : "l" + std::to_string(at) + "\r\n";
  lines += std::string(200'000, '\0') +
           "after a hole\r\n\xEF\xBB\xBF"
           "after a mark\rcut by CR\n";
  std::string array = "[";
  for (int at = 0; at < 2100; ++at) array += (at > 0 ? " ,\n" : "") + std::to_string(at);
  array += "]";
  for (const std::string& text : {lines, array}) {
    const Framing framing = text == array ? Framing::json_array : Framing::text_lines;
    const Seen seen = cut_all(text, 100'000, framing);
    ASSERT_GE(seen.places.size(), 3U);
    InputPosition from;
    std::size_t item_at = 0;
    for (const InputPosition& place : seen.places) {
      Source source(read_text(text, 1234));
      ASSERT_TRUE(source.take_up_to(from.bytes));
      Chunker cutter(source, framing, from);
      const auto cut = cutter.up_to(place.bytes);
      ASSERT_TRUE(cut);
      EXPECT_EQ(cut->behind, place);
      for (const Item& item : cut->items)
        EXPECT_EQ(seen.items[item_at++],
                  std::pair(item.line, item.too_long ? std::string("too long") : std::string(item.text)));
      from = place;
    }
    EXPECT_EQ(item_at, seen.items.size());
  }
}

TEST(Chunker, SaysThatAnInputHasBecomeShorter) {
  Source source(read_text("a\nb\n"));
  Chunker cutter(source, Framing::text_lines, {});
  EXPECT_EQ(cutter.up_to(5).error().code, "input_shorter");
}

// A line that is too long, or a last one that an older import took before it had its end.
TEST(Chunker, LeavesTheRestOfALineThatWasTakenInItsMiddle) {
  for (const std::string grown : {"a\nb\nc\n", "a\nbbb\nc\n", "a\nbbb\r\nc\r\n", "a\nbbb\rc\r"}) {
    Source source(read_text(grown, 1));
    ASSERT_TRUE(source.take_up_to(3));
    Chunker cutter(source, Framing::text_lines,
                   {.bytes = 3, .hash = source.hash(), .lines = 2, .mid_line = true});
    const auto cut = cutter.next();
    ASSERT_TRUE(cut);
    ASSERT_EQ(cut->items.size(), 1U);
    EXPECT_EQ(cut->items[0].line, 3U);
    EXPECT_EQ(cut->items[0].text, "c");
  }
}

}  // namespace
}  // namespace weir::importer
