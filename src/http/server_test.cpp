#include "http/server.hpp"

#include <deque>
#include <fcntl.h>
#include <future>
#include <gtest/gtest.h>
#include <regex>
#include <stop_token>
#include <sys/resource.h>
#include <unistd.h>

#include "http/testing/test_server.hpp"

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// Where a route puts its Respond, so that the test can reply later, on any thread.
class PendingResponds {
 public:
  void put(Respond respond) {
    const std::lock_guard lock(mutex_);
    responds_.push_back(std::move(respond));
    arrived_.notify_all();
  }
  // Waits for the next one.
  Respond take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 20s, [this] { return !responds_.empty(); }))
      throw std::runtime_error("no request has arrived");
    Respond first = std::move(responds_.front());
    responds_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Respond> responds_;
};

constexpr std::size_t body_max = 8 * limits::MiB;

// A server whose routes return what they have received.
class ServerTest : public TestServer {
 protected:
  ServerTest() { settings_.body_bytes_max = body_max; }

  void start() { TestServer::start(routes()); }

  std::vector<Route> routes() {
    std::vector<Route> all;
    all.push_back({"GET", "/hello", [](const Request& request, Respond respond) {
                     respond({.body = "hello " + std::string(request.query)});
                   }});
    all.push_back({"POST", "/echo", [](const Request& request, Respond respond) {
                     respond({.content_type = "text/plain", .body = std::string(request.body)});
                   }});
    all.push_back(
        {"POST", "/later", [this](const Request&, Respond respond) { pending_.put(std::move(respond)); }});
    all.push_back({"GET", "/thread",
                   [](const Request&, Respond respond) { respond({.body = std::to_string(::gettid())}); }});
    Route watched{"GET", "/watched", [this](const Request& request, Respond respond) {
                    client_gone_ = request.client_gone;
                    pending_.put(std::move(respond));
                  }};
    watched.watch_client = true;
    all.push_back(watched);
    all.push_back({"GET", "/smuggled", [this](const Request&, Respond respond) {
                     ++smuggled_;
                     respond({});
                   }});
    all.push_back({"GET", "/large", [](const Request&, Respond respond) {
                     respond({.body = std::string(32 * limits::MiB, 'x')});
                   }});
    all.push_back({"GET", "/page", [](const Request&, Respond respond) {
                     respond({.body = std::string(30 * limits::KiB, 'x')});
                   }});
    all.push_back({"GET", "/peer",
                   [](const Request& request, Respond respond) { respond({.body = request.peer.text()}); }});
    Route small{"POST", "/small", [](const Request&, Respond respond) { respond({}); }};
    small.body_bytes_max = 10;
    small.cross_origin = true;
    all.push_back(std::move(small));
    return all;
  }

  RawSocket client() { return connect(); }
  RawSocket client_at(const std::string& address) {
    RawSocket client;
    client.bind(address);
    client.connect(server_->port());
    return client;
  }
  // Starts the server, and holds too much memory from 127.0.0.2 until new connections of that address wait.
  std::vector<RawSocket> start_attacked() {
    settings_.body_bytes_max = 64 * limits::KiB;
    settings_.address_held_bytes_max = 0;
    start();
    const std::string part = post("/echo", std::string(64 * limits::KiB, 'x')).substr(0, 64 * limits::KiB);
    std::vector<RawSocket> greedy;
    while (metric("weir_http_newcomers_delayed_total") == 0 && greedy.size() < 200) {
      greedy.push_back(client_at("127.0.0.2"));
      greedy.back().send(part);
    }
    EXPECT_GT(metric("weir_http_newcomers_delayed_total"), 0);
    return greedy;
  }

  PendingResponds pending_;
  std::stop_token client_gone_;  // of the last request for /watched
  std::atomic<int> smuggled_{0};
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawSocket client = this->client();
  for (int request = 0; request < 3; ++request) {
    client.send(get("/hello?you"));
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "hello you");
    EXPECT_EQ(reply.headers.at("Content-Type"), "application/json");
    EXPECT_FALSE(reply.headers.contains("Connection"));
  }
  client.send(get("/peer"));
  EXPECT_EQ(client.reply().body, "127.0.0.1");
}

TEST_F(ServerTest, GivesEveryReplyARequestId) {
  start();
  std::set<std::string> made;
  for (const std::string& own : {""s, "has space"s, "\x80"s, std::string(129, 'r')}) {
    RawSocket client = this->client();
    client.send(get("/hello", own.empty() ? "" : "X-Request-Id: " + own + "\r\n"));
    made.insert(client.reply().headers.at("X-Request-Id"));
  }
  EXPECT_EQ(made.size(), 4u);
  for (const std::string& id : made) EXPECT_EQ(id.size(), 16u);
  RawSocket other = this->client();
  other.send(get("/nowhere", "x-request-id: " + std::string(128, 'r') + "\r\n"));
  EXPECT_EQ(other.reply().headers.at("X-Request-Id"), std::string(128, 'r'));
}

