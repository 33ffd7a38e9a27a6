// Work that runs on an io thread of the server beside its connections, so that what a request starts there
// ends there, without another thread. The Kafka producer is one.
#pragma once

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace weir::http {

class IoTask {
 public:
  IoTask() = default;
  IoTask(const IoTask&) = delete;
  IoTask& operator=(const IoTask&) = delete;
  virtual ~IoTask() = default;

  // Both on the io thread: before its first connection, and after its last. What was begun on `io` must be
  // cancelled when stop() returns; `io` outlives its handlers, and is gone when the server is.
  virtual void start(boost::asio::io_context& io) = 0;
  virtual void stop() = 0;
};

// Called once for each io thread, before Server::start(). The task outlives the server.
using MakeIoTask = std::function<IoTask*()>;

}  // namespace weir::http
