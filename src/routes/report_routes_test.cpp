#include "routes/report_routes.hpp"

#include <future>
#include <gtest/gtest.h>
#include <string>

#include "report/testing/fake_metrics_reader.hpp"
#include "routes/page_routes.hpp"
#include "tally/sketch.hpp"

namespace weir::routes {
namespace {

using namespace std::chrono_literals;

constexpr WallTime now = std::chrono::sys_days(std::chrono::June / 15 / 2026) + 12h;

tally::WindowRow hour_row(tally::Dimension dimension, std::string value) {
  tally::Sketch users;
  users.add(7);
  return {.key = {.granularity = tally::Granularity::hour,
                  .dimension = dimension,
                  .start = std::chrono::floor<std::chrono::seconds>(now) - 1h,
                  .value = std::move(value)},
          .events = 3,
          .page_views = 2,
          .users = users.encode()};
}

class ReportRoutes : public ::testing::Test {
 protected:
  ReportRoutes() {
    store_.put(hour_row(tally::Dimension::total, ""));
    store_.put(hour_row(tally::Dimension::page, "=/a"));
  }

  http::Reply get(std::string_view path, std::string_view query, std::string_view accept = "*/*") {
    const auto routes = report_routes(report_, *executor_, [] { return Now{now, MonoTime{}}; });
    const auto route = std::ranges::find(routes, path, &http::Route::path);
    EXPECT_NE(route, routes.end());
    EXPECT_EQ(route->method, "GET");
    const http::Request request{
        .method = "GET", .path = path, .query = query, .headers = {{"Accept", accept}}};
    std::promise<http::Reply> reply;
    route->handle(request, [&](http::Reply made) { reply.set_value(std::move(made)); });
    return reply.get_future().get();
  }
  static std::string header(const http::Reply& reply, std::string_view name) {
    for (const auto& [field_name, value] : reply.headers)
      if (field_name == name) return value;
    return "";
  }

  report::FakeMetricsReader store_;
  report::Report report_{store_, {"clicks", "weir"}};
  std::unique_ptr<BoundedExecutor> executor_ = std::make_unique<BoundedExecutor>(2, 8);
};

TEST_F(ReportRoutes, AnswerEachQuery) {
  struct Case {
    std::string_view path;
    std::string_view query;
    std::string_view has;
  };
  const Case cases[] = {{"/api/v1/summary", "", R"("events":3,"page_views":2,"unique_users":1)"},
                        {"/api/v1/summary", "compare=previous", R"("previous":{)"},
                        {"/api/v1/summary", "page=%3D%2Fa", R"("events":3)"},
                        {"/api/v1/summary", "page=/b", R"("events":0)"},
                        {"/api/v1/timeseries", "interval=hour", R"("interval":"hour","points":[)"},
                        {"/api/v1/top", "dimension=page", R"("rows":[{"value":"=/a","events":3)"},
                        {"/api/v1/ledger", "", R"({"partitions":[],"sums":{"read":0)"}};
  for (const auto& [path, query, has] : cases) {
    const auto reply = get(path, query);
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    EXPECT_EQ(reply.content_type, "application/json");
    EXPECT_EQ(header(reply, "Cache-Control"), "no-store");
    EXPECT_TRUE(reply.body.contains(has)) << path << ": " << reply.body;
  }
}

TEST_F(ReportRoutes, AnswerByOwnDimensions) {
  store_.put(tally::KnownDimension{tally::first_own_dimension, "country", "metadata.country", now});
  auto german = hour_row(tally::first_own_dimension, "DE");
  german.events = 2;
  store_.put(german);
  EXPECT_TRUE(get("/api/v1/summary", "country=DE").body.contains(R"("events":2)"));
  EXPECT_TRUE(get("/api/v1/timeseries", "country=FR&interval=hour").body.contains(R"("points":[)"));
  const auto top = get("/api/v1/top", "dimension=country");
  EXPECT_TRUE(top.body.contains(R"("dimension":"country","rows":[{"value":"DE","events":2,)")) << top.body;
  EXPECT_TRUE(top.body.contains(R"("other":{"events":1,"page_views":0})")) << "the summary less the rows";
  EXPECT_TRUE(get("/api/v1/top", "dimension=country&format=csv").body.starts_with("country,events,"));
  EXPECT_TRUE(
      get("/api/v1/ledger", "country=DE").body.contains("country filters summary and timeseries only"));
  EXPECT_EQ(get("/api/v1/summary", "land=DE").status, 400);
  EXPECT_TRUE(get("/api/v1/top", "dimension=land").body.contains("activity_type or country"));
}

TEST_F(ReportRoutes, ListTheDimensions) {
  store_.put(tally::KnownDimension{tally::first_own_dimension, "country", "metadata.country", now});
  const auto reply = get("/api/v1/dimensions", "");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body,
            R"({"dimensions":[{"name":"page","source":"metadata.page_url","since":null},)"
            R"({"name":"referrer","source":"metadata.referrer","since":null},)"
            R"({"name":"activity_type","source":"activity_type","since":null},)"
            R"({"name":"country","source":"metadata.country","since":"2026-06-15T12:00:00.000Z"}]})");
  EXPECT_TRUE(get("/api/v1/dimensions", "format=csv").body.starts_with("name,source,since\r\npage,"));
  EXPECT_EQ(get("/api/v1/dimensions", "page=/").status, 400);
}

TEST_F(ReportRoutes, DescribeTheApiWithItsDimensions) {
  const auto plain = get("/api/v1/openapi.json", "");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.body, page_file("openapi.json"));
  EXPECT_EQ(header(plain, "ETag"), etag_of(plain.body));
  store_.put(tally::KnownDimension{tally::first_own_dimension, "country", "metadata.\"c\"", now});
  const auto reply = get("/api/v1/openapi.json", "");
  for (
      const auto* part :
      {R"("enum": ["page", "referrer", "activity_type", "country"])",
       R"({"$ref": "#/components/parameters/country"},)",
       R"x("country": {"name": "country", "in": "query", "description": "Counts only this value of metadata.\"c\".)x"})
    EXPECT_TRUE(reply.body.contains(part)) << part;
  store_.fail_call(0, {ErrorKind::unavailable, "store_away", "gone"});
  EXPECT_EQ(get("/api/v1/openapi.json", "").body, plain.body) << "while the store does not answer";
}

