#include "routes/page_routes.hpp"

#include <gtest/gtest.h>
#include <string>

namespace weir::routes {
namespace {

http::Reply get(const http::Route& route, std::string_view if_none_match = "") {
  http::Request request{.method = "GET", .path = route.path};
  if (!if_none_match.empty()) request.headers.emplace_back("If-None-Match", if_none_match);
  http::Reply reply;
  route.handle(request, [&](http::Reply made) { reply = std::move(made); });
  return reply;
}

std::string header(const http::Reply& reply, std::string_view name) {
  for (const auto& [field_name, value] : reply.headers)
    if (field_name == name) return value;
  return "";
}

TEST(PageRoutes, ServeThePageAndEverythingItLoads) {
  const auto routes = page_routes();
  const auto page = get(routes.front());
  EXPECT_EQ(routes.front().path, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.body.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.body.ends_with("</html>\n"));
  for (const auto& route : routes) {
    if (route.path == "/" || route.path.starts_with("/api/")) continue;
    const auto is_loaded_by = [&](const http::Route& other) {
      const auto body = get(other).body;
      return body.contains('"' + route.path.substr(1) + '"') || body.contains("'." + route.path + '\'');
    };
    EXPECT_TRUE(std::ranges::any_of(routes, is_loaded_by)) << route.path;
  }
}

// A proxy may serve the page under a path prefix.
TEST(PageRoutes, UseOnlyRelativeAddresses) {
  for (const auto& file : page_files()) {
    if (!file.name.ends_with(".js") && !file.name.ends_with(".html")) continue;
    for (const auto* absolute : {"=\"/", "from '/", "fetch('/", "`/", "location.origin"})
      EXPECT_FALSE(file.bytes.contains(absolute)) << file.name << " has " << absolute;
  }
}

TEST(PageRoutes, AllowOnlyBuiltInScripts) {
  for (const auto& route : page_routes()) {
    const auto reply = get(route);
    const auto policy = header(reply, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self';")) << route.path;
    EXPECT_FALSE(policy.contains("unsafe")) << route.path;
    EXPECT_EQ(header(reply, "X-Content-Type-Options"), "nosniff");
  }
}

TEST(PageRoutes, Answer304ForAKnownTag) {
  for (const auto& route : page_routes()) {
    const auto tag = header(get(route), "ETag");
    EXPECT_EQ(tag.size(), 18u);
    const auto again = get(route, tag);
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(header(again, "ETag"), tag);
    EXPECT_EQ(get(route, "W/" + tag + ", \"other\"").status, 304);
    EXPECT_EQ(get(route, "\"other\"").status, 200);
  }
}

// The page shows text that clients sent. It must not become markup, code or an address (fault 36).
TEST(PageRoutes, WriteWhatClientsSentAsTextOnly) {
  for (const auto& file : page_files()) {
    if (!file.name.ends_with(".js") && !file.name.ends_with(".html")) continue;
    for (const auto* way : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                            "DOMParser", "createContextualFragment", "srcdoc", "new Function"})
      EXPECT_FALSE(file.bytes.contains(way)) << file.name << " has " << way;
  }
}

}  // namespace
}  // namespace weir::routes
