// One request and its reply, as routes see them. This header names no socket and no library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"

namespace weir::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Compares as header names are compared: the case of ASCII characters does not matter.
[[nodiscard]] bool same_ignoring_case(std::string_view one, std::string_view other);

// A complete request. All views point into the memory of the connection and are valid until the handler
// returns. A handler that replies later copies what it needs.
struct Request {
  std::string_view method;
  std::string_view path;   // percent-encoded, as received, without the query
  std::string_view query;  // the part after '?', as received
  // Decompressed and without chunks. limits::json_slack_bytes after it are readable.
  std::string_view body;
  std::string_view request_id;
  IpAddress peer;  // the other end of the connection: the client, or the last proxy before Weir
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // as received, in order
  // Stop is requested when the connection closes before the reply. Only routes with watch_client see this.
  std::stop_token client_gone;

  // Returns the value of the first header with that name, in any case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

// The parameters of a query, decoded as application/x-www-form-urlencoded
// (https://url.spec.whatwg.org/#urlencoded-parsing).
class Query {
 public:
  explicit Query(std::string_view raw);
  // Returns the value of a parameter; the last one if it is repeated.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  // Returns all parameters in order, repeated ones included.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

class StreamBody;

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HeaderList headers;  // besides those that every reply has
  // Not null: the body is written later, as a stream (stream.hpp), and `body` is empty.
  std::shared_ptr<StreamBody> stream;
  bool close = false;  // the connection closes after this reply
  // The reason of a 500 or 503, for the log; static storage. A 503 without a code is not logged: it is a
  // normal result, as that of /health/ready.
  std::string_view code;
};

// Returns a reply with the body `{"error":"…"}`.
[[nodiscard]] Reply error_reply(int status, std::string_view error);

// Sends the reply to a request. Call it exactly once, on any thread. If it is destroyed without a call, the
// client gets 500.
using Respond = std::move_only_function<void(Reply)>;

// Handles a request of a route, on an io thread: it must not block. It may reply before it returns, or move
// `respond` elsewhere and reply later.
using Handler = std::function<void(const Request&, Respond respond)>;

// Runs before the handler of its route: authentication, rate limits, tracing.
//
// The server calls it on an io thread as soon as the head of the request is complete, before it reads the
// body. `head` has no body yet (Request::body is empty) and no client_gone; its other members are as the
// handler will see them. A filter must not block. A filter that io threads share must be thread-safe.
//
// Returns nothing to let the request pass; then the next filter runs, and after the last one the handler.
// Returns a reply to refuse it: no further filter and no handler runs, and the body is neither decompressed
// nor waited for. If the body has not arrived in full by then, the connection closes after the reply.
// `reply_headers` are added to the reply, whichever it turns out to be: the handler's, a filter's, or an
// error reply of the server (413, 500). An exception is logged and answered 500.
using Filter = std::function<std::optional<Reply>(const Request& head, HeaderList& reply_headers)>;

struct Route {
  std::string method;  // a GET route also serves HEAD
  std::string path;    // matched exactly; one more trailing slash also matches
  Handler handle;
  // Bounds the body, both as sent and decompressed. 0: ServerSettings::body_bytes_max.
  std::size_t body_bytes_max = 0;
  bool cross_origin = false;    // scripts of web pages may call it, as CORS_ORIGINS allows (cors.hpp)
  std::vector<Filter> filters;  // run in this order; none costs nothing
  bool watch_client = false;    // the reply may take long: Request::client_gone reports a closed connection
};

}  // namespace weir::http
