#include "http/client.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"
#include "http/stream.hpp"
#include "http/testing/raw_socket.hpp"

namespace weir::http {
namespace {

using namespace std::chrono_literals;

TEST(BaseUrl, IsParsedFromTheUsualForms) {
  struct Case {
    std::string_view url, host;
    std::uint16_t port;
    std::string_view prefix, authority;
  };
  const std::vector<Case> cases{
      {"http://127.0.0.1:8080", "127.0.0.1", 8080, "", "127.0.0.1:8080"},
      {"http://127.0.0.1:8080/", "127.0.0.1", 8080, "", "127.0.0.1:8080"},
      {"HTTP://weir", "weir", 80, "", "weir"},
      {"http://weir:80/a/b/", "weir", 80, "/a/b", "weir"},
      {"http://[::1]:8080/a", "::1", 8080, "/a", "[::1]:8080"},
      {"http://[::1]", "::1", 80, "", "[::1]"},
  };
  for (const Case& good : cases) {
    const auto base = parse_base_url(good.url);
    ASSERT_TRUE(base) << good.url;
    EXPECT_EQ(base->host, good.host);
    EXPECT_EQ(base->port, good.port);
    EXPECT_EQ(base->prefix, good.prefix);
    EXPECT_EQ(base->authority(), good.authority);
  }
}

TEST(BaseUrl, IsPrintedWithoutItsCredentials) {
  struct Case {
    std::string_view url, shown;
  };
  for (const Case& one :
       std::vector<Case>{{"http://host:80/a", "http://host:80/a"},
                         {"http://user:secret@host/a", "http://***@host/a"},
                         {"HTTPS://secret@host", "HTTPS://***@host"},
                         {"user:secret@host", "***@host"},
                         {"http://user:se@cr/et@host", "http://***@host"},
                         {"user:se://cret@host", "***@host"},
                         {"http://host/?key=se@cr?et", "http://host/?key=***"},
                         {"http://user:secret@host/?key=secret", "http://***@host/?key=***"},
                         {"secret@host://", "***@host://"}}) {
    EXPECT_EQ(without_credentials(one.url), one.shown);
    if (!one.shown.contains("***")) continue;
    const auto base = parse_base_url(one.url);
    ASSERT_FALSE(base) << one.url;
    EXPECT_TRUE(base.error().text.contains(one.shown)) << base.error().text;
    EXPECT_TRUE(base.error().text.contains("which is not supported")) << base.error().text;
  }
}

TEST(BaseUrl, IsRefusedWithItsTextIfItIsMalformed) {
  for (const std::string_view url :
       {"", "127.0.0.1:8080", "https://", "http://", "http:///a", "http://weir:", "http://weir:0",
        "http://weir:65536", "http://weir:80x", "http://weir:-1", "http://[::1", "http://[::1]80",
        "http://a b", "http://weir/?a=1", "http://weir/#a", "http://weir/\r\nX: 1"}) {
    const auto base = parse_base_url(url);
    ASSERT_FALSE(base) << url;
    EXPECT_EQ(base.error().kind, ErrorKind::invalid);
    EXPECT_EQ(base.error().code, "url_invalid");
    EXPECT_NE(base.error().text.find(url), std::string::npos);
  }
}

// A Weir server whose routes return what they have received.
class ClientTest : public testing::Test {
 protected:
  void start(ServerSettings settings = {}) {
    settings.bind_address = "127.0.0.1";
    settings.port = port_;
    auto opened = Server::open(settings, [this] { return routes(); }, *logger_);
    if (!opened) throw std::runtime_error(opened.error().text);
    server_ = *std::move(opened);
    server_->start();
    port_ = server_->port();
  }
  std::vector<Route> routes() {
    const auto echo = [this](const Request& request, Respond respond) {
      ++asked_;
      std::string body(request.method);
      body.append(" ").append(request.path).append("?").append(request.query);
      body.append(" ").append(request.header("Host").value_or("")).append(" ").append(request.body);
      respond({.body = std::move(body), .headers = {{"X-Note", "noted"}}});
    };
    Route small{"POST", "/small", echo};
    small.body_bytes_max = 10;
    return {{"GET", "/base/echo", echo},
            {"POST", "/base/echo", echo},
            {"POST", "/never",
             [this](const Request&, Respond respond) {
               kept_.push_back(std::move(respond));
               ++asked_;
             }},
            {"GET", "/streamed", [](const Request& request, Respond respond) { stream(request, respond); }},
            {"GET", "/last", [](const Request&, Respond respond) { respond({.close = true}); }},
            small};
  }
  // 200 KB; with the query "cut", the body ends without its last chunk.
  static void stream(const Request& request, Respond& respond) {
    Stream stream = make_stream();
    Reply reply;
    reply.stream = std::move(stream.body);
    stream.writer.write(std::string(100'000, 'a'));
    stream.writer.write(std::string(100'000, 'b'));
    if (request.query != "cut") stream.writer.end();
    respond(std::move(reply));
  }
  BaseUrl base(std::string prefix = "") const {
    return {.host = "127.0.0.1", .port = port_, .prefix = std::move(prefix)};
  }

  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  std::uint16_t port_ = 0;
  std::atomic<int> asked_{0};
  std::vector<Respond> kept_;  // of the one io thread
  std::unique_ptr<Server> server_;
};

TEST_F(ClientTest, PassesABodyOnInParts) {
  start();
  Client client(base(), {.response_bytes_max = 1000});
  std::string body;
  std::size_t largest = 0;
  const auto take = [&](std::string_view part) {
    body += part;
    largest = std::max(largest, part.size());
  };
  for (int request = 0; request < 2; ++request) {
    body.clear();
    const auto got = client.get_streamed("/streamed", {}, take);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "");
    EXPECT_EQ(body, std::string(100'000, 'a') + std::string(100'000, 'b'));
    EXPECT_LE(largest, 64 * limits::KiB);
    EXPECT_EQ(server_->connections(), 1u);
  }
  const auto cut = client.get_streamed("/streamed?cut", {}, take);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Client::no_answer);
  body.clear();
  const auto refused = client.get_streamed("/nowhere", {}, take);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 404);
  EXPECT_TRUE(refused->body.contains("error")) << refused->body;
  EXPECT_EQ(body, "");
}

TEST_F(ClientTest, SendsAndReceivesOnOneConnection) {
  start();
  Client client(base("/base"));
  for (int request = 0; request < 3; ++request) {
    const auto got = client.send("GET", "/echo?a=b", {}, "");
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "GET /base/echo?a=b 127.0.0.1:" + std::to_string(port_) + " ");
    EXPECT_EQ(got->header("x-note"), "noted");
    const auto posted = client.send("POST", "/echo", {{"Content-Type", "text/plain"}}, "hello");
    ASSERT_TRUE(posted) << posted.error().text;
    EXPECT_TRUE(posted->body.ends_with(" hello"));
    EXPECT_EQ(server_->connections(), 1u);
  }
  const auto nothing = client.send("GET", "/nowhere", {}, "");
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->status, 404);
}

TEST_F(ClientTest, AcceptsAResponseWithoutABody) {
  start();
  Client client(base("/base"));
  const auto head = client.send("HEAD", "/echo", {}, "");
  ASSERT_TRUE(head) << head.error().text;
  EXPECT_EQ(head->body, "");
  EXPECT_TRUE(client.send("GET", "/echo", {}, ""));
}

TEST_F(ClientTest, ConnectsAgainAfterTheServerClosedOrRestarted) {
  start();
  Client client(base());
  ASSERT_TRUE(client.send("GET", "/last", {}, ""));
  ASSERT_TRUE(client.send("GET", "/base/echo", {}, ""));
  server_.reset();
  start();
  const auto got = client.send("GET", "/base/echo", {}, "");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->status, 200);
}