TEST_F(ServerTest, AnswersAMalformedRequestOnceAndClosesWithoutReadingOn) {
  struct Case {
    std::string name, bytes;
    int status;
  };
  const std::string head = "POST /echo HTTP/1.1\r\nHost: weir\r\n";
  const std::vector<Case> cases{
      {"length and chunked", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked and length", head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"two lengths", head + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400},
      {"+5", head + "Content-Length: +5\r\n\r\nhello", 400},
      {"0x5", head + "Content-Length: 0x5\r\n\r\nhello", 400},
      {"negative", head + "Content-Length: -1\r\n\r\n", 400},
      {"huge", head + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"large", head + "Content-Length: 99999999999\r\n\r\n", 413},
      {"xchunked", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {"bad chunk", head + "Transfer-Encoding: chunked\r\n\r\nz\r\n\r\n", 400},
      {"bare LF", "GET /hello HTTP/1.1\nHost: weir\n\n", 400},
      {"folded", "GET /hello HTTP/1.1\r\nHost: weir\r\nX: 1\r\n 2\r\n\r\n", 400},
      {"space before colon", "GET /hello HTTP/1.1\r\nHost : weir\r\n\r\n", 400},
      {"NUL", "GET /hello HTTP/1.1\r\nHost: weir\r\nX: "s + '\0' + "\r\n\r\n", 400},
      {"two Host", "GET /hello HTTP/1.1\r\nHost: weir\r\nHost: weir\r\n\r\n", 400},
      {"no Host", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"URI of 1 MB", "GET /" + std::string(limits::MiB, 'a') + " HTTP/1.1\r\nHost: weir\r\n\r\n", 414},
      {"header of 1 MB", "GET /hello HTTP/1.1\r\nX: " + std::string(limits::MiB, 'a') + "\r\n\r\n", 431},
      {"unknown encoding", head + "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
      {"unknown expectation", head + "Expect: more\r\nContent-Length: 1\r\n\r\nx", 417},
  };
  start();
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.name);
    RawSocket client = this->client();
    client.send(get("/hello") + wrong.bytes + get("/smuggled"));
    client.finish_sending();
    EXPECT_EQ(client.reply().status, 200);
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, wrong.status) << reply.body;
    EXPECT_EQ(reply.body.substr(0, 10), R"({"error":")");
    EXPECT_EQ(reply.headers.at("Connection"), "close");
    EXPECT_EQ(client.rest(), "");
    EXPECT_TRUE(client.closed_by_server());
  }
  EXPECT_EQ(smuggled_, 0);
}

TEST_F(ServerTest, RefusesABodyBeforeItIsReadAndSends100ContinueOnlyIfItIsAccepted) {
  struct Case {
    std::string path, length;
    int status;
  };
  start();
  for (const Case& wrong : {Case{"/echo", std::to_string(body_max + 1), 413}, Case{"/small", "11", 413},
                            Case{"/nowhere", "5", 404}, Case{"/hello", "5", 405}}) {
    RawSocket client = this->client();
    client.send("POST " + wrong.path + " HTTP/1.1\r\nHost: weir\r\nExpect: 100-continue\r\nContent-Length: " +
                wrong.length + "\r\n\r\n");
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, wrong.status) << wrong.path;
    EXPECT_EQ(reply.headers.at("Connection"), "close");
    client.finish_sending();
    EXPECT_EQ(client.rest(), "");
  }
  RawSocket client = this->client();
  client.send("POST /echo HTTP/1.1\r\nHost: weir\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  client.send("hel");
  client.send("lo");
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
}

TEST_F(ServerTest, LetsAClientReadTheRefusalWhileItStillSends) {
  start();
  RawSocket client = this->client();
  client.send("POST /small HTTP/1.1\r\nHost: weir\r\nContent-Length: 4000000\r\n\r\n");
  client.send(std::string(4'000'000, 'x'));
  EXPECT_EQ(client.reply().status, 413);
}

TEST_F(ServerTest, MatchesMethodsAndPaths) {
  struct Case {
    std::string method, path;
    int status;
    std::string allow;
  };
  const std::vector<Case> cases{
      {"GET", "/hello/", 200, ""},
      {"GET", "//hello", 200, ""},
      {"GET", "////hello/", 200, ""},
      {"POST", "//hello", 405, "GET, HEAD, OPTIONS"},
      {"GET", "//", 404, ""},
      {"GET", "/hello//", 404, ""},
      {"GET", "/h%65llo", 404, ""},
      {"GET", "/Hello", 404, ""},
      {"GET", "/", 404, ""},
      {"OPTIONS", "/nowhere", 404, ""},
      {"POST", "/hello", 405, "GET, HEAD, OPTIONS"},
      {"BREW", "/hello", 405, "GET, HEAD, OPTIONS"},
      {"get", "/hello", 405, "GET, HEAD, OPTIONS"},
      {"HEAD", "/echo", 405, "POST, OPTIONS"},
      {"GET", "/echo", 405, "POST, OPTIONS"},
      {"OPTIONS", "/hello", 204, "GET, HEAD, OPTIONS"},
      {"OPTIONS", "*", 204, "GET, HEAD, POST, OPTIONS"},
  };
  start();
  RawSocket client = this->client();
  for (const Case& asked : cases) {
    SCOPED_TRACE(asked.method + " " + asked.path);
    client.send(asked.method + " " + asked.path + " HTTP/1.1\r\nHost: weir\r\n\r\n");
    const RawReply reply = client.reply(asked.method == "HEAD");
    EXPECT_EQ(reply.status, asked.status);
    EXPECT_EQ(reply.headers.contains("Allow") ? reply.headers.at("Allow") : "", asked.allow);
    EXPECT_EQ(reply.headers.contains("Content-Length"), asked.status != 204);
  }
}