// One place where a built-in dimension must stand besides its table.
TEST_F(ReportRoutes, DescribeEachBuiltInDimension) {
  const std::string document = get("/api/v1/openapi.json", "").body;
  for (const auto& each : tally::built_in_dimensions) {
    if (each.dimension == tally::Dimension::total) continue;
    const std::string name(each.name);
    EXPECT_TRUE(document.contains("{\"$ref\": \"#/components/parameters/" + name + "\"}")) << name;
    EXPECT_TRUE(document.contains("\"" + name + "\": {\"name\": \"" + name + "\", \"in\": \"query\""))
        << name;
  }
}

TEST_F(ReportRoutes, AnswerListsAsCsvWhenAsked) {
  const auto expect_csv = [](const http::Reply& reply, std::string_view has) {
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.content_type, "text/csv; charset=utf-8");
    EXPECT_TRUE(reply.body.contains(has)) << reply.body;
  };
  expect_csv(get("/api/v1/top", "dimension=page&format=csv"), "\r\n'=/a,3,2,1\r\n");
  expect_csv(get("/api/v1/top", "dimension=page", "text/csv, */*;q=0.1"), "'=/a,3,2,1");
  expect_csv(get("/api/v1/timeseries", "format=csv"), "2026-06-15T11:00:00Z,3,2,1\r\n");
  EXPECT_EQ(get("/api/v1/top", "dimension=page&format=json", "text/csv").content_type, "application/json");
  EXPECT_EQ(get("/api/v1/summary", "", "text/csv").content_type, "application/json");
}

TEST_F(ReportRoutes, SendVaryWhereAListDependsOnAccept) {
  EXPECT_EQ(header(get("/api/v1/top", "dimension=page"), "Vary"), "Accept");
  EXPECT_EQ(header(get("/api/v1/top", "dimension=page", "text/csv"), "Vary"), "Accept");
  EXPECT_EQ(header(get("/api/v1/timeseries", "interval=week"), "Vary"), "Accept");
  EXPECT_EQ(header(get("/api/v1/timeseries", "format=csv"), "Vary"), "");
  EXPECT_EQ(header(get("/api/v1/summary", ""), "Vary"), "");
}

