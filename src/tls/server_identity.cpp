#include "tls/server_identity.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <system_error>
#include <utility>

#include "base/ensure.hpp"
#include "base/hex.hpp"
#include "tls/openssl_error.hpp"
#include "tls/session.hpp"

namespace weir::tls {
namespace {

constexpr std::string_view protocol = "\x08http/1.1";  // RFC 7301: the length before the name

std::unexpected<Error> refuse(std::string_view variable, const std::filesystem::path& file,
                              const std::string& reason) {
  return fail(ErrorKind::invalid, code_tls_files,
              std::string(variable) + "=\"" + file.string() + "\": " + reason);
}

// OpenSSL's own errors about files do not name the file.
Result<void> check_readable(std::string_view variable, const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    return refuse(variable, file, "it is a folder; expected a PEM file");
  errno = 0;
  if (!std::ifstream(file).is_open())
    return refuse(variable, file, "cannot be read: " + std::generic_category().message(errno));
  return {};
}

// Without this callback OpenSSL would ask for the password on the terminal.
int refuse_password(char* /*into*/, int /*size*/, int /*writes*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

// A client that offers other protocols only is refused with an alert (RFC 7301 §3.2).
int select_protocol(SSL* /*session*/, const unsigned char** selected, unsigned char* selected_bytes,
                    const unsigned char* offered, unsigned int offered_bytes, void* /*argument*/) {
  unsigned char* found = nullptr;
  const int outcome =
      SSL_select_next_proto(&found, selected_bytes, reinterpret_cast<const unsigned char*>(protocol.data()),
                            protocol.size(), offered, offered_bytes);
  *selected = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Security level 2 refuses keys below 112 bits, SHA-1 and RC4. Session tickets resume without a cache in
// memory.
void set_rules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  // Output moves to another buffer when the socket does not accept it. A session without unread or unsent
  // bytes holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);  // one system call for a small request instead of two
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ensure(ASN1_TIME_to_tm(time, &parts) == 1, "a certificate that was loaded has valid times");
  return std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::from_time_t(timegm(&parts)));
}

std::string text_of(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string text(sizeof "2026-01-31T00:00:00Z" - 1, '\0');
  text.resize(std::strftime(text.data(), text.size() + 1, "%FT%TZ", &parts));
  return text;
}

CertificateFacts facts_of(X509* certificate) {
  CertificateFacts facts;
  facts.not_after = time_of(X509_get0_notAfter(certificate));
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(memory.get(), &text);
  if (text != nullptr && bytes > 0) facts.subject.assign(text, static_cast<std::size_t>(bytes));
  facts.fingerprint = fingerprint_of(certificate);
  return facts;
}

}  // namespace

ServerIdentity::ServerIdentity(IdentityFiles files, std::shared_ptr<const Loaded> loaded)
    : files_(std::move(files)), current_(std::move(loaded)) {}

Result<std::shared_ptr<const ServerIdentity::Loaded>> ServerIdentity::load(const IdentityFiles& files,
                                                                           WallTime now) {
  if (auto readable = check_readable("TLS_CERT", files.certificate); !readable) return propagate(readable);
  if (auto readable = check_readable("TLS_KEY", files.key); !readable) return propagate(readable);
  // An error that is still queued on this thread would be taken for the reason below.
  ERR_clear_error();
  auto loaded = std::make_shared<Loaded>();
  loaded->context = {SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
  SSL_CTX* const context = loaded->context.get();
  ensure(context != nullptr, "OpenSSL provides TLS");
  set_rules(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return refuse("TLS_CERT", files.certificate,
                  "expected certificates in PEM that TLS can use (" + take_openssl_reason() + ")");
  X509* const certificate = SSL_CTX_get0_certificate(context);
  if (const WallTime begin = time_of(X509_get0_notBefore(certificate)); now < begin)
    return refuse("TLS_CERT", files.certificate, "the certificate is not valid before " + text_of(begin));
  loaded->facts = facts_of(certificate);
  if (now >= loaded->facts.not_after)
    return refuse("TLS_CERT", files.certificate,
                  "the certificate expired at " + text_of(loaded->facts.not_after));

  bool password_asked = false;
  SSL_CTX_set_default_passwd_cb(context, refuse_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, &password_asked);
  const bool used = SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (password_asked)
    return refuse("TLS_KEY", files.key, "the key is encrypted; expected a key without a password");
  const unsigned long error = ERR_peek_last_error();
  // OpenSSL may find out either now or in SSL_CTX_check_private_key(), depending on the kinds of key.
  const bool of_other = !used && ERR_GET_LIB(error) == ERR_LIB_X509;
  if (of_other || (used && SSL_CTX_check_private_key(context) != 1))
    return refuse("TLS_KEY", files.key,
                  "the key does not belong to the certificate in TLS_CERT=\"" + files.certificate.string() +
                      "\" (" + take_openssl_reason() + ")");
  if (!used)
    return refuse("TLS_KEY", files.key, "expected a private key in PEM (" + take_openssl_reason() + ")");
  return loaded;
}

Result<std::unique_ptr<ServerIdentity>> ServerIdentity::open(IdentityFiles files, WallTime now) {
  auto loaded = load(files, now);
  if (!loaded) return propagate(loaded);
  return std::unique_ptr<ServerIdentity>(new ServerIdentity(std::move(files), std::move(*loaded)));
}

Result<void> ServerIdentity::reload(WallTime now) {
  auto loaded = load(files_, now);
  if (!loaded) return propagate(loaded);
  // Sessions that have begun hold their own reference to the old context.
  current_.store(std::move(*loaded));
  return {};
}

CertificateFacts ServerIdentity::facts() const { return current_.load()->facts; }

std::unique_ptr<Session> ServerIdentity::accept(int socket) const {
  return std::make_unique<Session>(current_.load()->context.get(), socket);
}

}  // namespace weir::tls