TEST_F(ClientTest, ReadsTheReplyOfAServerThatDoesNotReadTheWholeBody) {
  start();
  Client client(base());
  const auto refused = client.send("POST", "/small", {}, std::string(8 * limits::MiB, 'x'));
  ASSERT_TRUE(refused) << refused.error().text;
  EXPECT_EQ(refused->status, 413);
  EXPECT_EQ(asked_, 0);
}

TEST_F(ClientTest, ReportsThatNothingWasReceivedIfThereIsNoServer) {
  start();
  server_.reset();  // its port is free again
  Client client(base());
  const auto failed = client.send("POST", "/echo", {}, "x");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Client::connect_failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable);
  EXPECT_NE(failed.error().text.find("127.0.0.1:" + std::to_string(port_)), std::string::npos);
}

TEST_F(ClientTest, ReportsAnUnknownOutcomeIfNoReplyArrives) {
  start();
  Client client(base(), {.request_deadline = 30ms});
  const auto failed = client.send("POST", "/never", {}, "x");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Client::no_answer);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable);
  const auto after = client.send("GET", "/base/echo", {}, "");
  ASSERT_TRUE(after) << after.error().text;
  server_.reset();
}

TEST_F(ClientTest, ReportsAnUnknownOutcomeIfTheServerStopsWhileItReplies) {
  start();
  Client client(base());
  std::thread killer([this] {
    while (asked_ == 0) std::this_thread::yield();
    server_->stop(0ms);
  });
  const auto failed = client.send("POST", "/never", {}, "x");
  killer.join();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Client::no_answer);
}

}  // namespace
}  // namespace weir::http
