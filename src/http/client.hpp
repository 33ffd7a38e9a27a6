// A small blocking HTTP/1.1 client for the commands that talk to a running Weir, with http:// and https://.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"

namespace weir::http {

// The parts of a URL that all requests have in common.
struct BaseUrl {
  std::string host;  // a name or an address; an IPv6 address without brackets
  std::uint16_t port = 80;
  std::string prefix;   // "" or "/something", without a slash at the end
  bool secure = false;  // https

  // "https://host:port", without the prefix. The port is left out if it is the default of the scheme.
  [[nodiscard]] std::string text() const;
  // Returns the value of the Host header.
  [[nodiscard]] std::string authority() const;
};

// Returns the URL with its credentials replaced by ***, for output. Accepts any text, because it is also used
// for URLs that cannot be parsed: everything between the scheme and the last @ counts as credentials, and so
// does everything after "?key=".
[[nodiscard]] std::string without_credentials(std::string_view url);

// Parses "http://host[:port][/prefix]" or the same with https. Error: ErrorKind::invalid, url_invalid. Its
// text never contains a password of the URL.
[[nodiscard]] Result<BaseUrl> parse_base_url(std::string_view url);

// A complete response. Its body is as received: the client asks for no compression.
struct Response {
  int status = 0;
  HeaderList headers;
  std::string body;

  // Returns the value of the first header with that name, in any case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

// Which certificates of https:// servers are accepted. Without members: those that an authority of the system
// has issued for the host of the URL (OpenSSL's default store, SSL_CERT_FILE, SSL_CERT_DIR).
struct Trust {
  std::string ca_file;      // PEM: these authorities instead of the system's
  std::string fingerprint;  // SHA-256 in hexadecimal: this one certificate, for any host and by any issuer
};

// The bounds of each request, and what all of them have in common.
struct ClientSettings {
  std::chrono::milliseconds connect_deadline{5000};
  // From the first byte sent to the last byte received.
  std::chrono::milliseconds request_deadline{60000};
  std::size_t response_bytes_max = 64 * limits::MiB;
  HeaderList headers;  // sent with each request: credentials
  Trust trust;
};

// One connection, which is kept between requests and opened again after it was closed. Not thread-safe.
class Client {
 public:
  // The codes of send()'s errors; both have ErrorKind::unavailable. They differ for callers that must not
  // send a request twice.
  static constexpr std::string_view connect_failed = "connect_failed";  // the server did not receive it;
                                                                        // also: its certificate is refused
  static constexpr std::string_view no_answer = "no_answer";            // the server may have received it

  explicit Client(BaseUrl base, ClientSettings settings = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Sends one request and returns the response; any status is a response. Never sends a request a second
  // time.
  //
  // `path` begins with a slash and may contain a query; the prefix of the base URL is put before it. The
  // client writes Host and Content-Length itself. The call blocks for at most connect_deadline +
  // request_deadline, plus the time of the system's resolver for a host name.
  [[nodiscard]] Result<Response> send(std::string_view method, std::string_view path,
                                      const HeaderList& headers, std::string_view body);

  // As send("GET", …), but passes the body of a 200 to `take` in parts, as they arrive; the returned body is
  // empty then. request_deadline bounds the wait for each part instead of the whole request. Without a limit
  // for the body; any other status is received as by send(). A body that ends early is no_answer.
  [[nodiscard]] Result<Response> get_streamed(std::string_view path, const HeaderList& headers,
                                              const std::function<void(std::string_view)>& take);

  [[nodiscard]] const BaseUrl& base() const { return base_; }

 private:
  struct Connection;

  Result<void> send_request(std::string_view method, std::string_view path, const HeaderList& headers,
                            std::string_view body);
  Result<Response> receive(bool without_body);
  std::unexpected<Error> no_answer_because(std::string_view reason);

  BaseUrl base_;
  ClientSettings settings_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace weir::http
