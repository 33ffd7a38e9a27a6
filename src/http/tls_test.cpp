// The server and the client with TLS: real sockets, certificates made by the test.
#include <csignal>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <set>
#include <unistd.h>

#include "http/client.hpp"
#include "http/stream.hpp"
#include "http/testing/test_server.hpp"
#include "tls/testing/certificates.hpp"

namespace weir::http {
namespace {

using namespace std::chrono_literals;

// A TLS client of one protocol version, by OpenSSL, which verifies nothing.
class RawTls {
 public:
  RawTls(std::uint16_t port, int version, const std::string& protocols = "\x08http/1.1")
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    SSL_set_fd(ssl_, socket_.fd());
  }
  RawTls(const RawTls&) = delete;
  ~RawTls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  bool handshake() { return SSL_connect(ssl_) == 1; }
  std::string protocol() {
    const unsigned char* name = nullptr;
    unsigned bytes = 0;
    SSL_get0_alpn_selected(ssl_, &name, &bytes);
    return {reinterpret_cast<const char*>(name), bytes};
  }
  void send(const std::string& bytes) {
    EXPECT_EQ(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())), static_cast<int>(bytes.size()));
  }
  // Receives until the bytes end so, or the session ends.
  std::string receive_until(const std::string& end) {
    std::string bytes;
    std::array<char, 4096> part{};
    while (!bytes.ends_with(end)) {
      const int some = SSL_read(ssl_, part.data(), part.size());
      if (some <= 0) break;
      bytes.append(part.data(), static_cast<std::size_t>(some));
    }
    return bytes;
  }
  ssl_st* session() { return ssl_; }

 private:
  RawSocket socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

class TlsTest : public TestServer {
 protected:
  TlsTest() {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    certificates_.issue("weir");
    auto opened = tls::ServerIdentity::open({certificates_.file("weir.pem"), certificates_.file("weir.key")},
                                            read_clock().wall);
    if (!opened) throw std::runtime_error(opened.error().text);
    identity_ = *std::move(opened);
    settings_.identity = identity_.get();
  }
  ~TlsTest() override { server_.reset(); }

  void start() {
    TestServer::start(
        {{"GET", "/hello", [](const Request&, Respond respond) { respond({.body = "hello"}); }},
         {"GET", "/large",
          [](const Request&, Respond respond) { respond({.body = std::string(8 * limits::MiB, 'x')}); }},
         {"POST", "/echo",
          [](const Request& request, Respond respond) { respond({.body = std::string(request.body)}); }},
         {"GET", "/thread",
          [](const Request&, Respond respond) { respond({.body = std::to_string(::gettid()) + " end"}); }},
         {"GET", "/stream", [this](const Request&, Respond respond) {
            Stream stream = make_stream();
            writer_ = std::make_shared<StreamWriter>(std::move(stream.writer));
            respond({.content_type = "text/event-stream", .body = {}, .stream = std::move(stream.body)});
            EXPECT_TRUE(writer_->write("data: 1\n\n"));
          }}});
  }
  Client client(Trust trust) {
    return Client(
        {.host = "localhost", .port = server_->port(), .prefix = {}, .secure = true},
        {.connect_deadline = 5s, .request_deadline = 10s, .headers = {}, .trust = std::move(trust)});
  }
  Client trusting_client() { return client({.ca_file = certificates_.file("ca.pem"), .fingerprint = {}}); }
  double failures(const std::string& reason) {
    return metric("weir_http_tls_handshake_failures_total", {{"reason", reason}});
  }
  // Waits until the io thread has counted.
  void await_failure(const std::string& reason) {
    for (int tries = 0; tries < 2000 && failures(reason) == 0; ++tries) poll(nullptr, 0, 5);
    EXPECT_EQ(failures(reason), 1) << reason;
  }

  tls::Certificates certificates_;
  std::unique_ptr<tls::ServerIdentity> identity_;
  std::shared_ptr<StreamWriter> writer_;
};

TEST_F(TlsTest, AnswersManyRequestsOnOneConnection) {
  start();
  Client client = trusting_client();
  for (int request = 0; request < 3; ++request) {
    const auto reply = client.send("GET", "/hello", {}, "");
    ASSERT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->body, "hello");
  }
  EXPECT_EQ(metric("weir_http_tls_handshakes_total"), 1);
  EXPECT_GT(metric("weir_http_tls_certificate_expiry_timestamp_seconds"), 1.7e9);
}

