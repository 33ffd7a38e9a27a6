// One request and its one reply, as the routes see them: no sockets, no vendor.
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

namespace weir::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// ASCII letters are the same in both cases, as in header names.
[[nodiscard]] bool same_ignoring_case(std::string_view one, std::string_view other);

// Views into the connection's memory, valid until handle() returns: who answers later keeps what it needs.
struct Request {
  std::string_view method;
  std::string_view path;   // percent-encoded as it came, without the query
  std::string_view query;  // behind '?', as it came
  std::string_view body;   // limits::json_slack_bytes behind it are readable
  std::string_view request_id;
  std::string_view peer;  // the client's address as it connected, numeric, without its port
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // as they came, in order
  // Stops when the connection is closed before its reply. Only for routes that watch_client; never stops for
  // others.
  std::stop_token client_gone;

  // The first header of that name (any case); empty optional if there is none.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

// The parameters of a query, decoded. A parameter that stands twice counts with its last value.
class Query {
 public:
  explicit Query(std::string_view raw);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
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
  bool close = false;  // hang up behind it
  // Why it is a 5xx, for the log: stable, static storage. A 503 without one is no failure: it says that
  // something is not ready, as it was asked.
  std::string_view code;
};

// `{"error":"…"}` with the text escaped.
[[nodiscard]] Reply error_reply(int status, std::string_view error);

// Called exactly once, from any thread.
using Respond = std::move_only_function<void(Reply)>;

// Called on an io thread: must not block. What takes longer answers later, from wherever it is done.
using Handle = std::function<void(const Request&, Respond)>;

// Runs before the handler of its route: authentication, rate limits, tracing.
//
// The server calls it on an io thread as soon as the head of the request is complete, before it reads the
// body. `head` has no body yet (Request::body is empty) and no client_gone; its other members are as the
// handler will see them. A filter must not block. A filter that io threads share must be thread-safe.
//
// Returns nothing to let the request pass; then the next filter runs, and after the last one the handler.
// Returns a reply to refuse it: no further filter and no handler runs, and the body is neither decompressed
// nor waited for. If the body has not arrived in full by then, the connection closes after the reply.
// `reply_headers` are added to the reply, whichever it turns out to be: the handler's, a filter's, or an error
// reply of the server (413, 500). An exception is logged and answered 500.
using Filter = std::function<std::optional<Reply>(const Request& head, HeaderList& reply_headers)>;

struct Route {
  std::string method;  // HEAD is answered by GET's route
  std::string path;    // exact; one trailing slash more is the same
  Handle handle;
  std::size_t body_bytes_max = 0;  // as sent and once inflated; 0: as much as the server takes
  bool cross_origin = false;       // scripts of web pages may call it, as CORS_ORIGINS says (cors.hpp)
  std::vector<Filter> filters;     // run in this order; none costs nothing
  bool watch_client = false;  // answering may take long: Request::client_gone tells when its client has left
};

}  // namespace weir::http