TEST_F(ServerTest, AnswersHeadAsGetWithoutTheBody) {
  start();
  RawSocket client = this->client();
  client.send("HEAD /hello?you HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/hello"));
  const RawReply reply = client.reply(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("Content-Length"), "9");
  EXPECT_EQ(client.reply().body, "hello ");
}

TEST_F(ServerTest, LetsScriptsOfAnyPageCallOnlyCrossOriginRoutes) {
  start();
  RawSocket client = this->client();
  client.send(
      "OPTIONS /small HTTP/1.1\r\nHost: weir\r\nOrigin: http://page\r\n"
      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
      "authorization,content-type\r\n\r\n");
  const RawReply preflight = client.reply();
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.at("Access-Control-Allow-Origin"), "http://page");
  EXPECT_EQ(preflight.headers.at("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(preflight.headers.at("Vary"), "Origin");
  EXPECT_EQ(preflight.headers.at("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(
      preflight.headers.at("Access-Control-Allow-Headers"),
      "content-type, content-encoding, authorization, x-api-key, x-request-id, traceparent, tracestate");
  EXPECT_EQ(preflight.headers.at("Access-Control-Max-Age"), "86400");
  client.send(post("/small", "x", "Origin: null\r\n"));
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.headers.at("Access-Control-Allow-Origin"), "null");
  EXPECT_EQ(reply.headers.at("Access-Control-Expose-Headers"), "X-Request-Id, Retry-After, X-Weir-Rejected");
  client.send(post("/small", "x"));
  const RawReply no_script = client.reply();
  EXPECT_FALSE(no_script.headers.contains("Access-Control-Allow-Origin"));
  EXPECT_EQ(no_script.headers.at("Vary"), "Origin");
  client.send(post("/echo", "x", "Origin: http://page\r\n"));
  const RawReply other_route = client.reply();
  EXPECT_FALSE(other_route.headers.contains("Access-Control-Allow-Origin"));
  EXPECT_FALSE(other_route.headers.contains("Vary"));
  client.send(post("/small", "too large for it", "Origin: http://page\r\n"));
  const RawReply refused = client.reply();
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.headers.at("Access-Control-Allow-Origin"), "http://page");
}

