// Formats that users give as a string: nginx's log_format and Apache's LogFormat.
#include <gtest/gtest.h>
#include <string>

#include "formats/line_reader.hpp"

namespace weir::formats {
namespace {

using namespace std::chrono_literals;

constexpr EventTime sample_time{1431857103s};  // 17/May/2015:10:05:03 +0000

struct Case {
  std::string_view name;
  std::string_view format;
  std::string_view line;
  LogEntry expected;
};

LogEntry entry(std::string client, std::string agent, std::string target, std::string referrer = "",
               std::string host = "", int status = 200, EventTime time = sample_time) {
  return {.client = std::move(client),
          .user_agent = std::move(agent),
          .method = target.empty() ? "" : "GET",
          .target = std::move(target),
          .referrer = std::move(referrer),
          .host = std::move(host),
          .status = status,
          .time = time};
}

void expect_read(const Case& each) {
  const auto format = parse_log_format(each.format);
  ASSERT_TRUE(format) << each.name << ": " << format.error().text;
  LineReader reader(*format);
  LogEntry found;
  const auto rest = reader.read(each.line, found);
  ASSERT_TRUE(rest) << each.name << ": " << rest.error().text << "\n" << each.line;
  EXPECT_EQ(*rest, "") << each.name;
  EXPECT_EQ(found.client, each.expected.client) << each.name;
  EXPECT_EQ(found.user_agent, each.expected.user_agent) << each.name;
  EXPECT_EQ(found.method, each.expected.method) << each.name;
  EXPECT_EQ(found.target, each.expected.target) << each.name;
  EXPECT_EQ(found.referrer, each.expected.referrer) << each.name;
  EXPECT_EQ(found.host, each.expected.host) << each.name;
  EXPECT_EQ(found.status, each.expected.status) << each.name;
  EXPECT_EQ(found.time, each.expected.time) << each.name;
}

TEST(Nginx, FormatsAreAcceptedAsInTheConfiguration) {
  for (const Case& each : std::vector<Case>{
           {"request time at the end",
            R"($remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent )"
            R"("$http_referer" "$http_user_agent" $request_time)",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 )"
            R"("http://r.example/" "UA/1" 0.003)",
            entry("192.0.2.1", "UA/1", "/a", "http://r.example/")},
           {"host first",
            R"($host $remote_addr [$time_local] "$request" $status "$http_user_agent" )"
            R"($upstream_response_time $pipe)",
            R"(www.example.com 192.0.2.1 [17/May/2015:12:05:03 +0200] "GET /a HTTP/2.0" 200 "UA/1" )"
            R"(0.001, 0.250 : 0.003 .)",
            entry("192.0.2.1", "UA/1", "/a", "", "www.example.com")},
           {"forwarded header instead of the address",
            R"($http_x_forwarded_for - $remote_user [$time_local] "$request" $status )"
            R"($body_bytes_sent "$http_referer" "$http_user_agent")",
            R"(192.0.2.1, 198.51.100.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "UA/1")",
            entry("192.0.2.1", "UA/1", "/a")},
           {"pipes and ISO time",
            R"($time_iso8601|$remote_addr|$request_method|$uri$is_args$args|$status|$http_user_agent)",
            "2015-05-17T12:05:03+02:00|192.0.2.1|GET|/a?x=1|200|Mozilla/5.0 (X11; a|b)",
            entry("192.0.2.1", "Mozilla/5.0 (X11; a|b)", "/a?x=1")},
           {"milliseconds", R"($msec $remote_addr "$request" $status)",
            R"(1431857103.250 192.0.2.1 "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a", "", "", 200, sample_time + 250ms)},
           {"address and port",
            R"($remote_addr:$remote_port [$time_local] $scheme://$http_host$request_uri )"
            R"("$request_method" $status)",
            R"(2001:db8::1:50123 [17/May/2015:10:05:03 +0000] https://Example.com:8443/a?x "GET" 200)",
            entry("2001:db8::1", "", "/a?x", "", "example.com")},
           {"proxy protocol", R"($proxy_protocol_addr $remote_addr [$time_local] "$request" $status)",
            R"(192.0.2.1 10.0.0.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a")},
           {"unquoted user agent before a number",
            R"($remote_addr [$time_local] "$request" $status $http_user_agent $request_time)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 Mozilla/5.0 (X11; Linux) 0.5)",
            entry("192.0.2.1", "Mozilla/5.0 (X11; Linux)", "/a")},
           {"braces and commas", R"(${remote_addr}, [$time_local], "${request}", $status, $request_length)",
            R"(192.0.2.1, [17/May/2015:10:05:03 +0000], "GET /a HTTP/1.1", 200, 80)",
            entry("192.0.2.1", "", "/a")},
           {"a whole directive",
            "log_format  timed  '$remote_addr - $remote_user [$time_local] \"$request\" '\n"
            "                   '$status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" "
            "rt=$request_time';",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "UA/1" rt=0.003)",
            entry("192.0.2.1", "UA/1", "/a")},
           {"double quotes around a directive's string",
            R"(log_format a "$remote_addr [$time_local] \"$request\" $status";)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200)", entry("192.0.2.1", "", "/a")},
           {"JSON", R"(escape=json '{"t":"$time_iso8601","ip":"$remote_addr","xff":"$http_x_forwarded_for",'
                       '"r":"$request","s":$status,"ua":"$http_user_agent","ref":"$http_referer","rt":$request_time,'
                       '"u":"$upstream_response_time","h":"$host"}')",
            R"({"t":"2015-05-17T10:05:03+00:00","ip":"10.0.0.1","xff":"192.0.2.1, )"
            R"(10.0.0.9","r":"GET /\"a\" )"
            R"(HTTP/1.1","s":200,"ua":"UA\t\u0001\\","ref":"","rt":0.000,"u":"","h":"www.example.com"})",
            entry("192.0.2.1", "UA\t\x01\\", "/\"a\"", "", "www.example.com")},
           {"default escapes in what looks like JSON",
            R"({"ip":"$remote_addr","t":"$time_local","r":"$request"})",
            R"({"ip":"192.0.2.1","t":"17/May/2015:10:05:03 +0000","r":"GET /\x22a\x5C HTTP/1.1"})",
            entry("192.0.2.1", "", "/\"a\\", "", "", 0)},
           {"nothing escaped",
            R"(escape=none $remote_addr [$time_local] "$request" "$http_user_agent" $status)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a"b\x41 HTTP/1.1" "UA "1"" 200)",
            entry("192.0.2.1", "UA \"1\"", "/a\"b\\x41")},
       })
    expect_read(each);
}

