// Filters of a route, over a socket.
#include <atomic>
#include <gtest/gtest.h>
#include <stdexcept>

#include "http/testing/test_server.hpp"

namespace weir::http {
namespace {

class Filters : public TestServer {
 protected:
  // A route that takes a body of at most 1000 bytes and counts the requests that reach it.
  Route route(std::vector<Filter> filters) {
    Route route{"POST", "/guarded", [this](const Request& request, Respond respond) {
                  ++handled_;
                  respond({.body = std::string(request.body)});
                }};
    route.body_bytes_max = 1000;
    route.filters = std::move(filters);
    return route;
  }

  static Filter refuse_with(int status) {
    return [status](const Request&, HeaderList&) -> std::optional<Reply> {
      return error_reply(status, "refused by a filter");
    };
  }
  static Filter add_header(const std::string& name, const std::string& value) {
    return [name, value](const Request&, HeaderList& reply_headers) -> std::optional<Reply> {
      reply_headers.emplace_back(name, value);
      return std::nullopt;
    };
  }

  std::atomic<int> handled_{0};
};

TEST_F(Filters, RefuseARequestBeforeItsHandlerAndKeepTheConnection) {
  start({route({refuse_with(401)})});
  RawSocket client = connect();
  for (int request = 0; request < 2; ++request) {
    client.send(post("/guarded", "body"));
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.body, R"({"error":"refused by a filter"})");
    EXPECT_FALSE(reply.headers.contains("Connection"));
  }
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(metric("weir_http_requests_total", {{"route", "/guarded"}, {"code", "401"}}), 2);
}

TEST_F(Filters, AddHeadersToTheReplyOfTheHandler) {
  start({route({add_header("X-First", "1"), add_header("X-Second", "2")})});
  RawSocket client = connect();
  client.send(post("/guarded", "body") + post("/guarded", "more"));
  for (const std::string body : {"body", "more"}) {
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, body);
    EXPECT_EQ(reply.headers.at("X-First"), "1");
    EXPECT_EQ(reply.headers.at("X-Second"), "2");
  }
}

TEST_F(Filters, RunInTheirOrderAndEndWithTheFirstThatReplies) {
  start(
      {route({add_header("X-Before", "1"), refuse_with(429), refuse_with(401), add_header("X-After", "1")})});
  RawSocket client = connect();
  client.send(post("/guarded", "body"));
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 429);
  EXPECT_TRUE(reply.headers.contains("X-Before"));
  EXPECT_FALSE(reply.headers.contains("X-After"));
}

TEST_F(Filters, SeeTheHeadOfTheRequestAndTheAddressOfTheClient) {
  start({route({[](const Request& head, HeaderList& reply_headers) -> std::optional<Reply> {
    reply_headers.emplace_back("X-Head", std::string(head.method) + " " + std::string(head.path) + " " +
                                             std::string(head.query) + " " + head.peer.text() + " " +
                                             std::string(head.request_id) + " " +
                                             std::string(head.header("X-Key").value_or("")) + " " +
                                             std::to_string(head.body.size()));
    return std::nullopt;
  }})});
  RawSocket client = connect();
  for (const std::string key : {"secret", "other"}) {
    client.send(post("/guarded?a=b", "body", "X-Request-Id: id-1\r\nx-key: " + key + "\r\n"));
    EXPECT_EQ(client.reply().headers.at("X-Head"), "POST /guarded a=b 127.0.0.1 id-1 " + key + " 0");
  }
}

TEST_F(Filters, ReplyBeforeTheBodyArrivesAndThenCloseTheConnection) {
  struct Case {
    std::string name, headers;
  };
  start({route({refuse_with(401)})});
  for (const Case& sent :
       {Case{"the body is on its way", "Content-Length: 5\r\n"},
        Case{"the client waits for 100 Continue", "Content-Length: 5\r\nExpect: 100-continue\r\n"},
        Case{"the body is too large for the route", "Content-Length: 1001\r\n"},
        Case{"the body is chunked", "Transfer-Encoding: chunked\r\n"}}) {
    SCOPED_TRACE(sent.name);
    RawSocket client = connect();
    client.send("POST /guarded HTTP/1.1\r\nHost: weir\r\n" + sent.headers + "\r\n");
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.headers.at("Connection"), "close");
    client.finish_sending();
    EXPECT_EQ(client.rest(), "");
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(Filters, DoNotDecompressTheBodyOfARequestThatTheyRefuse) {
  start({route({refuse_with(401)})});
  RawSocket client = connect();
  client.send(post("/guarded", "this is not gzip", "Content-Encoding: gzip\r\n") + post("/guarded", "next"));
  EXPECT_EQ(client.reply().status, 401);
  EXPECT_EQ(client.reply().status, 401);
}

TEST_F(Filters, AddHeadersToErrorRepliesOfTheServer) {
  start({route({add_header("X-Trace", "1")})});
  RawSocket client = connect();
  client.send(post("/guarded", std::string(1001, 'x'), "X-Request-Id: id-1\r\n"));
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.headers.at("X-Trace"), "1");
  EXPECT_EQ(reply.headers.at("X-Request-Id"), "id-1");
}

TEST_F(Filters, DoNotAddTheirHeadersToRepliesOfOtherRoutes) {
  start({route({add_header("X-Trace", "1")}),
         {"GET", "/open", [](const Request&, Respond respond) { respond({}); }}});
  RawSocket client = connect();
  client.send(post("/guarded", "x") + get("/open") + get("/nowhere") + get("/guarded"));
  EXPECT_TRUE(client.reply().headers.contains("X-Trace"));
  for (const int status : {200, 404, 405}) {
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, status);
    EXPECT_FALSE(reply.headers.contains("X-Trace"));
  }
}

TEST_F(Filters, RefuseTheRequestWhenTheyThrow) {
  start({route({[](const Request&, HeaderList&) -> std::optional<Reply> {
    throw std::runtime_error("out of order");
  }})});
  RawSocket client = connect();
  client.send(post("/guarded", "x", "X-Request-Id: id-1\r\n"));
  EXPECT_EQ(client.reply().status, 500);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(logger_.await("filter failed"),
            "error a request's filter failed request_id=id-1 route=POST /guarded reason=out of order");
}

}  // namespace
}  // namespace weir::http
