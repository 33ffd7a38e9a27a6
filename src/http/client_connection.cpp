#include "http/client_connection.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/session.hpp"

namespace weir::http {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

using Tcp = asio::ip::tcp;

namespace {

std::unexpected<Error> cannot_connect(ErrorKind kind, const BaseUrl& base, const std::string& reason) {
  return fail(kind, Client::connect_failed, "cannot connect to " + base.authority() + ": " + reason);
}

// The text of OpenSSL for a wrong host does not name the host.
std::string refusal(long verified, const BaseUrl& base) {
  if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
    return "its certificate is not for the host \"" + base.host + "\"";
  return std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verified) +
         "; --cacert FILE or SSL_CERT_FILE names the authority that issued it";
}

// The server's certificate, as the fingerprint of the trust names it.
bool has_fingerprint(SSL* session, const std::string& fingerprint) {
  X509* const certificate = SSL_get0_peer_certificate(session);
  return certificate != nullptr && tls::fingerprint_of(certificate) == fingerprint;
}

}  // namespace

// Peeks one byte without blocking: an idle connection that is open has none.
bool Client::Connection::is_usable() {
  if (!stream.socket().is_open()) return false;
  char byte = 0;
  Code code;
  stream.socket().non_blocking(true, code);
  stream.socket().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, code);
  return code == asio::error::would_block;
}

Result<void> Client::Connection::connect(const BaseUrl& base, const ClientSettings& settings) {
  close();
  Code code;
  const auto addresses = Tcp::resolver(io).resolve(base.host, std::to_string(base.port), code);
  if (!code) {
    stream.expires_after(settings.connect_deadline);
    code = run([&](auto done) { stream.async_connect(addresses, std::move(done)); });
  }
  // Without Nagle's algorithm a small request is not delayed until an earlier packet is acknowledged.
  if (!code) stream.socket().set_option(Tcp::no_delay(true), code);
  if (code) {
    close();
    return cannot_connect(ErrorKind::unavailable, base, code.message());
  }
  if (!base.secure) return {};
  auto begun = begin_tls(base, settings.trust, settings.connect_deadline);
  if (!begun) close();
  return begun;
}

Result<void> Client::Connection::begin_tls(const BaseUrl& base, const Trust& trust,
                                           std::chrono::milliseconds deadline) {
  Code code;
  context.emplace(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // With a fingerprint the certificate need not be issued by an authority: it is compared as a whole.
  const bool pinned = !trust.fingerprint.empty();
  if (!pinned && trust.ca_file.empty()) context->set_default_verify_paths(code);
  if (!pinned && !trust.ca_file.empty()) context->load_verify_file(trust.ca_file, code);
  if (code)
    return cannot_connect(
        ErrorKind::invalid, base,
        "the file of authorities \"" + trust.ca_file + "\" cannot be used: " + code.message());
  tls.emplace(stream, *context);
  tls->set_verify_mode(pinned ? ssl::verify_none : ssl::verify_peer);
  tls::name_server(tls->native_handle(), base.host, true);
  stream.expires_after(deadline);
  code = run([&](auto done) { tls->async_handshake(ssl::stream_base::client, std::move(done)); });
  // The reason of the verification says more than the alert that ends the handshake.
  const long verified = SSL_get_verify_result(tls->native_handle());
  if (!pinned && verified != X509_V_OK)
    return cannot_connect(ErrorKind::invalid, base, refusal(verified, base));
  if (code) return cannot_connect(ErrorKind::unavailable, base, "no TLS session: " + code.message());
  if (pinned && !has_fingerprint(tls->native_handle(), trust.fingerprint))
    return cannot_connect(ErrorKind::invalid, base, "it has another certificate than expected");
  return {};
}

// No close_notify is sent: the length of an HTTP message does not depend on the end of the connection.
void Client::Connection::close() {
  tls.reset();
  stream.close();
  buffer.clear();
}

}  // namespace weir::http
