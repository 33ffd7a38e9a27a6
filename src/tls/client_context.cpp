#include "tls/client_context.hpp"

#include <algorithm>
#include <cstring>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

#include "base/ensure.hpp"
#include "tls/openssl_error.hpp"
#include "tls/session.hpp"

namespace weir::tls {
namespace {

std::unexpected<Error> refuse(const std::filesystem::path& file, std::string_view expected) {
  return fail(ErrorKind::invalid, code_client_files,
              file.string() + ": expected " + std::string(expected) + " (" + take_openssl_reason() + ")");
}

// Without this callback OpenSSL would ask for the password on the terminal.
int give_password(char* into, int size, int /*writes*/, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  const std::size_t bytes = std::min(text.size(), static_cast<std::size_t>(size));
  std::memcpy(into, text.data(), bytes);
  return static_cast<int>(bytes);
}

// The modes are those of the server's sessions (server_identity.cpp): Session depends on them.
void set_rules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

Result<void> load_authorities(SSL_CTX* context, const std::filesystem::path& authorities) {
  if (authorities.empty()) {
    ensure(SSL_CTX_set_default_verify_paths(context) == 1, "OpenSSL has a place for authorities");
    return {};
  }
  std::error_code ignored;
  const bool loaded = std::filesystem::is_directory(authorities, ignored)
                          ? SSL_CTX_load_verify_dir(context, authorities.c_str()) == 1
                          : SSL_CTX_load_verify_file(context, authorities.c_str()) == 1;
  if (!loaded) return refuse(authorities, "certificates of authorities in PEM");
  return {};
}

Result<void> load_certificate(SSL_CTX* context, ClientFiles& files) {
  if (files.certificate.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return refuse(files.certificate, "certificates in PEM");
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, &files.key_password);
  const bool used = SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (!used || SSL_CTX_check_private_key(context) != 1)
    return refuse(files.key, "the private key of the client's certificate in PEM, and its password");
  return {};
}

}  // namespace

void ClientContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

ClientContext::ClientContext(Handle context, bool checks_host)
    : context_(std::move(context)), checks_host_(checks_host) {}

ClientContext::~ClientContext() = default;

Result<std::unique_ptr<ClientContext>> ClientContext::open(ClientFiles files) {
  ERR_clear_error();
  Handle context(SSL_CTX_new(TLS_client_method()));
  ensure(context != nullptr, "OpenSSL provides TLS");
  set_rules(context.get());
  if (auto loaded = load_authorities(context.get(), files.authorities); !loaded) return propagate(loaded);
  if (auto loaded = load_certificate(context.get(), files); !loaded) return propagate(loaded);
  return std::unique_ptr<ClientContext>(new ClientContext(std::move(context), files.checks_host));
}

std::unique_ptr<Session> ClientContext::connect(int socket, const std::string& host) const {
  return std::make_unique<Session>(context_.get(), socket, host, checks_host_);
}

}  // namespace weir::tls