// A page's script can read why it was refused only if the error reply allows its origin, too.
TEST_F(ServerTest, AllowsTheOriginAlsoInErrorRepliesThatAreMadeBeforeTheHandler) {
  struct Case {
    std::string name, request;
    int status;
  };
  const std::string origin = "Host: weir\r\nOrigin: http://page\r\n";
  const std::string line = "POST /small HTTP/1.1\r\n" + origin;
  start();
  for (const Case& one : {
           Case{"unknown encoding", line + "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
           Case{"repeated encoding", line + "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n", 415},
           Case{"damaged gzip", line + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400},
           Case{"body too large", line + "Content-Length: 100000\r\n\r\n", 413},
           Case{"chunks too large", line + "Transfer-Encoding: chunked\r\n\r\nfffff\r\n", 413},
           Case{"unknown expectation", line + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417},
           Case{"two lengths", line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
           Case{"a bare line feed", line + "X: y\nZ: z\r\n\r\n", 400},
           Case{"header too large", line + "X: " + std::string(40'000, 'x') + "\r\n\r\n", 431},
           Case{"too many headers",
                line +
                    [] {
                      std::string all;
                      for (int field = 0; field < 200; ++field) all += "X: y\r\n";
                      return all;
                    }() +
                    "\r\n",
                431},
           Case{"URI too long", "POST /small?" + std::string(8192, 'x') + " HTTP/1.1\r\n" + origin + "\r\n",
                414},
           Case{"wrong method", "GET /small HTTP/1.1\r\n" + origin + "\r\n", 405},
       }) {
    SCOPED_TRACE(one.name);
    RawSocket client = connect();
    client.send(one.request);
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, one.status);
    EXPECT_EQ(reply.headers.at("Vary"), "Origin");
    EXPECT_EQ(reply.headers.at("Access-Control-Allow-Origin"), "http://page");
    EXPECT_EQ(reply.headers.at("Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(reply.headers.at("Access-Control-Expose-Headers"),
              "X-Request-Id, Retry-After, X-Weir-Rejected");
  }
}

TEST_F(ServerTest, AllowsNoOriginInErrorRepliesOfOtherRoutes) {
  start();
  RawSocket client = connect();
  client.send("POST /echo HTTP/1.1\r\nHost: weir\r\nOrigin: http://page\r\nContent-Encoding: br\r\n\r\n");
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 415);
  EXPECT_FALSE(reply.headers.contains("Vary"));
  EXPECT_FALSE(reply.headers.contains("Access-Control-Allow-Origin"));
}

TEST_F(ServerTest, LetsOnlyScriptsOfListedOriginsReadReplies) {
  settings_.cors_origins = {"https://shop.example", "http://localhost:3000"};
  start();
  RawSocket client = this->client();
  for (const std::string& origin : settings_.cors_origins) {
    client.send(post("/small", "x", "origin: " + origin + "\r\n"));
    EXPECT_EQ(client.reply().headers.at("Access-Control-Allow-Origin"), origin);
  }
  for (const std::string& origin :
       {"http://shop.example"s, "https://shop.example.evil"s, "https://SHOP.example"s, "null"s, ""s}) {
    client.send(post("/small", "x", "Origin: " + origin + "\r\n"));
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200) << origin;
    EXPECT_FALSE(reply.headers.contains("Access-Control-Allow-Origin")) << origin;
    EXPECT_EQ(reply.headers.at("Vary"), "Origin");
  }
}

TEST_F(ServerTest, GivesEveryReplyADateAndARequestId) {
  start();
  for (const std::string& bytes :
       {get("/hello"), get("/nowhere"), post("/small", "too large for it"), get("/hello", "Expect: more\r\n"),
        "OPTIONS * HTTP/1.1\r\nHost: weir\r\n\r\n"s, "nonsense\r\n\r\n"s, "GET /hello HTTP/1.0\r\n\r\n"s}) {
    RawSocket client = this->client();
    client.send(bytes);
    const RawReply reply = client.reply();
    ASSERT_NE(reply.status, 0) << bytes;
    EXPECT_TRUE(
        std::regex_match(reply.headers.at("Date"),
                         std::regex("[A-Z][a-z]{2}, \\d{2} [A-Z][a-z]{2} \\d{4} \\d{2}:\\d{2}:\\d{2} GMT")))
        << bytes;
    EXPECT_FALSE(reply.headers.at("X-Request-Id").empty()) << bytes;
  }
}

TEST_F(ServerTest, ServesHttp10) {
  start();
  RawSocket once = client();
  once.send("GET /hello HTTP/1.0\r\n\r\n");
  const RawReply reply = once.reply();
  EXPECT_EQ(reply.body, "hello ");
  EXPECT_EQ(reply.headers.at("Connection"), "close");
  EXPECT_EQ(once.rest(), "");
  EXPECT_TRUE(once.closed_by_server());
  RawSocket kept = client();
  for (int request = 0; request < 2; ++request) {
    kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.reply().headers.at("Connection"), "keep-alive");
  }
}

TEST_F(ServerTest, ClosesWhenTheClientRequestsIt) {
  start();
  RawSocket client = this->client();
  client.send(get("/hello", "Connection: close\r\n") + get("/smuggled"));
  EXPECT_EQ(client.reply().headers.at("Connection"), "close");
  client.finish_sending();
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(smuggled_, 0);
}

TEST_F(ServerTest, ReadsARequestByteByByte) {
  start();
  RawSocket client = this->client();
  for (const char byte : post("/echo", "hello") + get("/hello?you")) client.send({&byte, 1});
  EXPECT_EQ(client.reply().body, "hello");
  EXPECT_EQ(client.reply().body, "hello you");
}

TEST_F(ServerTest, ReadsAndWritesLargeBodiesPlainAndChunked) {
  start();
  std::string body(4 * limits::MiB, '\0');
  for (std::size_t at = 0; at < body.size(); ++at) body[at] = static_cast<char>('a' + at % 23);
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 0x4321) {
    const std::string chunk = body.substr(at, 0x4321);
    char size[20];
    chunked.append(size, std::to_chars(size, size + sizeof size, chunk.size(), 16).ptr);
    chunked.append("\r\n").append(chunk).append("\r\n");
  }
  chunked += "0\r\n\r\n";
  RawSocket client = this->client();
  for (const std::string& bytes : {post("/echo", body), chunked, post("/echo", body)}) {
    // The client reads nothing while it sends, as simple clients do.
    ASSERT_TRUE(client.send(bytes));
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body == body);
  }
}

