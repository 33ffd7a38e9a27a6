#include <gtest/gtest.h>
#include <string>

#include "formats/line_reader.hpp"

namespace weir::formats {
namespace {

using namespace std::chrono_literals;

constexpr EventTime sample_time{1431857103s};  // 17/May/2015:10:05:03 +0000

Result<LogEntry> read(std::string_view name, std::string_view line) {
  const auto format = parse_log_format(name);
  LineReader reader(*format);
  LogEntry entry;
  const auto rest = reader.read(line, entry);
  if (!rest) return std::unexpected(rest.error());
  EXPECT_EQ(*rest, "");
  return entry;
}

std::string caddy(std::string_view time,
                  std::string_view addresses = R"("remote_ip":"10.0.0.1","client_ip":"192.0.2.1",)") {
  return R"({"level":"info","ts":)" + std::string(time) +
         R"(,"logger":"http.log.access.log0","msg":"handled request","request":{)" + std::string(addresses) +
         R"("remote_port":"50001","proto":"HTTP/2.0","method":"GET","host":"Example.com:8443",)"
         R"("uri":"//a?x=\"1\"",)"
         R"("headers":{"Accept":["*/*"],"Referer":["http://r.example/"],"User-Agent":["UA/1",)"
         R"("x"]},"tls":{"proto":"h2"}},)"
         R"("bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,)"
         R"("resp_headers":{"Server":["Caddy"]}})";
}

TEST(Caddy, LinesHaveAllFieldsOfAnEvent) {
  const auto entry = read("caddy", caddy("1431857103.25"));
  ASSERT_TRUE(entry) << entry.error().text;
  EXPECT_EQ(entry->client, "192.0.2.1");
  EXPECT_EQ(entry->time, sample_time + 250ms);
  EXPECT_EQ(entry->method, "GET");
  EXPECT_EQ(entry->target, "//a?x=\"1\"");
  EXPECT_EQ(entry->host, "example.com");
  EXPECT_EQ(entry->referrer, "http://r.example/");
  EXPECT_EQ(entry->user_agent, "UA/1");
  EXPECT_EQ(entry->status, 200);
}

TEST(Caddy, TimesAreReadInEveryFormatWithAZone) {
  for (const std::string_view time :
       {"1431857103", "1431857103.0", "1431857103000", "1431857103000.0", "1431857103000000000",
        R"("2015-05-17T10:05:03Z")", R"("2015-05-17T12:05:03.000+0200")",
        R"("2015-05-17T12:05:03.000000000+02:00")", R"("17/May/2015:12:05:03 +0200")", R"("1431857103")"}) {
    const auto entry = read("caddy", caddy(time));
    ASSERT_TRUE(entry) << time << ": " << entry.error().text;
    EXPECT_EQ(entry->time, sample_time) << time;
  }
  for (const std::string_view time :
       {R"("2015/05/17 10:05:03")", R"("yesterday")", "null", "-5", "true", R"("")"})
    EXPECT_FALSE(read("caddy", caddy(time))) << time;
}

TEST(Caddy, ClientIsTheRemoteAddressWithoutAnotherOne) {
  EXPECT_EQ(read("caddy", caddy("1431857103", R"("remote_ip":"10.0.0.1",)"))->client, "10.0.0.1");
  EXPECT_EQ(read("caddy", caddy("1431857103", R"("remote_addr":"[2001:db8::1]:50001",)"))->client,
            "2001:db8::1");
  EXPECT_FALSE(read("caddy", caddy("1431857103", "")));
}

TEST(Caddy, LinesOfOtherLoggersAreUnreadable) {
  for (const std::string_view line :
       {R"({"level":"info","ts":1431857103.2,"logger":"admin","msg":"admin endpoint started"})", R"([1])",
        "7", "{", "", R"({"request":"GET /"})", R"({"request":{"client_ip":"1.2.3.4"},"ts":1431857103})"}) {
    const auto entry = read("caddy", line);
    ASSERT_FALSE(entry) << line;
    EXPECT_EQ(entry.error().code, "unreadable_line");
  }
  EXPECT_EQ(read("caddy", R"({"level":"info","ts":1431857103.2})").error().text,
            "expected the client's address in the member request.client_ip, found none");
  EXPECT_FALSE(read("caddy", caddy("1431857103") + caddy("1431857103"))) << "two entries on one line";
}

std::string traefik(std::string_view members) {
  return R"({"ClientAddr":"10.0.0.1:50001","ClientHost":"192.0.2.1, )"
         R"(10.0.0.9","ClientPort":"50001","ClientUsername":"-",)"
         R"("DownstreamContentSize":5,"DownstreamStatus":304,"Duration":17000,)"
         R"("OriginStatus":200,"Overhead":1,)"
         R"("RequestAddr":"example.com:80","RequestHost":"example.com","RequestMethod":"GET",)"
         R"("RequestPath":"/a?x",)"
         R"("RequestProtocol":"HTTP/1.1","RouterName":"web@docker","level":"info","msg":"",)" +
         std::string(members) + R"("request_Referer":"http://r.example/","request_User-Agent":"UA/1"})";
}

TEST(Traefik, LinesHaveAllFieldsOfAnEvent) {
  const auto entry =
      read("traefik", traefik(R"("StartUTC":"2015-05-17T10:05:03.25Z","time":"2015-05-17T10:05:04Z",)"));
  ASSERT_TRUE(entry) << entry.error().text;
  EXPECT_EQ(entry->client, "192.0.2.1");
  EXPECT_EQ(entry->time, sample_time + 250ms);
  EXPECT_EQ(entry->method, "GET");
  EXPECT_EQ(entry->target, "/a?x");
  EXPECT_EQ(entry->host, "example.com");
  EXPECT_EQ(entry->referrer, "http://r.example/");
  EXPECT_EQ(entry->user_agent, "UA/1");
  EXPECT_EQ(entry->status, 304);
  EXPECT_EQ(read("traefik", traefik(R"("time":"2015-05-17T12:05:03+02:00",)"))->time, sample_time);
  EXPECT_EQ(read("traefik", R"({"ClientAddr":"192.0.2.1:1","RequestMethod":"GET","RequestPath":"/",)"
                            R"("time":"2015-05-17T10:05:03Z"})")
                ->client,
            "192.0.2.1");
  EXPECT_FALSE(read("traefik", traefik("")));
}

}  // namespace
}  // namespace weir::formats
