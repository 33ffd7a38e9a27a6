// A reply whose body is written after its head: server-sent events, exports that are larger than memory.
//
// The handler makes a stream, hands its body to the server inside a Reply, and keeps the writer:
//
//   http::Stream stream = http::make_stream();
//   http::Reply reply{.content_type = "text/event-stream"};
//   reply.stream = std::move(stream.body);
//   respond(std::move(reply));
//   …later, on any thread: stream.writer.write("data: 1\n\n");
//
// HTTP/1.1 clients receive chunks (RFC 9112 §7.1), HTTP/1.0 clients receive bytes until the connection
// closes. A HEAD request receives the head only; its stream is over at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/limits.hpp"

namespace weir::http {

class StreamState;

// The handler's end of a stream. Any thread may call its functions at any time; moving and destroying it is
// for one thread, as usual. None of its functions blocks or waits for the client.
class StreamWriter {
 public:
  explicit StreamWriter(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}
  StreamWriter(StreamWriter&&) noexcept = default;
  StreamWriter& operator=(StreamWriter&& other) noexcept;
  // Without end() the body counts as incomplete: what was written is sent, then the connection closes without
  // the last chunk. An HTTP/1.1 client sees the difference, an HTTP/1.0 client cannot.
  ~StreamWriter();

  // Appends bytes to the body. They are sent at once, or as soon as the reply has reached its connection.
  //
  // Returns false if the stream is over; then the bytes are dropped and the caller stops producing. The
  // stream is over after end(), when the client is gone, and when these bytes do not fit: unsent bytes are
  // bounded (make_stream), and a client that reads too slowly is disconnected. So a single write must be
  // smaller than the bound.
  bool write(std::string_view bytes);

  // Completes the body. The connection then serves its next request, where the protocol allows.
  void end();

  // Stop is requested when the stream is over, or when the server stops. In the latter case write() and end()
  // still work for ServerSettings::linger_deadline; then the connection closes. Callbacks run on an io
  // thread, or on the thread that drops the reply. They must not block; they may call write() and end().
  [[nodiscard]] std::stop_token stop_token() const;

  // Returns the bytes that are written and not yet handed to the kernel, for writers that limit their own
  // rate: one that writes only when this is small is never disconnected by a burst.
  [[nodiscard]] std::size_t unsent_bytes() const;

 private:
  void abort();

  std::shared_ptr<StreamState> state_;  // null once moved from
};

// The server's end of a stream. Belongs to the Reply, then to the connection; an io thread calls its
// functions. The stream is over when the connection closes it, or when the last pointer to it is gone. So a
// Reply that reaches no connection ends its stream, too. Move it into the Reply and keep no copy.
class StreamBody {
 public:
  enum class Progress : std::uint8_t {
    open,        // more may be written
    ended,       // the body is complete
    aborted,     // the writer was destroyed without end()
    overflowed,  // the client reads too slowly
  };
  struct Taken {
    std::string bytes;
    Progress progress = Progress::open;  // after these bytes
  };

  explicit StreamBody(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}
  StreamBody(const StreamBody&) = delete;
  StreamBody& operator=(const StreamBody&) = delete;
  ~StreamBody();

  // Call it once, before take(). The first change after each take() calls `notify`, on the thread of the
  // writer and under the stream's lock: it must only pass a message on.
  void attach(std::function<void()> notify);

  // Returns what was written since the last call. The bytes count as unsent until set_unsent() says
  // otherwise.
  [[nodiscard]] Taken take();
  // Sets how many of all bytes that were taken are still unsent.
  void set_unsent(std::size_t bytes);

  // Tells the writer that the server stops.
  void request_stop();

  // Ends the stream: no byte of it is sent any more. Runs the stop callbacks.
  void close();

 private:
  std::shared_ptr<StreamState> state_;
};

// Both ends of a stream.
struct Stream {
  StreamWriter writer;
  std::shared_ptr<StreamBody> body;
};

// Returns the two ends of a new stream. At most `unsent_bytes_max` bytes wait for the client at any time.
// They count for the client (client_table.hpp) as soon as the io thread has taken them.
[[nodiscard]] Stream make_stream(std::size_t unsent_bytes_max = limits::stream_unsent_bytes_max);

}  // namespace weir::http
