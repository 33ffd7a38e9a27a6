#include "http/reply_writer.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

std::string written(const Reply& reply, const ReplyForm& form) {
  std::string out;
  append_reply(out, reply, form);
  return out;
}

TEST(AppendReply, WritesStatusHeadersAndBody) {
  const Reply reply{.status = 503, .body = "{}", .headers = {{"Retry-After", "1"}}};
  EXPECT_EQ(written(reply, {.request_id = "abc", .date = "Sun, 06 Nov 1994 08:49:37 GMT"}),
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: abc\r\nRetry-After: 1\r\n\r\n{}");
}

TEST(AppendReply, AnnouncesTheEndOfTheConnectionWhereTheProtocolRequiresIt) {
  const auto has = [](const ReplyForm& form, std::string_view line) {
    return written({}, form).find(line) != std::string::npos;
  };
  EXPECT_TRUE(has({.close = true}, "Connection: close\r\n"));
  EXPECT_TRUE(has({.http_10 = true, .close = true}, "Connection: close\r\n"));
  EXPECT_TRUE(has({.http_10 = true}, "Connection: keep-alive\r\n"));
  EXPECT_FALSE(has({}, "Connection"));
}

TEST(AppendReply, NamesTheOriginWhoseScriptsMayReadIt) {
  EXPECT_EQ(written({}, {}).find("Access-Control"), std::string::npos);
  const std::string denied = written({}, {.cross_origin = true});
  EXPECT_NE(denied.find("Vary: Origin\r\n"), std::string::npos);
  EXPECT_EQ(denied.find("Access-Control"), std::string::npos);
  const std::string allowed = written({}, {.cross_origin = true, .allow_origin = "https://a.example"});
  for (const std::string_view line :
       {"Vary: Origin\r\n", "Access-Control-Allow-Origin: https://a.example\r\n",
        "Access-Control-Allow-Credentials: true\r\n",
        "Access-Control-Expose-Headers: X-Request-Id, Retry-After, X-Weir-Rejected\r\n"})
    EXPECT_NE(allowed.find(line), std::string::npos) << line;
}

TEST(AppendReply, OmitsTheBodyWhereThereIsNone) {
  EXPECT_TRUE(written({.body = "12345"}, {.without_body = true}).ends_with("\r\n\r\n"));
  EXPECT_NE(written({.body = "12345"}, {.without_body = true}).find("Content-Length: 5\r\n"),
            std::string::npos);
  for (const int status : {204, 304}) {
    const std::string bytes = written({.status = status, .body = "12345"}, {});
    EXPECT_TRUE(bytes.ends_with("\r\n\r\n"));
    EXPECT_EQ(bytes.find("Content-"), std::string::npos);
  }
}

TEST(AppendReply, AnnouncesAStreamedBody) {
  const std::string chunked = written({}, {.streamed = true});
  EXPECT_NE(chunked.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(chunked.find("Content-Length"), std::string::npos);
  const std::string until_close = written({}, {.http_10 = true, .close = true, .streamed = true});
  EXPECT_EQ(until_close.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(until_close.find("Content-Length"), std::string::npos);
  std::string body;
  append_chunk(body, std::string(26, 'x'));
  append_last_chunk(body);
  EXPECT_EQ(body, "1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
}

TEST(AppendReply, KeepsEachValueWithinItsLine) {
  const Reply reply{.content_type = "text/plain\r\nX: 1", .headers = {{"Y", "a\nZ: 2"}}};
  const std::string bytes = written(reply, {.request_id = "i\r\nd"});
  for (const std::string_view injected : {"\r\nX: 1", "\nZ: 2", "\r\nd"})
    EXPECT_EQ(bytes.find(injected), std::string::npos);
}

}  // namespace
}  // namespace weir::http
