#include "dialects/access_log.hpp"

#include <gtest/gtest.h>
#include <string>

namespace weir::dialects {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr EventTime sample_time{1431857103s};  // 17/May/2015:10:05:03 +0000

AccessEntry parsed(std::string_view line) {
  auto entry = parse_access_line(line);
  EXPECT_TRUE(entry) << line << ": " << entry.error().text;
  return entry ? *entry : AccessEntry{};
}

TEST(AccessLog, ReadsTheCombinedFormat) {
  const AccessEntry entry = parsed(
      "83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /a/b.png?x=1 HTTP/1.1\" 200 203023 "
      "\"http://a.example/\" \"Mozilla/5.0 (X11)\"");
  EXPECT_EQ(entry.client, "83.149.9.216");
  EXPECT_EQ(entry.time, sample_time);
  EXPECT_EQ(entry.method, "GET");
  EXPECT_EQ(entry.target, "/a/b.png?x=1");
  EXPECT_EQ(entry.status, 200);
  EXPECT_EQ(entry.referrer, "http://a.example/");
  EXPECT_EQ(entry.user_agent, "Mozilla/5.0 (X11)");
}

TEST(AccessLog, ReadsTheCommonFormat) {
  const AccessEntry entry =
      parsed(R"(host.example - frank [17/May/2015:12:05:03 +0200] "POST / HTTP/1.0" 404 -)");
  EXPECT_EQ(entry.client, "host.example");
  EXPECT_EQ(entry.time, sample_time);
  EXPECT_EQ(entry.method, "POST");
  EXPECT_EQ(entry.status, 404);
  EXPECT_FALSE(entry.referrer);
  EXPECT_EQ(entry.user_agent, "");
}

TEST(AccessLog, ReadsWhateverClientsAndUsersAreCalled) {
  const std::string tail = R"( [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1)";
  EXPECT_EQ(parsed("2001:db8::1 - -" + tail).client, "2001:db8::1");
  EXPECT_EQ(parsed("::1 - -" + tail).client, "::1");
  EXPECT_EQ(parsed("fe80::1%eth0 - -" + tail).client, "fe80::1%eth0");
  EXPECT_EQ(parsed("a.example - John Doe" + tail).client, "a.example");
  EXPECT_EQ(parsed("a.example - [we] \"ird\" [17/May/" + tail).time, sample_time);
  EXPECT_EQ(parsed("a.example -  " + tail + "\r\n").status, 200);
}

TEST(AccessLog, ReadsTimesInAnyZone) {
  const auto time_of = [](std::string_view time) {
    return parsed("c - - [" + std::string(time) + R"(] "GET / HTTP/1.1" 200 1)").time;
  };
  EXPECT_EQ(time_of("17/May/2015:10:05:03 +0000"), sample_time);
  EXPECT_EQ(time_of("17/May/2015:03:05:03 -0700"), sample_time);
  EXPECT_EQ(time_of("17/May/2015:15:35:03 +0530"), sample_time);
  EXPECT_EQ(time_of("18/May/2015:00:05:03 +1400"), sample_time);
  EXPECT_EQ(time_of("29/Feb/2016:00:00:00 +0000"), EventTime{1456704000s});
  EXPECT_EQ(time_of("31/Dec/1999:23:59:59 -0000"), EventTime{946684799s});
}

TEST(AccessLog, TakesTheRequestApartWhateverItIs) {
  struct Case {
    std::string_view request;
    std::string_view method;
    std::string_view target;
  };
  for (const Case& each : {
           Case{"GET / HTTP/1.1", "GET", "/"},
           Case{"GET /x", "GET", "/x"},
           Case{"GET /a file.txt HTTP/1.1", "GET", "/a file.txt"},
           Case{"GET /a HTTP/1.1 b", "GET", "/a HTTP/1.1 b"},
           Case{"GET  /a  HTTP/2.0", "GET", "/a"},
           Case{"PROPFIND /dav/ HTTP/1.1", "PROPFIND", "/dav/"},
           Case{"OPTIONS * HTTP/1.0", "OPTIONS", "*"},
           Case{"GET http://a.example/x HTTP/1.1", "GET", "http://a.example/x"},
           Case{"GET /q=\\\"x\\\" HTTP/1.1", "GET", "/q=\"x\""},
           Case{"GET /\\\\ HTTP/1.1", "GET", "/\\"},
           Case{"GET /\\xC3\\xbc HTTP/1.1", "GET", "/\xC3\xBC"},
           Case{"GET /\\t\\n\\r\\b\\v\\f HTTP/1.1", "GET", "/\t\n\r\b\v\f"},
           Case{"GET /\\q\\xZZ\\x4 HTTP/1.1", "GET", "/\\q\\xZZ\\x4"},
           Case{"GET /\xFF HTTP/1.1", "GET", "/\xFF"},
           Case{"-", "", ""},
           Case{"", "", ""},
           Case{"\\x16\\x03\\x01", "", ""},
           Case{"GET", "", ""},
           Case{"GET ", "GET", ""},
       }) {
    const AccessEntry entry = parsed("c - - [17/May/2015:10:05:03 +0000] \"" + std::string(each.request) +
                                     "\" 400 226 \"-\" \"-\"");
    EXPECT_EQ(entry.method, each.method) << each.request;
    EXPECT_EQ(entry.target, each.target) << each.request;
  }
}

TEST(AccessLog, TakesADashForNothing) {
  const std::string head = R"(c - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 )";
  EXPECT_FALSE(parsed(head + R"("-" "agent")").referrer);
  EXPECT_FALSE(parsed(head + R"("" "agent")").referrer);
  EXPECT_EQ(parsed(head + R"("-" "-")").user_agent, "");
  EXPECT_EQ(parsed(head + R"("--" "a \"quoted\" agent")").referrer, "--");
  EXPECT_EQ(parsed(head + R"("-" "a \"quoted\" agent\\")").user_agent, "a \"quoted\" agent\\");
  EXPECT_EQ(parsed(head + R"("-" "agent" "10.0.0.1" 0.003)").user_agent, "agent");
  EXPECT_EQ(parsed(head + "0.003 more").user_agent, "");
}

TEST(AccessLog, SaysWhatItCouldNotRead) {
  struct Case {
    std::string line;
    std::string_view expected;
  };
  const std::string start = R"(c - - [17/May/2015:10:05:03 +0000] )";
  for (const Case& each : std::vector<Case>{
           {"", "the client's address"},
           {"\r\n", "the client's address"},
           {" c - - ", "the client's address"},
           {"c", "a time like"},
           {"c - -", "a time like"},
           {"c - - [17/May/2015:10:05:03 +0000]", "a time like"},
           {"c - - [17/May/2015:10:05", "a time like"},
           {"c - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [32/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [29/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/2015:24:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/2015:10:05:60 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/2015:10:05:03 +2400] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/2015:10:05:03 +00:0] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/2015:10:05:03  0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/1970:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {"c - - [17/May/9999:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "a time like"},
           {start, "the request in quotes"},
           {start + "GET / HTTP/1.1 200 1", "the request in quotes"},
           {start + "\"GET / HTTP/1.1", "the request in quotes"},
           {start + "\"GET / HTTP/1.1\\\"", "the request in quotes"},
           {start + "\"GET / HTTP/1.1\\", "the request in quotes"},
           {start + "\"GET / HTTP/1.1\"", "a status"},
           {start + "\"GET / HTTP/1.1\" 20", "a status"},
           {start + "\"GET / HTTP/1.1\" 2000 1", "a status"},
           {start + "\"GET / HTTP/1.1\" -20 1", "a status"},
           {start + "\"GET / HTTP/1.1\" - 1", "a status"},
           {start + "\"GET / HTTP/1.1\" 200", "number of bytes"},
           {start + "\"GET / HTTP/1.1\" 200 x", "number of bytes"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"http://a", "the referrer"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\"", "the user agent"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\" ", "the user agent"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0 (compatible; Goo", "the user agent"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla\\\"", "the user agent"},
           {R"({"user_id":"u"})", "a time like"},
       }) {
    const auto entry = parse_access_line(each.line);
    ASSERT_FALSE(entry) << each.line;
    EXPECT_EQ(entry.error().code, "unreadable_line");
    EXPECT_EQ(entry.error().move, Move::caller);
    EXPECT_NE(entry.error().text.find(each.expected), std::string::npos)
        << each.line << " → " << entry.error().text;
  }
}

TEST(AccessLog, CallsAPageViewWhatAPersonCalledUp) {
  struct Case {
    std::string_view method;
    int status;
    std::string_view target;
    bool page_view;
  };
  for (const Case& each : {
           Case{"GET", 200, "/", true},
           Case{"GET", 299, "/", true},
           Case{"GET", 304, "/", true},
           Case{"GET", 199, "/", false},
           Case{"GET", 300, "/", false},
           Case{"GET", 301, "/", false},
           Case{"GET", 404, "/", false},
           Case{"GET", 500, "/", false},
           Case{"POST", 200, "/", false},
           Case{"HEAD", 200, "/", false},
           Case{"get", 200, "/", false},
           Case{"", 200, "/", false},
           Case{"GET", 200, "", true},
           Case{"GET", 200, "/blog/tags/puppet", true},
           Case{"GET", 200, "/blog/tags/puppet?flav=rss20.xml", true},
           Case{"GET", 200, "/v1.2/", true},
           Case{"GET", 200, "/a.html", true},
           Case{"GET", 200, "/a.htm?x", true},
           Case{"GET", 200, "/a.php#x.png", true},
           Case{"GET", 200, "/a.asp", true},
           Case{"GET", 200, "/a.aspx", true},
           Case{"GET", 200, "/a.jsp;jsessionid=1.node", true},
           Case{"GET", 200, "/a.HTML", true},
           Case{"GET", 200, "/a.tar.html", true},
           Case{"GET", 200, "/a.", true},
           Case{"GET", 200, "/.profile", true},
           Case{"GET", 200, "/a.html.gz", false},
           Case{"GET", 200, "/a.png", false},
           Case{"GET", 200, "/a.xhtml", false},
           Case{"GET", 200, "/a.json?page=/b.html", false},
           Case{"GET", 200, "/robots.txt", false},
           Case{"GET", 200, "http://a.example", true},
           Case{"GET", 200, "http://a.example/", true},
           Case{"GET", 200, "http://a.example/x.png", false},
           Case{"GET", 200, "/redirect/http://a.example", false},
       }) {
    AccessEntry entry;
    entry.method = each.method;
    entry.status = each.status;
    entry.target = each.target;
    EXPECT_EQ(activity_type_of(entry), each.page_view ? "page_view" : "request")
        << each.method << ' ' << each.target << ' ' << each.status;
  }
}

TEST(AccessLog, NeverTripsOverALineCutOffAnywhere) {
  const std::string line =
      R"(c - - [17/May/2015:10:05:03 +0000] "GET /\"\xC3\xBC HTTP/1.1" 200 1 "http://a/\\" "agent \x41")";
  for (std::size_t bytes = 0; bytes < line.size(); ++bytes) {
    const auto exact = std::make_unique<char[]>(bytes);
    std::ranges::copy(line.substr(0, bytes), exact.get());
    const auto entry = parse_access_line({exact.get(), bytes});
    // Cut behind the number of bytes it is a line of the common format.
    if (!entry) continue;
    EXPECT_TRUE(line.substr(0, bytes).ends_with(" 200 1") || line.substr(0, bytes).ends_with(" 200 1 "));
  }
  EXPECT_TRUE(parse_access_line(line));
}

}  // namespace
}  // namespace weir::dialects
