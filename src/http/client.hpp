// A small blocking HTTP/1.1 client, for the commands that talk to a running Weir. http:// only.
#pragma once

#include <chrono>
#include <cstdint>
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

struct BaseUrl {
  std::string host;  // a name or an address; IPv6 without its brackets
  std::uint16_t port = 80;
  std::string prefix;  // "" or "/something", without a slash at its end

  // What stands in the Host header.
  [[nodiscard]] std::string authority() const;
};

// The URL as it may be printed: a user name and password in it become ***. Works on any text: all between the
// scheme and the last @ counts as credentials.
[[nodiscard]] std::string without_credentials(std::string_view url);

// Reads "http://host[:port][/prefix]". ErrorKind::invalid, code url_invalid; the text never holds a password
// of the URL.
[[nodiscard]] Result<BaseUrl> parse_base_url(std::string_view url);

struct Response {
  int status = 0;
  HeaderList headers;
  std::string body;

  // The first header of that name (any case).
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct ClientSettings {
  std::chrono::milliseconds connect_deadline{5000};
  std::chrono::milliseconds request_deadline{60000};  // from the first byte sent to the last received
  std::size_t response_bytes_max = 64 * limits::MiB;
};

// One connection, kept alive between requests and opened anew when it is gone. One thread. A name is looked
// up by the system's resolver, in the time that takes.
class Client {
 public:
  // Codes of send()'s errors, both ErrorKind::unavailable. Whoever must not send twice needs to know which of
  // them it was.
  static constexpr std::string_view connect_failed = "connect_failed";  // surely not received
  static constexpr std::string_view no_answer = "no_answer";            // may or may not have been received

  explicit Client(BaseUrl base, ClientSettings settings = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // `path` begins with a slash and may carry a query; the base's prefix is put before it. Host,
  // Content-Length and Connection are written here. Any status is a Response. Never sends twice by itself.
  [[nodiscard]] Result<Response> send(std::string_view method, std::string_view path,
                                      const HeaderList& headers, std::string_view body);

  [[nodiscard]] const BaseUrl& base() const { return base_; }

 private:
  struct Wire;

  Result<Response> receive(bool without_body);
  std::unexpected<Error> no_answer_because(std::string_view reason);

  BaseUrl base_;
  ClientSettings settings_;
  std::unique_ptr<Wire> wire_;
};

}  // namespace weir::http