TEST_F(ServerTest, KeepsTheOrderOfAHundredPipelinedRequests) {
  start();
  RawSocket client = this->client();
  std::string bytes;
  for (int request = 0; request < 100; ++request)
    bytes += request % 10 == 3 ? post("/later", "x") : get("/hello?" + std::to_string(request));
  client.send(bytes);
  client.finish_sending();  // a half-closed client still gets every reply
  std::thread answers([this] {
    for (int later = 0; later < 10; ++later) pending_.take()({.body = "later"});
  });
  for (int request = 0; request < 100; ++request) {
    const RawReply reply = client.reply();
    ASSERT_EQ(reply.status, 200);
    ASSERT_EQ(reply.body, request % 10 == 3 ? "later" : "hello " + std::to_string(request));
  }
  answers.join();
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, SurvivesClientsThatResetWhileTheyAreAnswered) {
  start();
  for (int round = 0; round < 20; ++round) {
    RawSocket client = this->client();
    client.send(post("/later", "x") + get("/large") + get("/hello"));
    Respond respond = pending_.take();
    client.reset();
    respond({.body = std::string(limits::MiB, 'x')});
  }
  RawSocket client = this->client();
  client.send(get("/hello"));
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ServerTest, Fault43NotifiesARouteThatItsClientIsGone) {
  settings_.linger_deadline = 20ms;  // so connections are checked every 5 ms
  start();
  for (const bool by_reset : {false, true}) {
    RawSocket client = this->client();
    client.send(get("/watched") + get("/hello"));  // a pipelined request does not hide the end
    Respond respond = pending_.take();
    EXPECT_FALSE(client_gone_.stop_requested());
    if (by_reset)
      client.reset();
    else
      client.close();
    std::promise<void> notified;
    const std::stop_callback notify(client_gone_, [&] { notified.set_value(); });
    EXPECT_EQ(notified.get_future().wait_for(20s), std::future_status::ready) << by_reset;
    respond({});
  }
}

TEST_F(ServerTest, Fault43NotifiesARouteThatTheServerClosedTheConnection) {
  start();
  RawSocket client = this->client();
  client.send(get("/watched"));
  Respond respond = pending_.take();
  server_->stop(0ms);
  EXPECT_TRUE(client_gone_.stop_requested());
  respond({});
}

TEST_F(ServerTest, AnswersAClientThatOnlyClosedItsSendingSide) {
  start();
  RawSocket client = this->client();
  client.send(get("/watched"));
  client.finish_sending();
  Respond respond = pending_.take();
  respond({.body = "in time"});
  EXPECT_EQ(client.reply().body, "in time");
}

TEST_F(ServerTest, WritesLargeRepliesToSlowReaders) {
  start();
  RawSocket client;
  client.receive_little();
  client.connect(server_->port());
  client.send(get("/large") + get("/hello?you"));
  EXPECT_EQ(client.reply().body.size(), 32 * limits::MiB);
  EXPECT_EQ(client.reply().body, "hello you");
}

TEST_F(ServerTest, Answers500ForARouteThatDoesNotReply) {
  start();
  RawSocket client = this->client();
  client.send(post("/later", "x"));
  pending_.take();
  EXPECT_EQ(client.reply().status, 500);
}

TEST_F(ServerTest, Fault10AppliesADeadlineToEveryPartOfARequest) {
  struct Case {
    std::string name, bytes;
    int status;
  };
  settings_.request_deadline = 40ms;
  settings_.idle_deadline = 80ms;
  settings_.linger_deadline = 40ms;
  start();
  for (const Case& slow :
       {Case{"idle from the start", "", 0}, Case{"header", "GET /hel", 408},
        Case{"body", "POST /echo HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\n\r\nh", 408},
        Case{"route", post("/later", "x"), 500}, Case{"idle after a reply", get("/hello"), 200}}) {
    SCOPED_TRACE(slow.name);
    RawSocket client = this->client();
    client.send(slow.bytes);
    EXPECT_EQ(client.reply().status, slow.status);
    EXPECT_EQ(client.rest(), "");
    EXPECT_TRUE(client.closed_by_server());
  }
  pending_.take()({.body = "too late"});
}

TEST_F(ServerTest, Fault10ClosesTheConnectionOfAClientThatDoesNotReadItsReply) {
  settings_.request_deadline = 40ms;
  start();
  RawSocket client;
  client.receive_little();
  client.connect(server_->port());
  client.send(get("/large"));
  // Nothing of the test waits here but this: the server's count of connections.
  RawSocket watcher = this->client();
  while (server_->connections() > 1 && watcher.send(get("/hello")) && watcher.reply().status == 200) {
  }
  EXPECT_LT(client.rest().size(), 32 * limits::MiB);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, Fault13ClosesTheOldestIdleConnectionForANewOneWhenItIsFull) {
  settings_.connections_max = 2;
  start();
  RawSocket first = client();
  RawSocket second = client();
  for (RawSocket* one : {&first, &second}) {
    one->send(get("/hello"));
    EXPECT_EQ(one->reply().status, 200);
  }
  RawSocket third = client();
  third.send(get("/hello"));
  EXPECT_EQ(third.reply().status, 200);
  EXPECT_EQ(first.rest(), "");
  EXPECT_TRUE(first.closed_by_server());
  second.send(get("/hello"));
  EXPECT_EQ(second.reply().status, 200);
  EXPECT_EQ(metric("weir_http_connections_evicted_total", {{"reason", "connections"}}), 1);
}

