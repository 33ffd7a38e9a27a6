// The way from any thread to the connections of one io thread: replies, and notices of streams.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "http/eviction.hpp"
#include "http/exchange.hpp"
#include "telemetry/logger.hpp"

namespace weir::http {

// Any thread puts mail, the io thread takes all of it at once. The io thread is woken up only when the
// mailbox was empty, so a burst costs one wake-up. Held by shared_ptr: it outlives its io thread as long as a
// reply or a stream is outstanding.
//
// Unbounded, but each request puts at most one reply, and each open stream at most one notice at a time.
class Mailbox {
 public:
  struct PendingReply {
    ConnectionId to;
    Reply reply;
  };
  struct Mail {
    std::vector<PendingReply> replies;
    std::vector<ConnectionId>
        streams;  // connections whose stream has changed; deliver them after the replies

    [[nodiscard]] bool empty() const { return replies.empty() && streams.empty(); }
  };

  // `wake_up` makes the io thread call take_all(). Any thread calls it, under the mailbox's lock.
  explicit Mailbox(std::function<void()> wake_up) : wake_up_(std::move(wake_up)) {}

  // --- For any thread. After close() they have no effect.

  // Leaves the reply to the current request of a connection.
  void put(ConnectionId to, Reply reply);
  // Leaves a notice that the stream of a connection has changed (StreamBody::attach).
  void notify_stream(ConnectionId to);

  // --- For the io thread, which calls belong_to_this_thread() first.

  void belong_to_this_thread();
  [[nodiscard]] Mail take_all();
  // Drops all mail, now and later.
  void close();

  // Calls the route's handler, and returns the reply if the handler replied before it returned. Later replies
  // arrive through the mailbox. If the handler throws, that is logged, and the request is answered 500.
  [[nodiscard]] static std::optional<Reply> call_handler(const std::shared_ptr<Mailbox>& mailbox,
                                                         ConnectionId id, const Route& route,
                                                         const Request& request, telemetry::Logger& logger);

 private:
  class Responder;

  std::mutex mutex_;               // guards the next two
  std::function<void()> wake_up_;  // null once closed
  Mail mail_;

  std::atomic<std::thread::id> io_thread_;
  // Of the io thread: the request whose handler is running, and the handler's reply.
  std::optional<ConnectionId> handling_;
  std::optional<Reply> immediate_reply_;
};

}  // namespace weir::http
