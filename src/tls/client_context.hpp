// The rules of the TLS sessions that this program opens to a server: whom it trusts and how it identifies
// itself.
//
// Protocol: TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 8446) by OpenSSL, at security level 2. The server must have a
// certificate of a trusted authority.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace weir::tls {

class Session;

inline constexpr std::string_view code_client_files = "tls_client_files";

struct ClientFiles {
  // A PEM file, or a folder as `openssl rehash` makes it. Empty: the authorities of the system.
  std::filesystem::path authorities;
  // PEM: the client's certificate first, then the intermediate ones. Empty: the client has none.
  std::filesystem::path certificate;
  std::filesystem::path key;  // PEM
  std::string key_password;   // for an encrypted key
  // The certificate of the server must contain the name or address that connect() has.
  bool checks_host = true;
};

// Thread-safe.
class ClientContext {
 public:
  // Reads the files. ErrorKind::invalid, tls_client_files: a file cannot be read or used. The text has the
  // file and the reason, and never the password.
  [[nodiscard]] static Result<std::unique_ptr<ClientContext>> open(ClientFiles files);
  ~ClientContext();

  // Begins the client's side of a session with the server `host` on a non-blocking socket that is connected.
  // The socket must outlive it. Does no I/O.
  [[nodiscard]] std::unique_ptr<Session> connect(int socket, const std::string& host) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;
  ClientContext(Handle context, bool checks_host);

  Handle context_;
  const bool checks_host_;
};

}  // namespace weir::tls
