#include "feed/items.hpp"

#include <gtest/gtest.h>

#include "feed/fake_input.hpp"

namespace weir::feed {
namespace {

struct Seen {
  std::vector<std::pair<std::uint64_t, std::string>> items;  // those too long with their length only
  std::vector<Place> places;                                 // behind each piece
  std::string error;
};

Seen cut_all(const std::string& text, std::size_t chunk = 100'000, std::optional<Dialect> dialect = {}) {
  Source source(read_text(text, chunk));
  Cutter cutter(source, dialect ? *dialect : dialect_of(source), {});
  Seen seen;
  while (true) {
    const auto cut = cutter.next();
    if (!cut) {
      seen.error = cut.error().text;
      return seen;
    }
    if (cut->bytes == 0) return seen;
    for (const Item& item : cut->items)
      seen.items.emplace_back(item.line, item.too_long ? "too long" : std::string(item.text));
    seen.places.push_back(cut->behind);
    cutter.accept(*cut);
  }
}

using Items = std::vector<std::pair<std::uint64_t, std::string>>;

TEST(Dialect, IsToldByTheFirstByteThatCounts) {
  struct Case {
    std::string text;
    Dialect expected;
  };
  const std::vector<Case> cases = {{"[{}]", Dialect::array},
                                   {" \r\n\t[", Dialect::array},
                                   {"\xEF\xBB\xBF[", Dialect::array},
                                   {"\n{\"user_id\":", Dialect::ndjson},
                                   {"\xEF\xBB\xBF {", Dialect::ndjson},
                                   {access_line(1, 1), Dialect::access_log},
                                   {"", Dialect::access_log},
                                   {"  \n", Dialect::access_log}};
  for (const Case& one : cases)
    for (const std::size_t chunk : {1U, 100U}) {
      Source source(read_text(one.text, chunk));
      EXPECT_EQ(dialect_of(source), one.expected) << one.text;
      EXPECT_EQ(source.position(), 0U);
    }
}

TEST(Lines, AreNumberedAsAnEditorNumbersThem) {
  for (const std::size_t chunk : {1U, 3U, 1000U}) {
    const Seen seen = cut_all("a\r\n\n  \nb\n\nlast", chunk, Dialect::access_log);
    EXPECT_EQ(seen.items, (Items{{1, "a"}, {4, "b"}, {6, "last"}}));
    ASSERT_EQ(seen.places.size(), 1U);
    EXPECT_EQ(seen.places[0].lines, 6U);
    EXPECT_TRUE(seen.places[0].mid_line);
  }
}

TEST(Cutter, MakesAPieceOfItsFirstItemsThatTheNextOneGoesOnFrom) {
  struct Case {
    std::string text;
    Dialect dialect;
    Items items;
  };
  const std::vector<Case> cases = {
      {"a\r\n\n \nb\nc\n\nlast", Dialect::access_log, {{1, "a"}, {4, "b"}, {5, "c"}, {7, "last"}}},
      {"\xEF\xBB\xBF{}\n{\"a\":1}\n", Dialect::ndjson, {{1, "{}"}, {2, "{\"a\":1}"}}},
      {" [ {} , {\"a\":1}\n,2] ", Dialect::array, {{1, "{}"}, {2, "{\"a\":1}"}, {3, "2"}}}};
  for (const Case& one : cases)
    for (const std::size_t count : {1U, 2U, 9U}) {
      Source source(read_text(one.text, 1000));
      Cutter cutter(source, one.dialect, {});
      Items items;
      std::vector<Place> places;
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
      for (const Place& place : places) {
        Cutter resumed(again, one.dialect, places.data() == &place ? Place{} : *(&place - 1));
        const auto cut = resumed.up_to(place.bytes);
        ASSERT_TRUE(cut) << one.text;
        EXPECT_EQ(cut->behind, place) << one.text;
        resumed.accept(*cut);
      }
    }
}

TEST(Lines, LoseAByteOrderMark) {
  EXPECT_EQ(cut_all("\xEF\xBB\xBF{\"a\":1}\n{}\n").items, (Items{{1, "{\"a\":1}"}, {2, "{}"}}));
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
  const Seen seen = cut_all(text, 70'000, Dialect::access_log);
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
    const Seen seen = cut_all(text, chunk);
    EXPECT_EQ(seen.error, "");
    EXPECT_EQ(seen.items, (Items{{1, R"({"a":"]},\"{[\\"})"},
                                 {2, R"({"b":[1,{"c":[]}]})"},
                                 {3, "3"},
                                 {4, R"("x,]")"},
                                 {5, "null"},
                                 {6, "[ ]"}}));
  }
}

