// OpenSSL keeps errors in a queue of the thread. Each function that asks SSL_get_error() empties it first, so
// that an error of another session on the same thread is not taken for its own.
#include "tls/session.hpp"

#include <algorithm>
#include <array>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <utility>

#include "base/ensure.hpp"
#include "base/hex.hpp"
#include "tls/openssl_error.hpp"

namespace weir::tls {

std::string_view failure_name(HandshakeFailure failure) {
  constexpr std::array<std::string_view, std::to_underlying(HandshakeFailure::count)> names{
      "plain_http", "not_tls", "protocol", "rejected", "closed", "timeout", "other"};
  return names.at(std::to_underlying(failure));
}

void Session::Free::operator()(ssl_st* session) const { SSL_free(session); }

Session::Session(ssl_ctx_st* context, int socket) : ssl_(SSL_new(context)) {
  ensure(ssl_ != nullptr && SSL_set_fd(ssl_.get(), socket) == 1, "OpenSSL provides a session");
  SSL_set_accept_state(ssl_.get());
}

Session::Session(ssl_ctx_st* context, int socket, const std::string& host, bool checks_host)
    : ssl_(SSL_new(context)) {
  ensure(ssl_ != nullptr && SSL_set_fd(ssl_.get(), socket) == 1, "OpenSSL provides a session");
  SSL_set_connect_state(ssl_.get());
  name_server(ssl_.get(), host, checks_host);
}

Session::~Session() = default;

Progress Session::progress_after(int outcome) {
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_NONE:
      return Progress::done;
    case SSL_ERROR_WANT_READ:
      return Progress::wait_readable;
    case SSL_ERROR_WANT_WRITE:
      return Progress::wait_writable;
    case SSL_ERROR_ZERO_RETURN:  // close_notify; this side may still send
      return Progress::ended;
    default:
      // After a fatal error OpenSSL allows no other call on the session.
      output_open_ = false;
      return Progress::ended;
  }
}

Progress Session::handshake() {
  ERR_clear_error();
  const Progress progress = progress_after(SSL_do_handshake(ssl_.get()));
  if (progress == Progress::ended) note_failure(ERR_peek_error());
  if (progress == Progress::done) {
    established_ = output_open_ = true;
    // The client's first request may have arrived in the same packet as its last handshake message.
    input_buffered_ = SSL_has_pending(ssl_.get()) == 1;
  }
  return progress;
}

void Session::note_failure(unsigned long error) {
  const bool is_server = SSL_is_server(ssl_.get()) == 1;
  if (error == 0)
    failure_text_ = is_server ? "the client closed the connection" : "the server closed the connection";
  else
    failure_text_ = take_openssl_reason();
  if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
    failure_text_.append(": ").append(X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())));
  // Alerts of the client have a range of reasons of their own.
  const int reason = ERR_GET_REASON(error);
  if (error == 0 || ERR_SYSTEM_ERROR(error) || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    failure_ = HandshakeFailure::closed;
  else if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST)
    failure_ = HandshakeFailure::plain_http;
  else if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
    failure_ = HandshakeFailure::rejected;
  else if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW ||
           reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_NO_APPLICATION_PROTOCOL ||
           reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM || reason == SSL_R_NO_SUITABLE_KEY_SHARE ||
           reason == SSL_R_NO_SHARED_GROUPS)
    failure_ = HandshakeFailure::protocol;
  else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG)
    failure_ = HandshakeFailure::not_tls;
  else
    failure_ = HandshakeFailure::other;
}

std::size_t Session::read(std::span<char> into, Progress& progress) {
  std::size_t filled = 0;
  progress = Progress::done;
  ERR_clear_error();
  while (filled < into.size()) {
    std::size_t some = 0;
    progress = progress_after(SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &some));
    filled += some;
    // With bytes in hand, another system call is made only for the rest of a record.
    input_buffered_ = progress == Progress::done && SSL_has_pending(ssl_.get()) == 1;
    if (!input_buffered_) break;
  }
  if (const unsigned long error = ERR_peek_error(); progress == Progress::ended && error != 0)
    note_failure(error);
  return filled;
}

std::size_t Session::write(std::span<const char> bytes, Progress& progress) {
  std::size_t some = 0;
  ERR_clear_error();
  progress = progress_after(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &some));
  output_pending_ = progress == Progress::wait_writable;
  return some;
}

std::size_t Session::buffer_bytes() const {
  if (!established_) return handshake_bytes;
  const std::size_t input = SSL_has_pending(ssl_.get()) == 1 ? record_bytes : 0;
  return input + (output_pending_ ? record_bytes : 0);
}

void Session::end_output() {
  // A close_notify in the middle of a record would be wrong bytes to the client.
  if (!std::exchange(output_open_, false) || output_pending_) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void name_server(ssl_st* session, const std::string& host, bool checks_host) {
  X509_VERIFY_PARAM* const rules = SSL_get0_param(session);
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(
      a2i_IPADDRESS(host.c_str()), &ASN1_OCTET_STRING_free);
  ERR_clear_error();
  // SSL_set_tlsext_host_name() is a macro with a C cast.
  if (!address)
    SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));  // NOLINT: it is copied
  if (!checks_host) return;
  const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())
                          : X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  ensure(set == 1, "OpenSSL accepts the name of the server");
}

std::string fingerprint_of(const x509_st* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int bytes = 0;
  ensure(X509_digest(certificate, EVP_sha256(), digest.data(), &bytes) == 1, "OpenSSL provides SHA-256");
  std::string text;
  for (unsigned int at = 0; at < bytes; ++at) append_hex(text, digest.at(at));
  return text;
}

}  // namespace weir::tls
