// The client blocks. Its connection (client_connection.hpp) runs each asynchronous operation until it ends.
#include "http/client.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/decimal.hpp"
#include "http/client_connection.hpp"
#include "http/exchange.hpp"

namespace weir::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

using Code = boost::system::error_code;

namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

// The error never shows credentials of the URL.
std::unexpected<Error> bad_url(std::string_view url) {
  const std::string shown = without_credentials(url);
  if (shown != url)
    return fail(ErrorKind::invalid, "url_invalid",
                "\"" + shown + "\" has a user name, a password or a key, which is not supported: expected " +
                    "http://host:port/prefix or https://…");
  return fail(ErrorKind::invalid, "url_invalid",
              "\"" + shown + "\" is not a URL of the form http://host:port/prefix or https://…");
}

// Beast's texts for bytes that are not HTTP, such as "bad version", do not mention HTTP.
std::string reason_of(const Code& code) {
  const bool ended_early =
      code == beast::http::error::end_of_stream || code == beast::http::error::partial_message;
  const bool of_http =
      code.category() == beast::http::make_error_code(beast::http::error::bad_version).category();
  if (of_http && !ended_early) return "what it sent is not an HTTP reply (" + code.message() + ")";
  return code.message();
}

}  // namespace

std::string without_credentials(std::string_view url) {
  if (const std::size_t key = url.find("?key="); key != std::string_view::npos)
    return without_credentials(url.substr(0, key)) + "?key=***";
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  // A scheme consists of ASCII a to z only: a "://" after other characters may be part of a password.
  const std::size_t letters =
      std::min(url.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), url.size());
  const std::size_t begin = letters < at && url.substr(letters).starts_with("://") ? letters + 3 : 0;
  return std::string(url.substr(0, begin)).append("***").append(url.substr(at));
}

// RFC 3986 §3.2.2: an IPv6 address stands in brackets. The default port is left out.
std::string BaseUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (secure ? https_port : http_port) ? name : name + ":" + std::to_string(port);
}

std::string BaseUrl::text() const { return (secure ? "https://" : "http://") + authority(); }

// Characters that begin a query, a fragment, user information or another header line are refused.
Result<BaseUrl> parse_base_url(std::string_view url) {
  constexpr std::string_view secure_scheme = "https://";
  const bool secure = same_ignoring_case(url.substr(0, secure_scheme.size()), secure_scheme);
  const std::string_view scheme = secure ? secure_scheme : "http://";
  if (!same_ignoring_case(url.substr(0, scheme.size()), scheme)) return bad_url(url);
  const std::string_view rest = url.substr(scheme.size());
  const std::size_t path_at = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, path_at);
  std::string_view prefix = rest.substr(path_at);
  while (!prefix.empty() && prefix.back() == '/') prefix.remove_suffix(1);
  if (rest.find_first_of(" ?#@\\\r\n\t") != std::string_view::npos) return bad_url(url);

  BaseUrl base;
  base.secure = secure;
  base.port = secure ? https_port : http_port;
  base.prefix = prefix;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad_url(url);
    base.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    base.host = authority.substr(0, end);
    port = authority.substr(end);
  }
  if (base.host.empty()) return bad_url(url);
  if (!port.empty()) {
    const auto number =
        port.front() == ':' ? parse_decimal<std::uint16_t>(port.substr(1), 1, 65535) : std::nullopt;
    if (!number) return bad_url(url);
    base.port = *number;
  }
  return base;
}

std::optional<std::string_view> Response::header(std::string_view name) const {
  for (const auto& [field_name, value] : headers)
    if (same_ignoring_case(field_name, name)) return value;
  return std::nullopt;
}

namespace {

// The status and the headers.
Response response_of(const auto& message) {
  Response response;
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message)
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return response;
}

}  // namespace

Client::Client(BaseUrl base, ClientSettings settings)
    : base_(std::move(base)), settings_(std::move(settings)), connection_(std::make_unique<Connection>()) {}

