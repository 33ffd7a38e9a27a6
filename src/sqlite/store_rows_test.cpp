#include "sqlite/store_rows.hpp"

namespace weir::sqlite {
namespace {

WallTime moment(std::int64_t milliseconds) { return WallTime{std::chrono::milliseconds{milliseconds}}; }

TEST(Moment, ReadsBackItsText) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'432'026'000'007, "2015-05-19T09:00:00.007Z"},
      {951'782'399'999, "2000-02-28T23:59:59.999Z"},
      {951'868'799'999, "2000-02-29T23:59:59.999Z"},
      {9'214'646'399'999, "2261-12-31T23:59:59.999Z"},
  };
  for (const auto& [milliseconds, text] : cases) {
    EXPECT_EQ(moment_text(moment(milliseconds)), text);
    EXPECT_EQ(parse_moment(text).value(), moment(milliseconds)) << text;
  }
}

TEST(Moment, RefusesOtherText) {
  for (const char* text :
       {"", "2015-05-19", "2015-05-19 09:00:00.000Z", "2015-05-19T09:00:00Z", "2015-05-19T09:00:00.00xZ",
        "2015-05-19T09:00:00.000z", "2015-02-29T09:00:00.000Z", "2015-13-01T09:00:00.000Z",
        "2015-05-19T24:00:00.000Z", "2015-05-19T09:60:00.000Z", "2015-05-19T09:00:60.000Z",
        "2015-05-19T09:00:00.000Z ", "-015-05-19T09:00:00.000Z"}) {
    auto refused = parse_moment(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_EQ(refused.error().code, "moment_unreadable");
  }
}

}  // namespace
}  // namespace weir::sqlite