TEST(Elements, OfAnEmptyArrayAreNone) { EXPECT_TRUE(cut_all(" [ \n] \n").items.empty()); }

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
    const Seen seen = cut_all(one.text);
    EXPECT_EQ(seen.items.size(), one.items) << one.text;
    EXPECT_EQ(seen.error, one.error) << one.text;
  }
}

// Everything that a resumed import rests on: cut again from any place up to the next one, a piece is the
// same.
TEST(Cutter, CutsTheSamePieceAgainFromItsPlace) {
  std::string lines = "first\n" + std::string(item_bytes_max + 5, 'y') + "\n\n";
  for (int at = 0; at < 2100; ++at) lines += at % 7 == 0 ? "\n" : "l" + std::to_string(at) + "\r\n";
  lines += "open end";
  std::string array = "[";
  for (int at = 0; at < 2100; ++at) array += (at > 0 ? " ,\n" : "") + std::to_string(at);
  array += "]";
  for (const std::string& text : {lines, array}) {
    const Seen seen = cut_all(text);
    ASSERT_GE(seen.places.size(), 3U);
    Place from;
    std::size_t item_at = 0;
    for (const Place& place : seen.places) {
      Source source(read_text(text, 1234));
      ASSERT_TRUE(source.take_up_to(from.bytes));
      Cutter cutter(source, text == array ? Dialect::array : Dialect::access_log, from);
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

TEST(Cutter, SaysThatAnInputHasBecomeShorter) {
  Source source(read_text("a\nb\n"));
  Cutter cutter(source, Dialect::access_log, {});
  EXPECT_EQ(cutter.up_to(5).error().code, "input_shorter");
}

TEST(Cutter, LeavesTheRestOfALineThatWasTakenInItsMiddle) {
  const Seen before = cut_all("a\nb", 100, Dialect::access_log);
  for (const std::string grown : {"a\nb\nc\n", "a\nbbb\nc\n"}) {
    Source source(read_text(grown));
    ASSERT_TRUE(source.take_up_to(before.places.back().bytes));
    Cutter cutter(source, Dialect::access_log, before.places.back());
    const auto cut = cutter.next();
    ASSERT_TRUE(cut);
    ASSERT_EQ(cut->items.size(), 1U);
    EXPECT_EQ(cut->items[0].line, 3U);
    EXPECT_EQ(cut->items[0].text, "c");
  }
}

TEST(Cutter, GivesBackAnUnfinishedLastLine) {
  Source source(read_text("a\nb"));
  Cutter cutter(source, Dialect::access_log, {});
  auto cut = cutter.next();
  ASSERT_TRUE(cut && cut->items.back().open);
  *cut = cutter.without_last(std::move(*cut));
  EXPECT_EQ(cut->items.size(), 1U);
  cutter.accept(*cut);
  EXPECT_EQ(cutter.place().bytes, 2U);
  EXPECT_EQ(cutter.place().lines, 1U);
  EXPECT_FALSE(cutter.place().mid_line);
  EXPECT_EQ(cutter.place().hash, source.hash());
}

}  // namespace
}  // namespace weir::feed