TEST_F(TlsTest, KeepsTheSessionsOfConnectionsThatMoveToAnotherIoThread) {
  settings_.threads = 2;
  start();
  std::array<RawTls, 2> clients{RawTls(server_->port(), TLS1_3_VERSION),
                                RawTls(server_->port(), TLS1_3_VERSION)};
  std::set<std::string> threads;
  const auto ask_each = [&] {
    threads.clear();
    for (RawTls& client : clients) {
      client.send(get("/thread"));
      const std::string reply = client.receive_until("end");
      threads.insert(reply.substr(reply.find("\r\n\r\n")));
    }
  };
  for (RawTls& client : clients) EXPECT_TRUE(client.handshake());
  ask_each();
  EXPECT_EQ(threads.size(), 1U);
  server_->add_serving_thread();
  while (threads.size() < 2) ask_each();
}

TEST_F(TlsTest, ReceivesAndSendsBodiesOfManyRecords) {
  start();
  Client client = trusting_client();
  std::string body(5 * limits::MiB + 17, '\0');
  for (std::size_t at = 0; at < body.size(); ++at) body[at] = static_cast<char>('a' + at * 7 % 26);
  const auto echoed = client.send("POST", "/echo", {}, body);
  ASSERT_TRUE(echoed) << echoed.error().text;
  EXPECT_EQ(echoed->body, body);
  const auto large = client.send("GET", "/large", {}, "");
  ASSERT_TRUE(large) << large.error().text;
  EXPECT_EQ(large->body, std::string(8 * limits::MiB, 'x'));
}

TEST_F(TlsTest, SpeaksTls12And13AndRefusesOlderVersions) {
  start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawTls client(server_->port(), version);
    ASSERT_TRUE(client.handshake());
    EXPECT_EQ(client.protocol(), "http/1.1");
    client.send(get("/hello"));
    EXPECT_TRUE(client.receive_until("hello").starts_with("HTTP/1.1 200 OK\r\n"));
  }
  RawTls old(server_->port(), TLS1_1_VERSION);
  EXPECT_FALSE(old.handshake());
  await_failure("protocol");
}

TEST_F(TlsTest, RefusesAClientThatOffersOnlyOtherProtocols) {
  start();
  RawTls client(server_->port(), TLS1_3_VERSION, "\x02h2");
  EXPECT_FALSE(client.handshake());
  await_failure("protocol");
}

