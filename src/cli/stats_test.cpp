#include "cli/stats.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

#include "http/server.hpp"
#include "telemetry/logger.hpp"

namespace weir::cli {
namespace {

// A server that returns prepared answers and remembers the requests.
class FakeApi {
 public:
  FakeApi() {
    auto opened =
        http::Server::open({.bind_address = "127.0.0.1", .port = 0}, [this] { return routes(); }, *logger_);
    server_ = std::move(opened).value();
    server_->start();
  }
  void answer(const std::string& path, http::Reply reply) {
    const std::lock_guard lock(mutex_);
    replies_[path] = std::move(reply);
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

 private:
  std::vector<http::Route> routes() {
    std::vector<http::Route> routes;
    for (const auto* path : {"/api/v1/summary", "/api/v1/timeseries", "/api/v1/top", "/api/v1/dimensions"})
      routes.push_back({"GET", path, [this, path](const http::Request& request, http::Respond respond) {
                          const std::lock_guard lock(mutex_);
                          asked_.push_back(std::string(request.path) + "?" + std::string(request.query));
                          respond(replies_[path]);
                        }});
    return routes;
  }

  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  mutable std::mutex mutex_;  // guards the next two
  std::map<std::string, http::Reply> replies_;
  std::vector<std::string> asked_;
  std::unique_ptr<http::Server> server_;
};

class Stats : public ::testing::Test {
 protected:
  Stats() {
    api_.answer("/api/v1/summary", {.body = R"({"from":"2015-05-17T10:00:00Z","to":"2015-05-17T12:00:00Z",)"
                                            R"("events":9999,"page_views":3617,"unique_users":1861,)"
                                            R"("unique_users_error":0,"previous":{"from":"x","to":"y",)"
                                            R"("events":10,"page_views":0,"unique_users":1}})"});
    api_.answer("/api/v1/timeseries",
                {.body = R"({"interval":"hour","points":[)"
                         R"({"time":"2015-05-17T10:00:00Z","events":8,"page_views":1,"unique_users":1},)"
                         R"({"time":"2015-05-17T11:00:00Z","events":4,"page_views":1,"unique_users":1}]})"});
    api_.answer(
        "/api/v1/dimensions",
        {.body = R"({"dimensions":[{"name":"page","source":"metadata.page_url","since":null},)"
                 R"({"name":"country","source":"metadata.country","since":"2026-01-01T00:00:00Z"}]})"});
    api_.answer("/api/v1/top",
                {.body = R"({"dimension":"page","rows":[{"value":"/\u001b[31mred","events":7,)"
                         R"("page_views":5,"unique_users":2}],"other":{"events":3,"page_views":1}})"});
  }

  int run(StatsOptions options) {
    options.url = api_.url();
    return run_stats(options, out_, err_);
  }

  FakeApi api_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Stats, ShowSummaryPlotAndTopLists) {
  ASSERT_EQ(run({.dimensions = {"page"}}), 0) << err_.str();
  const auto text = out_.str();
  EXPECT_TRUE(text.starts_with("2015-05-17T10:00:00Z to 2015-05-17T12:00:00Z\n\nevents        9,999 "))
      << text;
  EXPECT_TRUE(text.contains("unique users  1,861 ")) << text;
  EXPECT_TRUE(text.contains("events by hour\n8 ┤█████\n")) << text;
  EXPECT_TRUE(text.contains("all others")) << text;
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Stats, PrintNoControlCharacterOfAClient) {
  for (const auto format : {StatsFormat::table, StatsFormat::json, StatsFormat::csv}) {
    if (format == StatsFormat::csv)
      api_.answer("/api/v1/top",
                  {.content_type = "text/csv", .body = "page,events\r\n/\x1b[31m\xc2\x9b,7\r\n"});
    ASSERT_EQ(run({.format = format, .dimensions = {"page"}}), 0) << err_.str();
  }
  EXPECT_FALSE(out_.str().contains('\x1b'));
  EXPECT_FALSE(out_.str().contains("\xc2\x9b"));
}

TEST_F(Stats, RequestTheRangeAndTheOptions) {
  ASSERT_EQ(run({.from = "2015-05-17T10:00:00+02:00",
                 .to = "2015-05-18T00:00:00Z",
                 .interval = "hour",
                 .limit = 3}),
            0);
  const std::string range = "?from=2015-05-17T10:00:00%2B02:00&to=2015-05-18T00:00:00Z";
  const std::vector<std::string> asked{"/api/v1/summary" + range + "&compare=previous",
                                       "/api/v1/timeseries" + range + "&interval=hour", "/api/v1/dimensions?",
                                       "/api/v1/top" + range + "&dimension=page&limit=3",
                                       "/api/v1/top" + range + "&dimension=country&limit=3"};
  EXPECT_EQ(api_.asked(), asked);
}

TEST_F(Stats, ShowTheTimesOfAZone) {
  ASSERT_EQ(run({.tz = "Asia/Kolkata", .dimensions = {"page"}}), 0) << err_.str();
  EXPECT_TRUE(out_.str().starts_with("2015-05-17T15:30:00+05:30 to 2015-05-17T17:30:00+05:30\n"))
      << out_.str();
  EXPECT_TRUE(out_.str().contains("  2015-05-17 15:30")) << out_.str();
  EXPECT_EQ(api_.asked().at(1), "/api/v1/timeseries?tz=Asia/Kolkata");
}

TEST_F(Stats, PrintAgainAsLongAsTheyAreWatched) {
  int rounds = 0;
  StatsOptions options{.dimensions = {"page"}, .watch = true};
  options.wait = [&] { return ++rounds < 3; };
  ASSERT_EQ(run(options), 0);
  const std::string text = out_.str();
  std::size_t screens = 0;
  for (std::size_t at = text.find("\x1b[H\x1b[J"); at != std::string::npos; at = text.find("\x1b[H", at + 1))
    ++screens;
  EXPECT_EQ(screens, 3u);
}

TEST_F(Stats, LeaveOutListsWithoutRowsUnlessTheyAreAskedFor) {
  api_.answer("/api/v1/top",
              {.body = R"({"dimension":"left_out","rows":[],"other":{"events":3,"page_views":1}})"});
  ASSERT_EQ(run({}), 0) << err_.str();
  EXPECT_FALSE(out_.str().contains("left_out")) << out_.str();
  ASSERT_EQ(run({.dimensions = {"left_out"}}), 0);
  EXPECT_TRUE(out_.str().contains("left_out")) << out_.str();
}

TEST_F(Stats, EndWhereTheDimensionsCannotBeRead) {
  for (const char* const body : {R"({"dimensions":7})", R"({"dimensions":[{"name":7}]})", R"({"other":1})"}) {
    api_.answer("/api/v1/dimensions", {.body = body});
    EXPECT_EQ(run({}), 1) << body;
  }
}

TEST_F(Stats, PrintTheAnswersAsOneJsonObject) {
  api_.answer("/api/v1/summary", {.body = R"({"events":")"
                                          "\x7f\xc2\x85"
                                          R"("})"});
  api_.answer("/api/v1/timeseries", {.body = R"({"points":1})"});
  api_.answer("/api/v1/top", {.body = R"({"rows":1})"});
  ASSERT_EQ(run({.format = StatsFormat::json, .dimensions = {"page", "referrer"}}), 0);
  EXPECT_EQ(out_.str(),
            R"({"summary":{"events":"\u007f\u0085"},"timeseries":{"points":1},"top":[{"rows":1},{"rows":1}]})"
            "\n");
}

TEST_F(Stats, PrintAllOfItAsCsv) {
  api_.answer("/api/v1/timeseries", {.content_type = "text/csv", .body = "time,events\r\n"});
  api_.answer("/api/v1/top", {.content_type = "text/csv", .body = "page,events\r\n/,7\r\n"});
  api_.answer("/api/v1/summary", {.body = R"({"from":"a","to":"b","events":5000,"page_views":3,)"
                                          R"("unique_users":4900,"unique_users_error":0.0081,)"
                                          R"("previous":{"from":"c","to":"a","events":1,"page_views":1,)"
                                          R"("unique_users":1,"unique_users_error":0}})"});
  ASSERT_EQ(run({.format = StatsFormat::csv}), 0) << err_.str();
  EXPECT_EQ(out_.str(),
            "range,from,to,events,page_views,unique_users,unique_users_error\r\n"
            "this,a,b,5000,3,4900,0.0081\r\n"
            "previous,c,a,1,1,1,0\r\n\r\n"
            "time,events\r\n\r\n"
            "page,events\r\n/,7\r\n\r\n"
            "page,events\r\n/,7\r\n");
}

TEST_F(Stats, PrintTheCsvOfTheListsThatAreNamed) {
  api_.answer("/api/v1/top", {.content_type = "text/csv", .body = "page,events\r\n"});
  ASSERT_EQ(run({.format = StatsFormat::csv, .dimensions = {"page", "referrer"}}), 0);
  EXPECT_EQ(out_.str(), "page,events\r\n\r\npage,events\r\n");
  EXPECT_EQ(api_.asked(), (std::vector<std::string>{"/api/v1/top?dimension=page&limit=10&format=csv",
                                                    "/api/v1/top?dimension=referrer&limit=10&format=csv"}));
}

TEST_F(Stats, PrintWhyARequestWasRefused) {
  api_.answer("/api/v1/summary", http::error_reply(400, "from is 'x'; expected a time"));
  EXPECT_EQ(run({.from = "x"}), 1);
  EXPECT_TRUE(err_.str().ends_with("from is 'x'; expected a time\n")) << err_.str();
  EXPECT_EQ(out_.str(), "");
}

TEST_F(Stats, Fault45NameAProgramThatAnswersInWeirsPlace) {
  for (const auto format : {StatsFormat::table, StatsFormat::json, StatsFormat::csv})
    for (const int status : {200, 302, 404, 502})
      for (const auto* body : {"<html>", "[]", "{}", ""}) {
        for (const auto* path : {"/api/v1/summary", "/api/v1/timeseries"})
          api_.answer(path, {.status = status, .content_type = "text/html", .body = body});
        EXPECT_EQ(run({.format = format}), 1) << status << body;
        EXPECT_TRUE(err_.str().contains(": something else answers in Weir's place at 127.0.0.1:"))
            << err_.str();
        EXPECT_TRUE(err_.str().contains(": status " + std::to_string(status))) << err_.str();
        EXPECT_EQ(out_.str(), "");
        err_.str("");
      }
}

TEST_F(Stats, ReportAnAnswerThatLacksAMember) {
  for (const auto* body : {R"({"events":1})", R"({"from":"a","to":"b","events":"many"})"}) {
    api_.answer("/api/v1/summary", {.body = body});
    EXPECT_EQ(run({}), 1);
    EXPECT_TRUE(err_.str().ends_with("the answer lacks a member that an answer of Weir has\n")) << err_.str();
  }
}

TEST_F(Stats, PrintNoPasswordOfTheirUrl) {
  for (const auto* url : {"http://user:secret@127.0.0.1:1", "user:secret@127.0.0.1",
                          "http://user:sec/ret@127.0.0.1/secret@x"}) {
    EXPECT_EQ(run_stats({.url = url}, out_, err_), 1);
    EXPECT_FALSE(err_.str().contains("sec")) << err_.str();
    EXPECT_TRUE(err_.str().contains("***@")) << err_.str();
  }
}

TEST(StatsUnavailable, ReportThatNothingAnswers) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_stats({.url = "http://127.0.0.1:1"}, out, err), 1);
  EXPECT_TRUE(err.str().starts_with("weir stats: http://127.0.0.1:1: ")) << err.str();
  EXPECT_EQ(run_stats({.url = "ftp://x"}, out, err), 1);
}

}  // namespace
}  // namespace weir::cli
