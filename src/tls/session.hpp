// One side of a TLS session on a non-blocking socket: the server's, or the client's (ClientContext).
//
// The session does its own I/O on the socket, and never waits. Its caller waits for the socket and calls
// again. Asio's ssl::stream is not used here, because it keeps two buffers of 17 KiB for each connection.
// OpenSSL alone releases its buffers while a session has nothing to read or write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct x509_st;     // OpenSSL's X509

namespace weir::tls {

// How a step ended.
enum class Progress : std::uint8_t {
  done,
  wait_readable,  // call again when the socket is readable
  wait_writable,  // call again when the socket is writable
  ended,          // the client has closed the session, or it has failed: close the socket
};

// Why a handshake failed. The names are values of the label `reason` (failure_name()).
enum class HandshakeFailure : std::uint8_t {
  plain_http,  // the client speaks HTTP without TLS
  not_tls,     // its bytes are neither
  protocol,    // no common TLS version, cipher suite or application protocol
  rejected,    // the client sent an alert, for example because it does not trust the certificate
  closed,      // the client closed the connection
  timeout,     // it took longer than the deadline
  other,
  count,
};
[[nodiscard]] std::string_view failure_name(HandshakeFailure failure);

// Not thread-safe. Each function makes at most a few system calls and does not block.
class Session {
 public:
  // Bounds of OpenSSL's buffers, in bytes: a session that handshakes; a record that has arrived in part; a
  // record that is sent in part.
  static constexpr std::size_t handshake_bytes = 48 * 1024;
  static constexpr std::size_t record_bytes = 17 * 1024;

  // The server's side. `socket` is not owned. The context may be released afterwards.
  Session(ssl_ctx_st* context, int socket);
  // The client's side, to the server of this name or address. `checks_host`: the certificate must contain it.
  Session(ssl_ctx_st* context, int socket, const std::string& host, bool checks_host);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Continues the handshake; `done` once it is complete. Most of its cost is the signature with the key.
  [[nodiscard]] Progress handshake();
  // After handshake() has returned `ended`.
  [[nodiscard]] HandshakeFailure failure() const { return failure_; }
  // OpenSSL's words for it, without bytes of the other side. It also has the reason after a read() that
  // returned `ended`, unless the other side has closed the session.
  [[nodiscard]] const std::string& failure_text() const { return failure_text_; }

  // Fills `into` as far as bytes have arrived. Returns their number. `progress` is `done` if `into` is full;
  // then is_input_buffered() tells whether the session has more.
  [[nodiscard]] std::size_t read(std::span<char> into, Progress& progress);
  // Sends a part of `bytes`, at most one record. Returns its size, 0 unless `progress` is `done`. After
  // wait_writable the next call must begin with the same bytes.
  [[nodiscard]] std::size_t write(std::span<const char> bytes, Progress& progress);

  // Whether read() may return bytes although the socket is not readable.
  [[nodiscard]] bool is_input_buffered() const { return input_buffered_; }
  // The size of the buffers that the session holds now: an upper bound.
  [[nodiscard]] std::size_t buffer_bytes() const;

  // Tells the client that no more bytes follow (close_notify), if the socket accepts it at once.
  void end_output();

 private:
  Progress progress_after(int outcome);
  void note_failure(unsigned long error);

  struct Free {
    void operator()(ssl_st* session) const;
  };
  const std::unique_ptr<ssl_st, Free> ssl_;
  bool established_ = false;
  bool output_open_ = false;  // established, not failed, and end_output() was not called
  bool input_buffered_ = false;
  bool output_pending_ = false;  // a record is sent in part
  HandshakeFailure failure_ = HandshakeFailure::other;
  std::string failure_text_;
};

// Names the server of a client's session before its handshake. A name is sent to the server (Server Name
// Indication); an address is not (RFC 6066 §3). `checks_host`: the certificate must contain the name or
// address.
void name_server(ssl_st* session, const std::string& host, bool checks_host);

// Returns the SHA-256 of the certificate's DER form, as 64 hexadecimal digits.
[[nodiscard]] std::string fingerprint_of(const x509_st* certificate);

}  // namespace weir::tls