TEST_F(TlsTest, AnswersAHundredPipelinedRequestsOfOneRecord) {
  start();
  RawTls client(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(client.handshake());
  std::string requests;
  for (int request = 0; request < 99; ++request) requests += get("/hello");
  client.send(requests + get("/hello", "Connection: close\r\n"));
  const std::string replies = client.receive_until("never");
  std::size_t count = 0;
  for (std::size_t at = 0; (at = replies.find("200 OK", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 100U);
  EXPECT_EQ(SSL_get_shutdown(client.session()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN)
      << "the session ends with close_notify";
}

TEST_F(TlsTest, ServesRequestsThatAreLargerThanTheSharedBuffer) {
  start();
  RawTls client(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(client.handshake());
  // Each record ends one request and begins the next, so that the session has input which the socket has not.
  const std::string body(40 * limits::KiB, 'b');
  client.send(post("/echo", body) + post("/echo", body) + get("/hello"));
  EXPECT_TRUE(client.receive_until("hello").ends_with("hello"));
}

TEST_F(TlsTest, StreamsEvents) {
  start();
  RawTls client(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(client.handshake());
  client.send(get("/stream"));
  EXPECT_TRUE(client.receive_until("data: 1\n\n\r\n").contains("text/event-stream"));
  EXPECT_TRUE(writer_->write("data: 2\n\n"));
  EXPECT_TRUE(client.receive_until("data: 2\n\n\r\n").contains("data: 2"));
  writer_->end();
  EXPECT_TRUE(client.receive_until("0\r\n\r\n").ends_with("0\r\n\r\n"));
  client.send(get("/hello"));
  EXPECT_TRUE(client.receive_until("hello").contains("200 OK"));
}

TEST_F(TlsTest, ClosesAPlainConnectionAndCountsAndLogsIt) {
  start();
  RawSocket client = connect();
  client.send(get("/hello"));
  EXPECT_EQ(client.reply().status, 0);
  await_failure("plain_http");
  EXPECT_NE(logger_.await("clients send plain HTTP to the TLS port"), "");
  RawSocket other = connect();
  other.send("\x01\x02\x03\x04garbage that is not TLS\r\n\r\n");
  EXPECT_EQ(other.reply().status, 0);
}

TEST_F(TlsTest, BoundsTheTimeOfAHandshake) {
  settings_.handshake_deadline = 50ms;
  start();
  RawSocket client = connect();
  client.send("\x16\x03\x01");
  EXPECT_EQ(client.reply().status, 0);
  await_failure("timeout");
}

TEST_F(TlsTest, ClosesConnectionsThatHandshakeWhenItStops) {
  start();
  RawSocket client = connect();
  client.send("\x16\x03\x01");
  RawTls idle(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(idle.handshake());
  EXPECT_TRUE(server_->stop(5s));
}

TEST_F(TlsTest, Rejects503OverTlsWhenTheServerIsFull) {
  settings_.connections_max = 1;
  start();
  RawTls busy(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(busy.handshake());
  busy.send(get("/stream"));
  EXPECT_TRUE(busy.receive_until("data: 1\n\n\r\n").contains("200 OK"));
  RawTls second(server_->port(), TLS1_3_VERSION);
  ASSERT_TRUE(second.handshake());
  EXPECT_TRUE(second.receive_until("never").starts_with("HTTP/1.1 503"));
}

TEST_F(TlsTest, KeepsOpenConnectionsWhenTheCertificateChanges) {
  start();
  Client before = trusting_client();
  ASSERT_TRUE(before.send("GET", "/hello", {}, ""));
  const std::string old_fingerprint = identity_->facts().fingerprint;
  certificates_.issue("weir");
  ASSERT_TRUE(identity_->reload(read_clock().wall));
  EXPECT_TRUE(before.send("GET", "/hello", {}, ""));
  EXPECT_EQ(metric("weir_http_tls_handshakes_total"), 1) << "the connection was kept";
  EXPECT_TRUE(
      client({.ca_file = {}, .fingerprint = identity_->facts().fingerprint}).send("GET", "/hello", {}, ""));
  EXPECT_FALSE(client({.ca_file = {}, .fingerprint = old_fingerprint}).send("GET", "/hello", {}, ""));
}

TEST_F(TlsTest, TheClientRefusesCertificatesThatItCannotVerify) {
  settings_.bind_address = "0.0.0.0";
  start();
  const auto error_of = [](Client client) {
    const auto reply = client.send("GET", "/hello", {}, "");
    if (reply) return std::string("none");
    EXPECT_EQ(reply.error().code, Client::connect_failed);
    EXPECT_EQ(reply.error().kind, ErrorKind::invalid);
    return reply.error().text.substr(reply.error().text.find(": ") + 2);
  };
  EXPECT_EQ(error_of(client({})),
            "its certificate is not trusted: unable to get local issuer certificate; --cacert FILE or "
            "SSL_CERT_FILE names the authority that issued it");
  Client other_host({.host = "127.0.0.2", .port = server_->port(), .prefix = {}, .secure = true},
                    {.headers = {}, .trust = {.ca_file = certificates_.file("ca.pem"), .fingerprint = {}}});
  const auto refused = other_host.send("GET", "/hello", {}, "");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().text.ends_with("its certificate is not for the host \"127.0.0.2\""))
      << refused.error().text;
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_TRUE(error_of(client({.ca_file = certificates_.file("weir.key"), .fingerprint = {}}))
                  .starts_with("the file of authorities "));
}

TEST(HttpsUrl, HasItsOwnDefaultPort) {
  const auto base = parse_base_url("HTTPS://weir.example/prefix/");
  ASSERT_TRUE(base);
  EXPECT_TRUE(base->secure);
  EXPECT_EQ(base->port, 443);
  EXPECT_EQ(base->text(), "https://weir.example");
  EXPECT_EQ(parse_base_url("https://[::1]:8443")->text(), "https://[::1]:8443");
  EXPECT_EQ(parse_base_url("http://weir.example:443")->text(), "http://weir.example:443");
}

TEST_F(TlsTest, TheClientNamesAServerWithoutTls) {
  settings_.identity = nullptr;
  start();
  const auto reply = trusting_client().send("GET", "/hello", {}, "");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Client::connect_failed);
  EXPECT_TRUE(reply.error().text.contains("no TLS session: ")) << reply.error().text;
}

}  // namespace
}  // namespace weir::http
