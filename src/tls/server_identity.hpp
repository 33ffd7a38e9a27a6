// The certificate and the private key of the listener (TLS_CERT, TLS_KEY), and the rules of its TLS sessions.
//
// Protocol: TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 8446) by OpenSSL, with OpenSSL's default cipher suites at
// security level 2, without compression and renegotiation. ALPN (RFC 7301) selects http/1.1. A client that
// offers only other protocols is refused. Sessions are resumed by tickets; the server keeps none in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace weir::tls {

class Session;

// The code of all errors about TLS_CERT and TLS_KEY.
inline constexpr std::string_view code_tls_files = "tls_files";

struct IdentityFiles {
  std::filesystem::path certificate;  // PEM: the server's certificate first, then the intermediate ones
  std::filesystem::path key;          // PEM, not encrypted
};

// What the loaded certificate says.
struct CertificateFacts {
  std::string subject;      // "CN = weir.example.com"
  WallTime not_after;       // when it expires
  std::string fingerprint;  // SHA-256 of the certificate, 64 hexadecimal digits

  friend bool operator==(const CertificateFacts&, const CertificateFacts&) = default;
};

// Thread-safe. Sessions that exist keep the certificate with which they began.
class ServerIdentity {
 public:
  // Reads both files. `now` is compared with the validity of the certificate.
  //
  // ErrorKind::invalid, tls_files: a file is missing, unreadable or not PEM, the certificate has expired or
  // is not valid yet, or the key belongs to another certificate. The text names the variable, the file and
  // the reason.
  [[nodiscard]] static Result<std::unique_ptr<ServerIdentity>> open(IdentityFiles files, WallTime now);

  // Reads the files again, for the sessions that begin from now on. After an error the old certificate
  // stays in force. Errors are those of open().
  [[nodiscard]] Result<void> reload(WallTime now);

  [[nodiscard]] CertificateFacts facts() const;

  // Begins the server's side of a session on a non-blocking socket, which must outlive it. Does no I/O.
  [[nodiscard]] std::unique_ptr<Session> accept(int socket) const;

 private:
  struct Loaded {
    std::shared_ptr<ssl_ctx_st> context;
    CertificateFacts facts;
  };

  ServerIdentity(IdentityFiles files, std::shared_ptr<const Loaded> loaded);
  static Result<std::shared_ptr<const Loaded>> load(const IdentityFiles& files, WallTime now);

  const IdentityFiles files_;
  std::atomic<std::shared_ptr<const Loaded>> current_;
};

}  // namespace weir::tls
