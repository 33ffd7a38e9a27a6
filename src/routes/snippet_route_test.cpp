#include "routes/snippet_route.hpp"

#include <gtest/gtest.h>

#include "decompress/testing/compress.hpp"

namespace weir::routes {
namespace {

http::Reply get(std::string_view if_none_match = "") {
  http::Request request{.method = "GET", .path = "/weir.js"};
  if (!if_none_match.empty()) request.headers.emplace_back("If-None-Match", if_none_match);
  http::Reply reply;
  snippet_route().handle(request, [&](http::Reply made) { reply = std::move(made); });
  return reply;
}

std::string header(const http::Reply& reply, std::string_view name) {
  for (const auto& [field_name, value] : reply.headers)
    if (field_name == name) return value;
  return "";
}

TEST(SnippetRoute, ServesTheScriptToPagesOfAnyOrigin) {
  const http::Reply reply = get();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/javascript; charset=utf-8");
  EXPECT_TRUE(reply.body.contains("sendBeacon"));
  EXPECT_EQ(header(reply, "Cross-Origin-Resource-Policy"), "cross-origin");
  EXPECT_TRUE(snippet_route().cross_origin);
}

TEST(SnippetRoute, IsAtMostOneAndAHalfKilobytesInGzip) {
  EXPECT_LE(decompress::gzip_of(get().body).size(), 1536u);
}

TEST(SnippetRoute, LetsBrowsersStoreTheScript) {
  const std::string etag = header(get(), "ETag");
  EXPECT_EQ(header(get(), "Cache-Control"), "max-age=3600");
  const http::Reply known = get(etag);
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(header(known, "ETag"), etag);
  EXPECT_EQ(get("\"other\"").status, 200);
}

}  // namespace
}  // namespace weir::routes