TEST_F(ServerTest, AnswersANewClientAtOnceWhenAllConnectionsAreBusy) {
  settings_.connections_max = 2;
  start();
  RawSocket first = client();
  RawSocket second = client();
  for (RawSocket* one : {&first, &second}) one->send(post("/later", "x"));
  std::vector<Respond> later;
  for (int request = 0; request < 2; ++request) later.push_back(pending_.take());
  RawSocket third = client();
  third.send(get("/hello"));
  const RawReply reply = third.reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.at("Retry-After"), "1");
  EXPECT_EQ(third.rest(), "");
  for (Respond& respond : later) respond({});
  EXPECT_EQ(first.reply().status, 200);
  EXPECT_EQ(second.reply().status, 200);
}

TEST_F(ServerTest, Fault38ServesAnAddressAlthoughAnotherOneHasAllConnections) {
  settings_.connections_max = 4;
  start();
  std::vector<RawSocket> slow;
  for (int number = 0; number < 4; ++number) {
    slow.push_back(client_at("127.0.0.2"));
    slow.back().send("GET /hel");
  }
  while (server_->connections() < 4) std::this_thread::yield();
  for (int number = 0; number < 3; ++number) {
    RawSocket honest = client_at("127.0.0.3");
    honest.send(get("/hello"));
    EXPECT_EQ(honest.reply().status, 200);
  }
}

TEST_F(ServerTest, Fault38ClosesTheGreediestConnectionsOfAnAddressAndServesOthersMeanwhile) {
  settings_.body_bytes_max = 64 * limits::KiB;
  settings_.address_held_bytes_max = 0;  // then three bodies
  settings_.held_bytes_max = 0;          // then twice as much
  start();
  const std::string whole = post("/echo", std::string(64 * limits::KiB, 'x'));
  std::vector<RawSocket> greedy;
  for (int number = 0; number < 12; ++number) {
    greedy.push_back(client_at("127.0.0.2"));
    greedy.back().send(whole.substr(0, whole.size() - 1));
    RawSocket honest = client_at("127.0.0.3");
    honest.send(post("/echo", std::string(32 * limits::KiB, 'y')));
    EXPECT_EQ(honest.reply().status, 200);
    EXPECT_LE(metric("weir_http_held_bytes"), 2 * 3 * 64 * limits::KiB);
  }
  int refused = 0;
  for (RawSocket& one : greedy) {
    one.send("x");
    const int status = one.reply().status;
    EXPECT_TRUE(status == 200 || status == 503 || status == 0) << status;
    refused += status != 200;
  }
  EXPECT_GE(refused, 9);
  EXPECT_GE(metric("weir_http_connections_evicted_total", {{"reason", "address_bytes"}}), 1);
  EXPECT_EQ(metric("weir_http_connections_evicted_total", {{"reason", "total_bytes"}}), 0);
}

TEST_F(ServerTest, Fault38ReadsNewConnectionsOfAGreedyAddressLater) {
  settings_.linger_deadline = 20ms;  // so connections are checked every 5 ms
  const std::vector<RawSocket> greedy = start_attacked();
  RawSocket honest = client_at("127.0.0.3");
  honest.send(get("/hello"));
  EXPECT_EQ(honest.reply().status, 200);
  EXPECT_GT(metric("weir_http_connections_evicted_total", {{"reason", "address_bytes"}}), 10);
  RawSocket newcomer = client_at("127.0.0.2");
  newcomer.send(get("/hello"));
  EXPECT_EQ(newcomer.reply().status, 200) << "after a while";
}

TEST_F(ServerTest, StopsAtOnceWhileNewConnectionsWait) {
  const std::vector<RawSocket> greedy = start_attacked();
  RawSocket newcomer = client_at("127.0.0.2");
  while (metric("weir_http_newcomers_delayed_total") < 2) std::this_thread::yield();
  EXPECT_TRUE(server_->stop(10s));
  EXPECT_EQ(newcomer.rest(), "");
}

TEST_F(ServerTest, Fault38ClosesTheGreediestAddressFirstWhenTheTotalIsExceeded) {
  settings_.body_bytes_max = 64 * limits::KiB;
  settings_.address_held_bytes_max = 0;
  settings_.held_bytes_max = 0;  // six bodies
  start();
  const std::string body = post("/echo", std::string(64 * limits::KiB, 'x'));
  const std::string part = body.substr(0, body.size() - 1);
  std::vector<RawSocket> greedy;
  RawSocket modest = client_at("127.0.0.9");
  modest.send(part);
  for (int address = 2; address < 9; ++address)
    for (int number = 0; number < 2; ++number) {
      greedy.push_back(client_at("127.0.0." + std::to_string(address)));
      greedy.back().send(part);
      RawSocket probe = client_at("127.0.0.10");  // what was sent before has been read when this is answered
      probe.send(get("/hello"));
      EXPECT_EQ(probe.reply().status, 200);
    }
  modest.send("x");
  EXPECT_EQ(modest.reply().status, 200);
  EXPECT_GE(metric("weir_http_connections_evicted_total", {{"reason", "total_bytes"}}), 1);
}

