#include "tls/client_context.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/server_identity.hpp"
#include "tls/session.hpp"
#include "tls/testing/certificates.hpp"

namespace weir::tls {
namespace {

class ClientContextTest : public testing::Test {
 protected:
  ClientContextTest() {
    certificates_.issue("server");
    int both[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
    client_socket_ = both[0];
    server_socket_ = both[1];
  }
  ~ClientContextTest() override {
    close(client_socket_);
    close(server_socket_);
  }

  // Runs the handshakes of both sides. Returns why the client's side failed, or "connected".
  std::string connect(const std::string& host, ClientFiles files) {
    const auto context = ClientContext::open(std::move(files));
    if (!context) return context.error().text;
    const auto identity = ServerIdentity::open(
        {certificates_.file("server.pem"), certificates_.file("server.key")}, read_clock().wall);
    const auto server = (*identity)->accept(server_socket_);
    const auto client = (*context)->connect(client_socket_, host);
    for (int turn = 0; turn < 20; ++turn) {
      const Progress progress = client->handshake();
      if (progress == Progress::done) return "connected";
      if (progress == Progress::ended) return client->failure_text();
      static_cast<void>(server->handshake());
    }
    return "not finished";
  }
  ClientFiles trusted() const { return {.authorities = certificates_.file("ca.pem")}; }

  Certificates certificates_;
  int client_socket_ = -1;
  int server_socket_ = -1;
};

TEST_F(ClientContextTest, ConnectsByName) { EXPECT_EQ(connect("localhost", trusted()), "connected"); }

TEST_F(ClientContextTest, ComparesAnAddressWithTheAddressesOfTheCertificate) {
  EXPECT_EQ(connect("127.0.0.1", trusted()), "connected");
}

TEST_F(ClientContextTest, RefusesAnotherName) {
  EXPECT_EQ(connect("elsewhere", trusted()), "certificate verify failed: hostname mismatch");
}

TEST_F(ClientContextTest, RefusesAnotherAddress) {
  EXPECT_EQ(connect("127.0.0.2", trusted()), "certificate verify failed: IP address mismatch");
}

TEST_F(ClientContextTest, AcceptsAnotherNameIfItIsNotChecked) {
  auto files = trusted();
  files.checks_host = false;
  EXPECT_EQ(connect("elsewhere", files), "connected");
}

TEST_F(ClientContextTest, RefusesAnotherAuthority) {
  const Certificates other;
  EXPECT_TRUE(
      connect("localhost", {.authorities = other.file("ca.pem")}).starts_with("certificate verify failed: "));
}

TEST_F(ClientContextTest, NamesAFileThatCannotBeUsed) {
  const auto error = [this](ClientFiles files) { return connect("localhost", std::move(files)); };
  EXPECT_TRUE(error({.authorities = "/gone.pem"})
                  .starts_with("/gone.pem: expected certificates of authorities in PEM"));
  certificates_.openssl("ec -in server.key -aes128 -passout pass:secret -out encrypted.key");
  ClientFiles files = trusted();
  files.certificate = certificates_.file("server.pem");
  files.key = certificates_.file("encrypted.key");
  files.key_password = "wrong";
  const std::string refused = error(files);
  EXPECT_TRUE(refused.contains("encrypted.key: expected the private key")) << refused;
  EXPECT_FALSE(refused.contains("wrong"));
  files.key_password = "secret";
  EXPECT_EQ(error(files), "connected");
}

}  // namespace
}  // namespace weir::tls
