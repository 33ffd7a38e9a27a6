// The log lines of requests that fail: one line for each kind of failure, with the id of a request.
#include <gtest/gtest.h>
#include <stdexcept>

#include "http/server.hpp"
#include "http/testing/raw_socket.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::http {
namespace {

class FailureLines : public testing::Test {
 protected:
  FailureLines() {
    auto opened = Server::open({.bind_address = "127.0.0.1", .port = 0}, [] { return routes(); }, log_);
    if (!opened) throw std::runtime_error(opened.error().text);
    server_ = *std::move(opened);
    server_->start();
  }

  static std::vector<Route> routes() {
    const auto failing = [](int status, std::string_view code) {
      return [status, code](const Request&, Respond respond) {
        Reply reply = error_reply(status, "no");
        reply.code = code;
        respond(std::move(reply));
      };
    };
    return {{"POST", "/away", failing(503, "log_away")},
            {"POST", "/lost", failing(500, "timed_out")},
            {"GET", "/unready", failing(503, "")},
            {"GET", "/wrong", failing(400, "")},
            {"GET", "/broken", [](const Request&, Respond) { throw std::runtime_error("out of order"); }},
            {"GET", "/dropped", [](const Request&, Respond) {}}};
  }

  RawReply ask(std::string_view method, std::string_view path, std::string_view id) {
    RawSocket client(server_->port());
    client.send(std::string(method) + " " + std::string(path) +
                " HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + std::string(id) + "\r\nContent-Length: 0\r\n\r\n");
    return client.reply();
  }

  telemetry::FakeLogger log_;
  std::unique_ptr<Server> server_;
};

TEST_F(FailureLines, NameTheFirstRequestOfAKindAndNoneOfTheFollowing) {
  for (int time = 0; time < 50; ++time)
    EXPECT_EQ(ask("POST", "/away", "id-" + std::to_string(time)).status, 503);
  EXPECT_EQ(ask("POST", "/lost", "lost-1").status, 500);
  const std::vector<std::string> expected{
      "warn requests were answered with 503 times=1 code=log_away route=POST /away request_id=id-0",
      "error requests were answered with 500 times=1 code=timed_out route=POST /lost request_id=lost-1"};
  EXPECT_EQ(log_.lines(), expected);
}

TEST_F(FailureLines, AreNotWrittenForNormalResults) {
  EXPECT_EQ(ask("GET", "/unready", "a").status, 503);
  EXPECT_EQ(ask("GET", "/wrong", "b").status, 400);
  EXPECT_EQ(ask("GET", "/nowhere", "c").status, 404);
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(FailureLines, NameTheExceptionOfAHandler) {
  const RawReply reply = ask("GET", "/broken", "broken-1");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.headers.at("X-Request-Id"), "broken-1");
  EXPECT_EQ(log_.await("handler failed"),
            "error a request's handler failed request_id=broken-1 route=GET /broken reason=out of order");
  EXPECT_EQ(ask("GET", "/dropped", "dropped-1").status, 500);
  EXPECT_NE(log_.await("no_reply"), "");
}

TEST_F(FailureLines, UseNoRequestIdWithControlCharacters) {
  RawSocket client(server_->port());
  client.send("POST /lost HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\tb\r\nContent-Length: 0\r\n\r\n");
  const std::string id = client.reply().headers.at("X-Request-Id");
  EXPECT_EQ(id.size(), 16u);
  EXPECT_TRUE(log_.await("/lost").ends_with("request_id=" + id));
}

TEST_F(FailureLines, AreLimitedAndCountersAreNot) {
  for (int time = 0; time < 3; ++time) ask("POST", "/away", "x");
  for (int probe = 0; probe < 100; ++probe) ask("GET", "/" + std::to_string(probe), "x");
  telemetry::Exposition exposition;
  server_->collect(exposition);
  const auto series = telemetry::read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  const auto* away =
      telemetry::find_series(*series, "weir_http_requests_total", {{"route", "/away"}, {"code", "503"}});
  const auto* other =
      telemetry::find_series(*series, "weir_http_requests_total", {{"route", "other"}, {"code", "404"}});
  ASSERT_TRUE(away && other);
  EXPECT_EQ(away->value, 3);
  EXPECT_EQ(other->value, 100);
  EXPECT_EQ(telemetry::find_series(*series, "weir_http_request_duration_seconds_count", {{"route", "/away"}})
                ->value,
            3);
}

}  // namespace
}  // namespace weir::http
