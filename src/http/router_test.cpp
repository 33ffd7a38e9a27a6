#include "http/router.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

Router router() {
  Route ingest{"POST", "/activity", {}};
  ingest.cross_origin = true;
  return Router({{"GET", "/", {}}, {"GET", "/health", {}}, {"PUT", "/health", {}}, ingest});
}

TEST(Router, FindsARouteByMethodAndPathUnchanged) {
  struct Case {
    std::string_view method, path, route;  // empty: none
  };
  const std::vector<Case> cases{
      {"GET", "/health", "/health"},
      {"GET", "/health/", "/health"},
      {"HEAD", "/health", "/health"},
      {"GET", "/", "/"},
      {"GET", "/health//", ""},
      {"GET", "/healt%68", ""},
      {"GET", "/HEALTH", ""},
      {"get", "/health", ""},
      {"POST", "/health", ""},
      {"HEAD", "/activity", ""},
      {"OPTIONS", "/health", ""},
      {"GET", "", ""},
      {"GET", "//health", "/health"},
      {"GET", "///health/", "/health"},
      {"GET", "//", "/"},
      {"POST", "//activity", "/activity"},
      {"GET", "/x//health", ""},
  };
  const Router routes = router();
  for (const Case& asked : cases) {
    const Route* const found = routes.find(asked.method, asked.path);
    EXPECT_EQ(found ? found->path : "", asked.route) << asked.method << " " << asked.path;
  }
}

TEST(Router, ListsTheMethodsOfAPath) {
  struct Case {
    std::string_view method, path;
    int status;
    std::string allow;
  };
  const std::vector<Case> cases{
      {"POST", "/health", 405, "GET, HEAD, PUT, OPTIONS"},
      {"OPTIONS", "/health/", 204, "GET, HEAD, PUT, OPTIONS"},
      {"GET", "/activity", 405, "POST, OPTIONS"},
      {"OPTIONS", "*", 204, "GET, HEAD, PUT, POST, OPTIONS"},
      {"GET", "/nowhere", 404, ""},
      {"OPTIONS", "/nowhere", 404, ""},
  };
  const Router routes = router();
  for (const Case& asked : cases) {
    const Reply reply = routes.reply_without_route(asked.method, asked.path, true);
    EXPECT_EQ(reply.status, asked.status) << asked.path;
    EXPECT_EQ(reply.headers.empty() ? "" : reply.headers.front().second, asked.allow) << asked.path;
  }
}

TEST(Router, AnswersAPreflightOnlyForCrossOriginRoutes) {
  const Router routes = router();
  EXPECT_GT(routes.reply_without_route("OPTIONS", "/activity", true).headers.size(), 1u);
  EXPECT_EQ(routes.reply_without_route("OPTIONS", "/activity", false).headers.size(), 1u);
  EXPECT_EQ(routes.reply_without_route("OPTIONS", "/health", true).headers.size(), 1u);
  EXPECT_EQ(routes.reply_without_route("OPTIONS", "*", true).headers.size(), 1u);
}

}  // namespace
}  // namespace weir::http
