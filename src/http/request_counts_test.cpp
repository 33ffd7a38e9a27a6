#include "http/request_counts.hpp"

#include <gtest/gtest.h>
#include <random>

#include "http/router.hpp"
#include "telemetry/exposition.hpp"

namespace weir::http {
namespace {

using namespace std::chrono_literals;

class Counted : public testing::Test {
 protected:
  static Router make_router() {
    const Handler nothing = [](const Request&, Respond) {};
    return Router({{"POST", "/activity", nothing}, {"GET", "/health", nothing}});
  }
  std::string text() const {
    const std::array<const RequestCounts*, 2> threads{&one_, &other_};
    telemetry::Exposition exposition;
    RequestCounts::collect(threads, exposition);
    return exposition.text();
  }
  static bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).contains("\n" + line + "\n");
  }

  Router router_ = make_router();
  RequestCounts one_{router_.routes()};
  RequestCounts other_{router_.routes()};
};

TEST_F(Counted, AddsUpTheThreads) {
  const Route* activity = router_.find("POST", "/activity/");
  one_.count(activity, 200);
  other_.count(activity, 200);
  other_.count(activity, 503);
  other_.count(activity, 299);
  const std::string all = text();
  EXPECT_TRUE(has(all, R"(weir_http_requests_total{route="/activity",method="POST",code="200"} 2)")) << all;
  EXPECT_TRUE(has(all, R"(weir_http_requests_total{route="/activity",method="POST",code="503"} 1)")) << all;
  EXPECT_TRUE(has(all, R"(weir_http_requests_total{route="/activity",method="POST",code="other"} 1)")) << all;
  EXPECT_TRUE(has(all, R"(weir_http_requests_total{route="/health",method="GET",code="200"} 0)")) << all;
  EXPECT_TRUE(has(all, R"(weir_http_requests_total{route="other",method="other",code="404"} 0)")) << all;
}

TEST_F(Counted, PutsADurationIntoItsBucket) {
  const Route& activity = *router_.find("POST", "/activity");
  for (const auto took : {500us, 501us, 3000us, 60'000'000us}) one_.time(activity, took);
  const std::string all = text();
  const std::string labels = R"({route="/activity",method="POST",le=")";
  EXPECT_TRUE(has(all, "weir_http_request_duration_seconds_bucket" + labels + R"(0.0005"} 1)")) << all;
  EXPECT_TRUE(has(all, "weir_http_request_duration_seconds_bucket" + labels + R"(0.001"} 2)")) << all;
  EXPECT_TRUE(has(all, "weir_http_request_duration_seconds_bucket" + labels + R"(0.005"} 3)")) << all;
  EXPECT_TRUE(has(all, "weir_http_request_duration_seconds_bucket" + labels + R"(10"} 3)")) << all;
  EXPECT_TRUE(has(all, "weir_http_request_duration_seconds_bucket" + labels + R"(+Inf"} 4)")) << all;
  EXPECT_TRUE(
      has(all, R"(weir_http_request_duration_seconds_sum{route="/activity",method="POST"} 60.004001)"))
      << all;
}

// Fault 33: the number of series is constant.
TEST_F(Counted, HasTheSameSeriesWhateverClientsSend) {
  const auto lines = [this] {
    const std::string all = text();
    return std::ranges::count(all, '\n');
  };
  const auto before = lines();
  std::mt19937 random(33);
  for (int probe = 0; probe < 100'000; ++probe) {
    const std::string path = "/" + std::to_string(random());
    const std::string method = probe % 3 == 0 ? "GET" : "M" + std::to_string(random());
    const std::string_view where = probe % 7 == 0 ? "/activity" : std::string_view(path);
    const Route* route = router_.find(method, where);
    one_.count(route, router_.reply_without_route(method, where, false).status);
  }
  EXPECT_EQ(lines(), before);
}

}  // namespace
}  // namespace weir::http