TEST(Apache, FormatsAreAcceptedAsInTheConfiguration) {
  for (const Case& each : std::vector<Case>{
           {"duration at the end", R"(%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D)",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 - "-" "UA/1" 562433)",
            entry("192.0.2.1", "UA/1", "/a")},
           {"duration between, quotes with backslashes",
            R"(%h %l %u %t \"%r\" %>s %b %D %k \"%{Referer}i\" \"%{User-Agent}i\")",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 562433 0 )"
            R"("http://r/" "UA/1")",
            entry("192.0.2.1", "UA/1", "/a", "http://r/")},
           {"vhost between", R"(%h %l %u %t "%r" %>s %b %v "%{Referer}i" "%{User-Agent}i")",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 )"
            R"(www.example.com "-" "UA/1")",
            entry("192.0.2.1", "UA/1", "/a", "", "www.example.com")},
           {"forwarded header", R"(%{X-Forwarded-For}i %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i")",
            R"(192.0.2.1, 10.0.0.9 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "UA/1")",
            entry("192.0.2.1", "UA/1", "/a")},
           {"forwarded header after the address", R"(%h (%{X-Forwarded-For}i) %l %u %t "%r" %>s)",
            R"(10.0.0.1 (192.0.2.1) - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a")},
           {"vhost with port", R"(%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i")",
            R"([2001:db8::9]:443 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 )"
            R"(9 "-" "UA/1")",
            entry("192.0.2.1", "UA/1", "/a", "", "2001:db8::9")},
           {"parts of the request", R"(%a %{c}a %t %m %U%q %H %>s "%{User-Agent}i" %X %I %O %^FB %{ms}T)",
            R"(192.0.2.1 10.0.0.1 [17/May/2015:10:05:03 +0000] GET /a?x=1 HTTP/1.1 200 "UA/1" + )"
            R"(100 200 1234 7)",
            entry("192.0.2.1", "UA/1", "/a?x=1")},
           {"query apart", R"(%h %t %m "%U" "%q" %>s)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] GET "/a" "?x=1" 200)",
            entry("192.0.2.1", "", "/a?x=1")},
           {"strftime with a zone", R"(%{%Y-%m-%d %H:%M:%S %z}t %h "%r" %>s)",
            R"(2015-05-17 12:05:03 +0200 192.0.2.1 "GET /a HTTP/1.1" 200)", entry("192.0.2.1", "", "/a")},
           {"strftime with a Z", R"(%{%FT%TZ}t %h "%r" %>s)",
            R"(2015-05-17T10:05:03Z 192.0.2.1 "GET /a HTTP/1.1" 200)", entry("192.0.2.1", "", "/a")},
           {"strftime by twelve hours", R"([%{%a %b %e %I:%M:%S %p %Z %y}t] %h "%r" %>s)",
            R"([Sun May 17 10:05:03 AM UTC 15] 192.0.2.1 "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a")},
           {"a time of several directives", R"([%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t] %h "%r" %>s)",
            R"([17/May/2015:10:05:03.250 +0000] 192.0.2.1 "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a", "", "", 200, sample_time + 250ms)},
           {"microseconds since 1970", R"(%{usec}t %h "%r" %>s)",
            R"(1431857103000250 192.0.2.1 "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a", "", "", 200, sample_time + 250us)},
           {"begin and end", R"(%{begin:%FT%T%z}t %{end:%FT%T%z}t %h "%r" %>s)",
            R"(2015-05-17T10:05:03+0000 2015-05-17T10:05:09+0000 192.0.2.1 "GET /a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a")},
           {"conditions, cookies and notes",
            R"(%h %t "%r" %!200,304{Referer}i %>s %{session}C "%{n}n" %% %{UNIQUE_ID}e)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" - 200 a=b c "x" % Zz9)",
            entry("192.0.2.1", "", "/a")},
           {"tabs", R"(%h\t%t\t%r\t%>s\t%{User-Agent}i)",
            "192.0.2.1\t[17/May/2015:10:05:03 +0000]\tGET /a b HTTP/1.1\t200\tMozilla/5.0 (X11)",
            entry("192.0.2.1", "Mozilla/5.0 (X11)", "/a b")},
           {"a whole directive", R"(LogFormat "%h %t \"%r\" %>s \"%{User-Agent}i\"" short)",
            R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 "U\"A\\")",
            entry("192.0.2.1", "U\"A\\", "/a")},
           {"Traefik's common format",
            R"(%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %k "%{router}e" "%{server}e" %Dms)",
            R"(192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "UA/1" 17 )"
            R"("web@docker" "http://10.0.0.2:80" 3ms)",
            entry("192.0.2.1", "UA/1", "/a")},
           {"syslog before it, as its owner says", R"(%{x}e web1 nginx[%P]: %h %l %u %t "%r" %>s)",
            R"(Nov 29 13:55:01 web1 nginx[2869]: 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET )"
            R"(/a HTTP/1.1" 200)",
            entry("192.0.2.1", "", "/a")},
       })
    expect_read(each);
}