Client::~Client() = default;

// Sends the head and the body. A kept connection is used if the server has not closed it.
Result<void> Client::send_request(std::string_view method, std::string_view path, const HeaderList& headers,
                                  std::string_view body) {
  if (!connection_->is_usable()) {
    auto connected = connection_->connect(base_, settings_);
    if (!connected) return connected;
  }
  std::string head;
  head.append(method).append(" ").append(base_.prefix).append(path).append(" HTTP/1.1\r\n");
  head.append("Host: ").append(base_.authority()).append("\r\n");
  for (const auto& [name, value] : settings_.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value).append("\r\n");
  // RFC 9110 §8.6: a request whose method allows a body has Content-Length, even for an empty one.
  if (!body.empty() || method == "POST" || method == "PUT")
    head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  head.append("\r\n");

  connection_->stream.expires_after(settings_.request_deadline);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  const Code code = connection_->run_on_stream(
      [&](auto& stream, auto done) { asio::async_write(stream, parts, std::move(done)); });
  // A server that refuses a body may reply and close before it has read all of it. So an error while sending
  // is not final: the reply counts.
  if (code == beast::error::timeout) return no_answer_because(code.message());
  return {};
}

Result<Response> Client::send(std::string_view method, std::string_view path, const HeaderList& headers,
                              std::string_view body) {
  if (auto sent = send_request(method, path, headers, body); !sent) return propagate(sent);
  return receive(method == "HEAD");
}

Result<Response> Client::get_streamed(std::string_view path, const HeaderList& headers,
                                      const std::function<void(std::string_view)>& take) {
  if (auto sent = send_request("GET", path, headers, ""); !sent) return propagate(sent);
  beast::http::response_parser<beast::http::buffer_body> parser;
  parser.body_limit(boost::none);
  Code code = connection_->run_on_stream([&](auto& stream, auto done) {
    beast::http::async_read_header(stream, connection_->buffer, parser, std::move(done));
  });
  if (code) return no_answer_because(reason_of(code));
  Response response = response_of(parser.get());
  const auto deadline = settings_.request_deadline;
  std::array<char, 16 * limits::KiB> part;
  while (!parser.is_done()) {
    parser.get().body().data = part.data();
    parser.get().body().size = part.size();
    connection_->stream.expires_after(deadline);
    code = connection_->run_on_stream([&](auto& stream, auto done) {
      beast::http::async_read_some(stream, connection_->buffer, parser, std::move(done));
    });
    // Beast reports a full buffer as an error. The next turn provides the buffer again.
    if (code == beast::http::error::need_buffer) code = {};
    if (code) return no_answer_because(reason_of(code));
    const std::string_view got(part.data(), part.size() - parser.get().body().size);
    if (response.status == 200)
      take(got);
    else if (response.body.size() < settings_.response_bytes_max)
      response.body.append(got);
  }
  if (!parser.get().keep_alive()) connection_->close();
  return response;
}

Result<Response> Client::receive(bool without_body) {
  while (true) {
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(settings_.response_bytes_max);
    // A reply to HEAD has the headers of a body and no body (RFC 9110 §9.3.2).
    parser.skip(without_body);
    const Code code = connection_->run_on_stream([&](auto& stream, auto done) {
      beast::http::async_read(stream, connection_->buffer, parser, std::move(done));
    });
    if (code) return no_answer_because(reason_of(code));
    auto message = parser.release();
    if (message.result_int() / 100 == 1) continue;  // RFC 9110 §15.2: the final response follows

    Response response = response_of(message);
    response.body = std::move(message.body());
    if (!message.keep_alive()) connection_->close();
    return response;
  }
}

// After a failure the position in the byte stream is unknown, so the connection is not used again.
std::unexpected<Error> Client::no_answer_because(std::string_view reason) {
  connection_->close();
  return fail(ErrorKind::unavailable, no_answer,
              base_.authority() + " did not answer: " + std::string(reason));
}

}  // namespace weir::http
