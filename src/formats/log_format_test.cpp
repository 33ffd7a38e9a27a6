#include <gtest/gtest.h>
#include <string>

#include "formats/line_reader.hpp"

namespace weir::formats {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr EventTime sample_time{1431857103s};  // 17/May/2015:10:05:03 +0000

Result<LogEntry> read(std::string_view format_text, std::string_view line) {
  const auto format = parse_log_format(format_text);
  if (!format) return std::unexpected(format.error());
  LineReader reader(*format);
  LogEntry entry;
  const auto rest = reader.read(line, entry);
  if (!rest) return std::unexpected(rest.error());
  EXPECT_EQ(*rest, "") << line;
  return entry;
}

LogEntry must_read(std::string_view format, std::string_view line) {
  auto entry = read(format, line);
  EXPECT_TRUE(entry) << format << "\n" << line << "\n" << entry.error().text;
  return entry ? *entry : LogEntry{};
}

LogEntry combined(std::string_view line) { return must_read("combined", line); }
LogEntry common(std::string_view line) { return must_read("common", line); }

TEST(Combined, HasAllFieldsOfAnEvent) {
  const LogEntry entry = combined(
      "83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /a/b.png?x=1 HTTP/1.1\" 200 203023 "
      "\"http://a.example/\" \"Mozilla/5.0 (X11)\"");
  EXPECT_EQ(entry.client, "83.149.9.216");
  EXPECT_EQ(entry.time, sample_time);
  EXPECT_EQ(entry.method, "GET");
  EXPECT_EQ(entry.target, "/a/b.png?x=1");
  EXPECT_EQ(entry.status, 200);
  EXPECT_EQ(entry.referrer, "http://a.example/");
  EXPECT_EQ(entry.user_agent, "Mozilla/5.0 (X11)");
  EXPECT_EQ(entry.host, "");
}

TEST(Common, HasNoReferrerAndNoUserAgent) {
  const LogEntry entry =
      common(R"(host.example - frank [17/May/2015:12:05:03 +0200] "POST / HTTP/1.0" 404 -)");
  EXPECT_EQ(entry.client, "host.example");
  EXPECT_EQ(entry.time, sample_time);
  EXPECT_EQ(entry.method, "POST");
  EXPECT_EQ(entry.status, 404);
  EXPECT_EQ(entry.referrer, "");
  EXPECT_EQ(entry.user_agent, "");
}

TEST(VhostCombined, HasTheHostWithOrWithoutItsPort) {
  const std::string tail =
      R"( 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "-" "UA/1")";
  struct Case {
    std::string_view vhost;
    std::string_view host;
  };
  for (const Case& each :
       {Case{"www.example.com:80", "www.example.com"}, Case{"WWW.Example.com", "www.example.com"},
        Case{"localhost:8443", "localhost"}, Case{"[2001:db8::1]:80", "2001:db8::1"},
        Case{"2001:db8::1", "2001:db8::1"}, Case{"-", ""}, Case{"_", ""}}) {
    const LogEntry entry = must_read("vhost_combined", std::string(each.vhost) + tail);
    EXPECT_EQ(entry.client, "192.0.2.1");
    EXPECT_EQ(entry.host, each.host) << each.vhost;
  }
}

TEST(Main, UsesTheFirstForwardedAddressOrElseTheConnections) {
  const std::string head =
      R"(10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "-" "UA/1" )";
  struct Case {
    std::string_view forwarded;
    std::string_view client;
    bool bad;
  };
  for (const Case& each :
       {Case{"-", "10.0.0.1", false}, Case{"192.0.2.7", "192.0.2.7", false},
        Case{"192.0.2.7, 10.0.0.9", "192.0.2.7", false}, Case{"192.0.2.7:4711,10.0.0.9", "192.0.2.7", false},
        Case{"2001:DB8::7", "2001:db8::7", false}, Case{"[2001:db8::7]:443, 10.0.0.9", "2001:db8::7", false},
        Case{"unknown, 10.0.0.9", "10.0.0.1", false}, Case{"${jndi:ldap://x}", "10.0.0.1", true},
        Case{"2.31", "10.0.0.1", true}, Case{"host.example", "10.0.0.1", true}}) {
    const LogEntry entry = must_read("main", head + "\"" + std::string(each.forwarded) + "\"");
    EXPECT_EQ(entry.client, each.client) << each.forwarded;
    EXPECT_EQ(entry.bad_forwarded, each.bad) << each.forwarded;
  }
}

TEST(Client, IsTheFirstAddressOrHostNameWithoutItsPort) {
  const std::string tail = R"( - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1)";
  struct Case {
    std::string_view written;
    std::string_view client;
  };
  for (const Case& each :
       {Case{"2001:db8::1", "2001:db8::1"}, Case{"::1", "::1"}, Case{"fe80::1%eth0", "fe80::1%eth0"},
        Case{"[2001:db8::17]", "2001:db8::17"}, Case{"[2001:db8::17]:8080", "2001:db8::17"},
        Case{"192.0.2.1:50001", "192.0.2.1"}, Case{"192.0.2.1, 198.51.100.7", "192.0.2.1"},
        Case{"192.0.2.1,198.51.100.7", "192.0.2.1"},
        Case{"192.0.2.1:1, 198.51.100.7:2, a.example", "192.0.2.1"}, Case{"a.example:80", "a.example"},
        Case{"A.Example", "a.example"}, Case{"my_host-1", "my_host-1"}, Case{"unix:", "unix"}})
    EXPECT_EQ(common(std::string(each.written) + tail).client, each.client) << each.written;
  for (const std::string_view wrong :
       {"-", "[notice]", "<134>1", "\x1b[32m192.0.2.1\x1b[0m", "[::1", "[::g]", "a:b", "2026-11-29T13:55:01Z",
        "1:2:3", "|", "_", "", "192.0.2.1,", ",192.0.2.1", "\"192.0.2.1\"", "192.0.2.1/32"})
    EXPECT_FALSE(read("common", std::string(wrong) + tail)) << wrong;
}

TEST(User, MayHaveSpacesOnlyWhereTheseCannotHideFields) {
  const std::string tail = R"( [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1)";
  for (const std::string_view good :
       {"a.example - frank", "a.example - John Doe", "a.example - ", "a.example - \"\"",
        "a.example bob frank", "a.example - a@b.example", "a.example - [we]ird"})
    EXPECT_EQ(common(std::string(good) + tail).client, "a.example") << good;
  for (const std::string_view prefixed :
       {"Nov 29 13:55:01 web1 nginx[2869]: 192.0.2.1 - -", "Nov 29 13:55:01 web1 nginx: 192.0.2.1 bob frank",
        "web-1  | 192.0.2.1 - -", "web-1 | 192.0.2.1 - -", "web1 - 192.0.2.1 - frank", "web1 192.0.2.1 - -",
        "2026-11-29T13:55:01Z 192.0.2.1 - -", "<134>1 2026-11-29T13:55:01Z web1 nginx - - - 192.0.2.1 - -"})
    EXPECT_FALSE(read("common", std::string(prefixed) + tail)) << prefixed;
}

TEST(Time, IsReadInAnyZone) {
  const auto time_of = [](std::string_view time) {
    return common("c - - [" + std::string(time) + R"(] "GET / HTTP/1.1" 200 1)").time;
  };
  EXPECT_EQ(time_of("17/May/2015:10:05:03 +0000"), sample_time);
  EXPECT_EQ(time_of("17/May/2015:03:05:03 -0700"), sample_time);
  EXPECT_EQ(time_of("17/May/2015:15:35:03 +0530"), sample_time);
  EXPECT_EQ(time_of("18/May/2015:00:05:03 +1400"), sample_time);
  EXPECT_EQ(time_of("29/Feb/2016:00:00:00 +0000"), EventTime{1456704000s});
  EXPECT_EQ(time_of("31/Dec/1999:23:59:59 -0000"), EventTime{946684799s});
  EXPECT_EQ(time_of("31/Dec/2016:23:59:60 +0000"), EventTime{1483228800s}) << "the second after 59";
}

TEST(Request, IsSplitIntoMethodTargetAndProtocol) {
  struct Case {
    std::string_view request;
    std::string_view method;
    std::string_view target;
  };
  for (const Case& each : {
           Case{"GET / HTTP/1.1", "GET", "/"},
           Case{"GET //xmlrpc.php?rsd HTTP/1.1", "GET", "//xmlrpc.php?rsd"},
           Case{"GET /a file.txt HTTP/1.1", "GET", "/a file.txt"},
           Case{"GET  /a  HTTP/2.0", "GET", "/a"},
           Case{"PROPFIND /dav/ HTTP/1.1", "PROPFIND", "/dav/"},
           Case{"OPTIONS * HTTP/1.0", "OPTIONS", "*"},
           Case{"GET http://a.example/x HTTP/1.1", "GET", "http://a.example/x"},
           Case{"GET /q=\\\"x\\\" HTTP/1.1", "GET", "/q=\"x\""},
           Case{"GET /\\\\ HTTP/1.1", "GET", "/\\"},
           Case{"GET /\\xC3\\xbc HTTP/1.1", "GET", "/\xC3\xBC"},
           Case{"GET /\\u0001 HTTP/1.1", "GET", "/\x01"},
           Case{"GET /\\t\\n\\r\\b\\v\\f HTTP/1.1", "GET", "/\t\n\r\b\v\f"},
           Case{"GET /\\q\\xZZ\\x4 HTTP/1.1", "GET", "/\\q\\xZZ\\x4"},
           Case{"GET /\xFF HTTP/1.1", "GET", "/\xFF"},
           Case{"GET /x", "", ""},  // HTTP/0.9
           Case{"GET /a HTTP/1.1 b", "", ""},
           Case{"GET HTTP/1.1", "", ""},
           Case{"GET  HTTP/1.1", "", ""},
           Case{"G(T / HTTP/1.1", "", ""},
           Case{"GET / HTTP/", "", ""},
           Case{"-", "", ""},
           Case{"", "", ""},
           Case{"\\x16\\x03\\x01", "", ""},
           Case{"GET", "", ""},
           Case{"GET ", "", ""},
       }) {
    const LogEntry entry = combined("c - - [17/May/2015:10:05:03 +0000] \"" + std::string(each.request) +
                                    "\" 400 226 \"-\" \"-\"");
    EXPECT_EQ(entry.method, each.method) << each.request;
    EXPECT_EQ(entry.target, each.target) << each.request;
  }
}

TEST(Entry, ReadsADashAsAbsent) {
  const std::string head = R"(c - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 )";
  EXPECT_EQ(combined(head + R"("-" "agent")").referrer, "");
  EXPECT_EQ(combined(head + R"("" "agent")").referrer, "");
  EXPECT_EQ(combined(head + R"("-" "-")").user_agent, "");
  EXPECT_EQ(combined(head + R"("--" "a \"quoted\" agent")").referrer, "--");
  EXPECT_EQ(combined(head + R"("-" "a \"quoted\" agent\\")").user_agent, "a \"quoted\" agent\\");
  EXPECT_EQ(combined(R"(c - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" - - "-" "UA")").status, 0);
  EXPECT_EQ(combined(R"(c - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 000 0 "-" "UA")").status, 0);
}

TEST(Line, ThatDoesNotMatchCompletelyIsUnreadable) {
  const std::string head = R"(c - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1)";
  for (const std::string_view tail :
       {"", R"( "-")", R"( www.example.com "-" "UA/1")", R"( 562433 0 "-" "UA/1")", R"(  "-" "UA/1")",
        R"( "-" "UA/1" "10.0.0.1")", R"( "-" "UA/1" 0.003)", R"( "-" "UA/1)", R"( "-" "UA\")",
        R"( - "-" "UA/1")", R"( "-"  "UA/1")", R"( "-""UA/1")", R"( "-" UA)", R"("-" "UA/1")"}) {
    const auto entry = read("combined", head + std::string(tail));
    if (!entry) continue;
    ADD_FAILURE() << tail;
  }
  EXPECT_EQ(read("common", head + " \"-\" \"UA/1\"").error().text,
            "expected the end of the line at byte 57, found \" \\\"-\\\" \\\"UA/1\\\"\"");
  EXPECT_TRUE(read("combined", head + " \"-\" \"UA/1\"  \t")) << "white space at the end is ignored";
}

TEST(Line, MayHaveASecondEntryGluedToIt) {
  const auto format = parse_log_format("combined");
  LineReader reader(*format);
  LogEntry entry;
  const std::string one =
      R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "-" "UA/1")";
  const std::string two =
      R"(192.0.2.2 - - [17/May/2015:10:05:04 +0000] "GET /b HTTP/1.1" 200 512 "-" "UA/1")";
  const std::string line = one + two;
  const auto rest = reader.read(line, entry);
  ASSERT_TRUE(rest);
  EXPECT_EQ(entry.client, "192.0.2.1");
  EXPECT_EQ(std::string(*rest), two);
  ASSERT_EQ(reader.read(two, entry).value(), "");
  EXPECT_EQ(entry.client, "192.0.2.2");
}

TEST(Line, ErrorsSayWhatWasExpectedAndWhere) {
  struct Case {
    std::string line;
    std::string_view expected;
  };
  const std::string start = R"(c - - [17/May/2015:10:05:03 +0000] )";
  constexpr std::string_view time = "a time from 1990 to 2261 at byte 7";
  for (const Case& each : std::vector<Case>{
           {"", "the client's address"},
           {" c - - ", "the client's address and then \" \" at byte 0"},
           {"c", "\" \" after the client's address at byte 1, found the end of the line"},
           {"c - -", "the user's name and then \" [\""},
           {"c - - [17/May/2015:10:05:03 +0000]", "\"] \\\"\" after the time's zone like +0000 at byte 33"},
           {"c - - [17/May/2015:10:05", "\":\""},
           {"c - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1",
            "the time's month by its English name"},
           {"c - - [xx/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", "the time's day"},
           {"c - - [17/May/2015:10:05:03 +2400] \"GET / HTTP/1.1\" 200 1", "the time's zone"},
           {"c - - [17/May/2015:10:05:03 +00:0] \"GET / HTTP/1.1\" 200 1", "the time's zone"},
           {"c - - [17/May/2015:10:05:03  0000] \"GET / HTTP/1.1\" 200 1", "the time's zone"},
           {"c - - [17/May/2015:10:05:03] \"GET / HTTP/1.1\" 200 1",
            "\" \" after the time's second at byte 27"},
           {start, "\"] \\\"\""},
           {start + "GET / HTTP/1.1 200 1", "\"] \\\"\""},
           {start + "\"GET / HTTP/1.1", "\"\\\" \" after the request line at byte 50"},
           {start + "\"GET / HTTP/1.1\\\"", "\"\\\" \""},
           {start + "\"GET / HTTP/1.1\"", "\"\\\" \""},
           {start + "\"GET / HTTP/1.1\" 20", "a status of three digits or '-'"},
           {start + "\"GET / HTTP/1.1\" 2000 1", "\" \" after a status of three digits or '-' at byte 55"},
           {start + "\"GET / HTTP/1.1\" -20 1", "\" \" after a status of three digits or '-' at byte 53"},
           {start + "\"GET / HTTP/1.1\" 200", "\" \" after a status of three digits or '-' at byte 55"},
           {start + "\"GET / HTTP/1.1\" 200 x", "a number or '-'"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\"", "\"\\\" \\\"\""},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0 (compatible; Goo",
            "found the end of the line"},
           {start + "\"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla\\\"", "found the end of the line"},
           {R"({"user_id":"u"})", "the client's address"},
           {"c - - [32/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [29/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [17/May/2015:24:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [17/May/2015:10:60:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [17/May/2015:10:05:61 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [17/May/1970:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
           {"c - - [17/May/9999:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", time},
       }) {
    const auto entry = read("combined", each.line);
    ASSERT_FALSE(entry) << each.line;
    EXPECT_EQ(entry.error().code, "unreadable_line");
    EXPECT_EQ(entry.error().kind, ErrorKind::invalid);
    EXPECT_NE(entry.error().text.find(each.expected), std::string::npos)
        << each.line << " → " << entry.error().text;
  }
}

TEST(Activity, IsAPageViewForASuccessfulGetOfAPage) {
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
           Case{"GET", 200, "", false},
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
           Case{"GET", 0, "/", false},
           Case{"GET", 200, "//xmlrpc.php?rsd", true},
           Case{"GET", 200, "//blog/", true},
           Case{"GET", 200, "//shop", true},
           Case{"GET", 200, "//wp-includes/css/a.css", false},
           Case{"GET", 200, "http://a.example", true},
           Case{"GET", 200, "http://a.example/", true},
           Case{"GET", 200, "http://a.example/x.png", false},
           Case{"GET", 200, "/redirect/http://a.example", false},
       }) {
    LogEntry entry;
    entry.method = each.method;
    entry.status = each.status;
    entry.target = each.target;
    EXPECT_EQ(activity_type_of(entry), each.page_view ? "page_view" : "request")
        << each.method << ' ' << each.target << ' ' << each.status;
  }
}

TEST(Line, CutOffAnywhereIsUnreadable) {
  const std::string line =
      R"(c - - [17/May/2015:10:05:03 +0000] "GET /\"\xC3\xBC HTTP/1.1" 200 1 "http://a/\\" "agent \x41")";
  for (std::size_t bytes = 0; bytes < line.size(); ++bytes) {
    const auto exact = std::make_unique<char[]>(bytes);  // the sanitizer sees a byte read after its end
    std::ranges::copy(line.substr(0, bytes), exact.get());
    EXPECT_FALSE(read("combined", {exact.get(), bytes})) << line.substr(0, bytes);
  }
  EXPECT_TRUE(read("combined", line));
}

TEST(Line, OfAMebibyteCostsBoundedWork) {
  std::string spaces = "c - ";
  while (spaces.size() < 1'000'000) spaces += "a [";
  EXPECT_FALSE(read("combined", spaces));
  std::string bars = "1.2.3.4|";
  for (int at = 0; at < 300'000; ++at) bars += "a|";
  EXPECT_FALSE(read("$remote_addr|$http_a|$http_b|$http_c|$http_d|$http_e|[$time_local]", bars));
}

}  // namespace
}  // namespace weir::formats