TEST_F(ReportRoutes, Answer400AndNameTheParameter) {
  struct Case {
    std::string_view path;
    std::string_view query;
    std::string_view names;
  };
  const Case cases[] = {{"/api/v1/summary", "from=x", "from"},
                        {"/api/v1/summary", "page=/&referrer=a.org", "page and referrer"},
                        {"/api/v1/summary", "page=/a&page=/b", "page is given more than once"},
                        {"/api/v1/summary", "utm_source=x", "'utm_source' is not a parameter"},
                        {"/api/v1/summary", "from=2026-06-15T00:00:00%20x", "00:00:00 x"},
                        {"/api/v1/summary", "format=csv", "format"},
                        {"/api/v1/timeseries", "interval=year", "interval"},
                        {"/api/v1/timeseries", "format=xml", "format"},
                        {"/api/v1/timeseries", "from=2020-01-01T00:00:00Z&interval=minute", "interval=day"},
                        {"/api/v1/top", "", "dimension"},
                        {"/api/v1/top", "dimension=page&page=/", "page"},
                        {"/api/v1/ledger", "activity_type=x", "activity_type"}};
  for (const auto& [path, query, names] : cases) {
    const auto reply = get(path, query);
    EXPECT_EQ(reply.status, 400) << path << '?' << query;
    EXPECT_TRUE(reply.body.starts_with(R"({"error":")"));
    EXPECT_TRUE(reply.body.contains(names)) << reply.body;
  }
}

TEST_F(ReportRoutes, Answer503WhileTheStoreIsUnavailable) {
  for (const auto* path : {"/api/v1/summary", "/api/v1/timeseries", "/api/v1/ledger", "/api/v1/dimensions"}) {
    // An operator must act. The client does not learn the address of the store.
    for (const ErrorKind kind : {ErrorKind::unavailable, ErrorKind::invalid}) {
      store_.fail_call(0, {kind, "store_away", "no route to 10.0.0.7"});
      const auto reply = get(path, "");
      EXPECT_EQ(reply.status, 503);
      EXPECT_EQ(reply.body, R"x({"error":"the metrics store cannot answer now (store_away)"})x");
      EXPECT_EQ(header(reply, "Retry-After"), "1");
    }
  }
}

TEST_F(ReportRoutes, Answer500WhenTheStoreReportsAnInternalError) {
  store_.fail_call(0, {ErrorKind::internal, "store_broken", "the store is broken"});
  EXPECT_EQ(get("/api/v1/top", "dimension=page").status, 500);
}

TEST_F(ReportRoutes, Fault43Answer503WithTheReasonAtTheDeadline) {
  // The clock advances by three seconds with each reading.
  const auto routes =
      report_routes(report_, *executor_, [mono = MonoTime{}]() mutable { return Now{now, mono += 3s}; });
  const http::Request request{.method = "GET", .path = "/api/v1/top", .query = "dimension=page"};
  std::promise<http::Reply> promised;
  std::ranges::find(routes, "/api/v1/top", &http::Route::path)->handle(request, [&](http::Reply made) {
    promised.set_value(std::move(made));
  });
  const auto reply = promised.get_future().get();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.code, "question_timeout");
  EXPECT_TRUE(reply.body.contains("limit of 7 s; ask for a shorter range")) << reply.body;
  EXPECT_EQ(header(reply, "Retry-After"), "1");
}

TEST_F(ReportRoutes, Fault43Answer503WhileTheServiceStops) {
  executor_->stop();
  const auto reply = get("/api/v1/summary", "");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.code, "") << "it is no failure";
  EXPECT_TRUE(reply.body.contains("shutting down")) << reply.body;
}

TEST_F(ReportRoutes, Fault43DoNotReadTheStoreForAClientThatIsGone) {
  std::stop_source client;
  client.request_stop();
  const auto routes = report_routes(report_, *executor_, [] { return Now{now, MonoTime{}}; });
  for (const auto& route : routes) {
    EXPECT_TRUE(route.watch_client) << route.path;
    const http::Request request{
        .method = "GET", .path = route.path, .query = "", .client_gone = client.get_token()};
    std::promise<http::Reply> promised;
    route.handle(request, [&](http::Reply made) { promised.set_value(std::move(made)); });
    const bool needs_store = route.path != "/api/v1/openapi.json";
    EXPECT_EQ(promised.get_future().get().status, needs_store ? 503 : 200);
  }
  EXPECT_EQ(store_.snapshots(), 0);
}

TEST_F(ReportRoutes, Answer503WhenTooManyQueriesWait) {
  executor_ = std::make_unique<BoundedExecutor>(1, 0);
  const auto reply = get("/api/v1/summary", "");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(header(reply, "Retry-After"), "1");
}

}  // namespace
}  // namespace weir::routes
