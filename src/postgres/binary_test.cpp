#include "postgres/binary.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace weir::postgres {
namespace {

using namespace std::string_view_literals;
using std::chrono::milliseconds;

std::string_view value(const Parameters& parameters, std::size_t place) { return *parameters.value(place); }

TEST(Binary, WritesNumbersBigEndianInTheWidthOfTheirType) {
  Parameters parameters;
  parameters.add(Type::boolean, 1).add(Type::int2, -2).add(Type::int4, 0x01020304).add(Type::int8, -1);
  EXPECT_EQ(value(parameters, 0), "\x01"sv);
  EXPECT_EQ(value(parameters, 1), "\xff\xfe"sv);
  EXPECT_EQ(value(parameters, 2), "\x01\x02\x03\x04"sv);
  EXPECT_EQ(value(parameters, 3), "\xff\xff\xff\xff\xff\xff\xff\xff"sv);
}

TEST(Binary, ReadsBackWhatItWrites) {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{300},
                                    std::int64_t{-32768}, std::int64_t{32767}}) {
    for (const Type type : {Type::int2, Type::int4, Type::int8})
      EXPECT_EQ(read_number(value(Parameters().add(type, number), 0)), number);
  }
  using Limit = std::numeric_limits<std::int64_t>;
  for (const std::int64_t number : {Limit::min(), Limit::max()})
    EXPECT_EQ(read_number(value(Parameters().add(Type::int8, number), 0)), number);
  EXPECT_EQ(read_number("\x01"sv), 1);
}

TEST(Binary, DistinguishesNullFromAnEmptyText) {
  Parameters parameters;
  parameters.add("").add_null();
  EXPECT_EQ(value(parameters, 0), "");
  EXPECT_FALSE(parameters.value(1).has_value());
}

TEST(Binary, CountsMomentsInMicrosecondsSinceTheYear2000) {
  struct Case {
    std::int64_t unix_ms;
    std::int64_t microseconds;
  };
  for (const auto& [unix_ms, microseconds] :
       {Case{946'684'800'000, 0}, Case{946'684'800'001, 1000}, Case{0, -946'684'800'000'000}}) {
    const WallTime moment{milliseconds{unix_ms}};
    EXPECT_EQ(microseconds_of(moment), microseconds);
    EXPECT_EQ(moment_of(microseconds), moment);
  }
  EXPECT_EQ(moment_of(-1), WallTime{milliseconds{946'684'799'999}}) << "cut, towards the past";
}

// 4714-11-24 BC and 294276-12-31, the first and the last day in the manual's table of date types.
TEST(Binary, UsesTheNearestMomentOfTheRangeOfPostgreSQL) {
  using Limit = std::numeric_limits<std::int64_t>;
  EXPECT_EQ(microseconds_of(WallTime{milliseconds{Limit::min()}}), -211'813'488'000'000'000);
  EXPECT_EQ(microseconds_of(WallTime{milliseconds{Limit::max()}}), 9'223'371'331'199'999'000);
}

TEST(Binary, EncodesAnArrayAsTheServerReadsIt) {
  Array array(Type::int2);
  array.add(7).add_null();
  EXPECT_EQ(std::move(array).take(),
            "\0\0\0\1"      // one dimension
            "\0\0\0\1"      // with nulls
            "\0\0\0\x15"    // of int2
            "\0\0\0\2"      // two elements
            "\0\0\0\1"      // the first has index 1
            "\0\0\0\2\0\7"  // two bytes: 7
            "\xff\xff\xff\xff"sv);
  Array texts(Type::text);
  texts.add("").add("a\0b"sv);
  EXPECT_EQ(std::move(texts).take(),
            "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1"
            "\0\0\0\0"
            "\0\0\0\3a\0b"sv);
  EXPECT_EQ(Array(Type::bytea).take(), "\0\0\0\0\0\0\0\0\0\0\0\x11"sv) << "an empty array has no dimension";
}

TEST(Binary, ReplacesBytesThatAreNoText) {
  struct Case {
    std::string_view bytes;
    std::string_view text;
  };
  for (const auto& [bytes, text] :
       {Case{"", ""}, Case{"straße", "straße"}, Case{"a\0b"sv, "a\uFFFDb"}, Case{"\xff", "\uFFFD"},
        Case{"\xC3(", "\uFFFD("}, Case{"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        Case{"cut \xE2\x82", "cut \uFFFD\uFFFD"}})
    EXPECT_EQ(storable_text(bytes), text);
}

}  // namespace
}  // namespace weir::postgres