TEST(Custom, FormatsRefuseALineOfAnotherFormat) {
  const auto format = parse_log_format(R"($remote_addr [$time_local] "$request" $status $request_time)");
  ASSERT_TRUE(format);
  LineReader reader(*format);
  LogEntry found;
  for (const std::string_view line :
       {R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200)",
        R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.003 9)",
        R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.)",
        R"(192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.003192.0.2.2 )"
        R"([17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.003)",
        R"(x 192.0.2.1 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.003)"})
    EXPECT_FALSE(reader.read(line, found)) << line;
}

TEST(Custom, FormatsThatCannotBeReadAreRefusedWithTheReason) {
  struct Refused {
    std::string_view format;
    std::string_view reason;
  };
  for (
      const Refused& each : {
          Refused{
              "combine",
              R"(unknown format "combine": expected auto, combined, vhost_combined, main, common, caddy, traefik, activities)"},
          Refused{"", "unknown format \"\""},
          Refused{R"([$time_local] "$request")", "has no client"},
          Refused{R"($remote_addr "$request")", "has no time"},
          Refused{R"(%h "%r" %>s)", "has no time"},
          Refused{R"(%{%H:%M:%S}t %h)", "has no time"},
          Refused{R"(%{%Y-%m-%d %H:%M:%S}t %h "%r")", "has no zone"},
          Refused{R"(%{%Y-%m-%d %G}t %h "%r")", "conversion %G"},
          Refused{R"(%{%Y-%m-%dT%H:%M:%}t %h "%r")", "ends with '%'"},
          Refused{R"(%h %t %J "%r")", "no directive %J"},
          Refused{R"(%h %t %{Referer)", "has no '}'"},
          Refused{"%h %t %", "ends within a directive"},
          Refused{"%h %t %400", "ends within a directive"},
          Refused{R"($remote_addr $time_local $ "$request")", "no variable's name"},
          Refused{R"($remote_addr $time_local $http_a$http_b)", "no separator between"},
          Refused{R"(escape=some $remote_addr $time_local)", "expected default, json or none"},
      }) {
    const auto format = parse_log_format(each.format);
    ASSERT_FALSE(format) << each.format;
    EXPECT_EQ(format.error().code, "format_invalid");
    EXPECT_NE(format.error().text.find(each.reason), std::string::npos) << format.error().text;
  }
  EXPECT_FALSE(parse_log_format(std::string(10'000, '%')));
}

}  // namespace
}  // namespace weir::formats
