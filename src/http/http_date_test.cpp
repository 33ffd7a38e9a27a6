#include "http/http_date.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

TEST(HttpDate, FormatsATimeAsRfc9110Requires) {
  struct Case {
    WallTime moment;
    std::string_view text;
  };
  const std::vector<Case> cases{
      {sys_days{1994y / 11 / 6} + 8h + 49min + 37s, "Sun, 06 Nov 1994 08:49:37 GMT"},
      {sys_days{1970y / 1 / 1}, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {sys_days{2024y / 2 / 29} + 23h + 59min + 59s + 999ms, "Thu, 29 Feb 2024 23:59:59 GMT"},
      {sys_days{1969y / 12 / 31} + 1ms, "Wed, 31 Dec 1969 00:00:00 GMT"},
      {sys_days{9999y / 12 / 31}, "Fri, 31 Dec 9999 00:00:00 GMT"},
  };
  HttpDate date;
  for (const Case& one : cases) {
    EXPECT_EQ(date.text(one.moment), one.text);
    EXPECT_EQ(date.text(one.moment), one.text);
  }
}

TEST(HttpDate, FollowsTheClockInBothDirections) {
  const WallTime moment = sys_days{2024y / 2 / 29} + 12h;
  HttpDate date;
  EXPECT_TRUE(date.text(moment).ends_with("12:00:00 GMT"));
  EXPECT_TRUE(date.text(moment + 999ms).ends_with("12:00:00 GMT"));
  EXPECT_TRUE(date.text(moment + 1s).ends_with("12:00:01 GMT"));
  EXPECT_TRUE(date.text(moment - 1ms).ends_with("11:59:59 GMT"));
}

}  // namespace
}  // namespace weir::http