TEST_F(ServerTest, Fault38CountsRequestsThatAreInFlightForTheirAddress) {
  settings_.body_bytes_max = 64 * limits::KiB;
  settings_.address_held_bytes_max = 0;  // three bodies
  start();
  std::vector<RawSocket> busy;
  std::vector<Respond> responds;
  for (int number = 0; number < 3; ++number) {
    busy.push_back(client_at("127.0.0.2"));
    busy.back().send(post("/later", std::string(60 * limits::KiB, 'x')));
    responds.push_back(pending_.take());
  }
  RawSocket more = client_at("127.0.0.2");
  more.send(post("/later", std::string(60 * limits::KiB, 'x')));
  EXPECT_EQ(more.reply().status, 503);
  RawSocket small = client_at("127.0.0.2");
  small.send(post("/echo", "small"));
  EXPECT_EQ(small.reply().status, 200);
  RawSocket other = client_at("127.0.0.3");
  other.send(post("/echo", std::string(60 * limits::KiB, 'x')));
  EXPECT_EQ(other.reply().status, 200);
  for (Respond& respond : responds) respond({});
  for (RawSocket& one : busy) EXPECT_EQ(one.reply().status, 200);
}

TEST_F(ServerTest, Fault38BuffersAtMost64KiBOfRepliesThatTheClientDoesNotRead) {
  start();
  RawSocket client;
  client.receive_little();
  client.connect(server_->port());
  std::string asked;
  for (int request = 0; request < 3000; ++request) asked += get("/page");  // 30 KiB each
  std::thread sender([&] { client.send(asked); });
  RawSocket watcher = this->client();
  double held = 0;
  for (int round = 0; round < 200; ++round) {
    watcher.send(get("/hello"));
    EXPECT_EQ(watcher.reply().status, 200);
    held = std::max(held, metric("weir_http_held_bytes"));
  }
  // The watcher's minimum, the replies, and the requests that came with the first ones.
  EXPECT_LE(held, 8 * limits::KiB + limits::unsent_replies_bytes_max + 2 * 16 * limits::KiB);
  EXPECT_GE(metric("weir_http_reads_paused_total"), 1);
  for (int request = 0; request < 3000; ++request) ASSERT_EQ(client.reply().body.size(), 30 * limits::KiB);
  sender.join();
}

TEST_F(ServerTest, Fault13PausesWithoutFileDescriptorsAndRecovers) {
  settings_.request_deadline = 40ms;  // so that the next try comes soon
  start();
  RawSocket waiting;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{.rlim_cur = 200, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<int> taken;
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
  waiting.connect(server_->port());
  waiting.send(get("/hello"));
  EXPECT_NE(logger_.await("cannot accept connections"), "");
  for (const int fd : taken) ::close(fd);
  EXPECT_EQ(waiting.reply().status, 200);
  EXPECT_EQ(logger_.lines().size(), 1u);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(ServerTest, FinishesCurrentRequestsWhenItStops) {
  start();
  RawSocket idle = client();
  idle.send(get("/hello"));
  EXPECT_EQ(idle.reply().status, 200);
  RawSocket busy = client();
  busy.send(post("/later", "x"));
  Respond respond = pending_.take();
  std::thread stopper([this] { EXPECT_TRUE(server_->stop(20s)); });
  EXPECT_EQ(idle.rest(), "");  // closed at once
  EXPECT_TRUE(idle.closed_by_server());
  respond({.body = "done"});
  const RawReply reply = busy.reply();
  EXPECT_EQ(reply.body, "done");
  EXPECT_EQ(reply.headers.at("Connection"), "close");
  busy.close();
  stopper.join();
  EXPECT_THROW(client(), std::runtime_error);
}

TEST_F(ServerTest, GivesAnIncompleteRequestALittleTimeWhenItStops) {
  settings_.linger_deadline = 20ms;
  start();
  RawSocket begun = client();
  begun.send(get("/hello") + "GET /hel");
  EXPECT_EQ(begun.reply().status, 200);
  EXPECT_TRUE(server_->stop(20s));
  EXPECT_EQ(begun.reply().status, 408);
  EXPECT_EQ(begun.rest(), "");
}

TEST_F(ServerTest, ClosesWhatHasNotFinishedAtTheTimeoutOfStop) {
  start();
  RawSocket busy = client();
  busy.send(post("/later", "x"));
  Respond respond = pending_.take();
  EXPECT_FALSE(server_->stop(10ms));
  EXPECT_EQ(busy.rest(), "");
  server_.reset();
  respond({.body = "the client is gone"});
}

TEST_F(ServerTest, RefusesAPortThatIsInUseAndNamesIt) {
  for (const int threads : {1, 2}) {
    settings_.threads = settings_.threads_at_start = threads;
    settings_.port = 0;
    start();
    settings_.port = server_->port();
    const auto second = Server::open(settings_, [this] { return routes(); }, logger_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "address_in_use");
    EXPECT_NE(second.error().text.find("127.0.0.1:" + std::to_string(server_->port())), std::string::npos);
    server_->stop(0ms);
  }
  settings_.bind_address = "nowhere";
  const auto nowhere = Server::open(settings_, [this] { return routes(); }, logger_);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "address_invalid");
}

TEST_F(ServerTest, AnswersRequestsOfConnectionsThatItHadNotAcceptedBeforeTheStop) {
  std::promise<void> free;
  auto all = routes();
  all.push_back({"GET", "/busy", [&, busy = free.get_future().share()](const Request&, Respond respond) {
                   busy.wait();
                   respond({});
                 }});
  TestServer::start(std::move(all));
  RawSocket first = client();
  first.send(get("/busy"));
  std::vector<RawSocket> waiting;
  for (int number = 0; number < 20; ++number) {
    waiting.push_back(client());
    waiting.back().send(get("/hello"));
  }
  auto stopped = std::async(std::launch::async, [&] { return server_->stop(10s); });
  EXPECT_EQ(stopped.wait_for(20ms), std::future_status::timeout) << "the io thread is busy";
  free.set_value();
  EXPECT_EQ(first.reply().status, 200);
  for (RawSocket& one : waiting) EXPECT_EQ(one.reply().status, 200);
  EXPECT_TRUE(stopped.get());
}

// A server of which one of two io threads serves at first.
class JoiningThreads : public ServerTest {
 protected:
  JoiningThreads() { settings_.threads = 2; }

  void connect_clients(int count) {
    for (int number = 0; number < count; ++number) clients_.push_back(client());
  }
  // Sends a request on each connection, and returns the number of the connections that each io thread serves.
  std::map<std::string, int> ask_each() {
    std::map<std::string, int> served;
    for (RawSocket& client : clients_) {
      client.send(get("/thread"));
      ++served[client.reply().body];
    }
    return served;
  }

  std::vector<RawSocket> clients_;
};

TEST_F(JoiningThreads, TakeTheirShareOfTheConnectionsAfterTheNextReply) {
  start();
  connect_clients(9);
  const auto before = ask_each();
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(metric("weir_http_serving_threads"), 1);
  server_->add_serving_thread();
  server_->add_serving_thread();  // none is left
  EXPECT_EQ(metric("weir_http_serving_threads"), 2);
  auto served = ask_each();
  while (served.size() < 2 || served[before.begin()->first] > 5) served = ask_each();
  EXPECT_EQ(served[before.begin()->first], 5);
  EXPECT_EQ(server_->connections(), 9U);
  EXPECT_EQ(metric("weir_http_held_bytes"), 9 * limits::connection_bytes_min);
}

TEST_F(JoiningThreads, AcceptNewConnections) {
  start();
  server_->add_serving_thread();
  while (ask_each().size() < 2) {
    ASSERT_LT(clients_.size(), 100U);
    connect_clients(1);
  }
}

TEST_F(JoiningThreads, TakeNoConnectionWhoseRequestIsBeingHandled) {
  start();
  connect_clients(2);
  const std::string first = ask_each().begin()->first;
  std::vector<Respond> later;
  for (RawSocket& client : clients_) {
    client.send(post("/later", "x") + get("/thread"));
    later.push_back(pending_.take());
  }
  server_->add_serving_thread();
  for (std::size_t number = 0; number < 2; ++number) {
    later[number]({.body = "later"});
    EXPECT_EQ(clients_[number].reply().body, "later");
    EXPECT_EQ(clients_[number].reply().body, first) << "it had arrived before the move";
  }
  EXPECT_EQ(ask_each().size(), 2U);
}

TEST_F(JoiningThreads, HaveOneLimitOfConnectionsTogether) {
  settings_.connections_max = 2;
  start();
  connect_clients(2);
  EXPECT_EQ(ask_each().size(), 1U);
  server_->add_serving_thread();
  while (ask_each().size() < 2) {
  }
  RawSocket third = client();
  third.send(get("/hello"));
  EXPECT_EQ(third.reply().status, 200);
  EXPECT_EQ(metric("weir_http_connections_evicted_total", {{"reason", "connections"}}), 1);
}

TEST_F(JoiningThreads, StopWhileConnectionsMove) {
  start();
  connect_clients(8);
  EXPECT_EQ(ask_each().size(), 1U);
  server_->add_serving_thread();
  EXPECT_TRUE(server_->stop(10s));
  for (RawSocket& client : clients_) EXPECT_EQ(client.rest(), "");
}

TEST_F(JoiningThreads, LoseNoRequestOfManyClients) {
  start();
  std::atomic<bool> over = false;
  std::thread answers([&] {
    for (int later = 0; later < 8 * 50; ++later) pending_.take()({.body = "later"});
    over = true;
  });
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int number = 0; number < 8; ++number)
    clients.emplace_back([&] {
      RawSocket client = this->client();
      for (int round = 0; round < 50; ++round) {
        client.send(post("/later", "x") + get("/hello?a"));
        good += client.reply().body == "later";
        good += client.reply().body == "hello a";
      }
    });
  while (good < 8 * 20) std::this_thread::yield();
  server_->add_serving_thread();
  for (std::thread& client : clients) client.join();
  answers.join();
  EXPECT_TRUE(over);
  EXPECT_EQ(good, 8 * 50 * 2);
}

}  // namespace
}  // namespace weir::http
