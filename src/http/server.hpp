// The HTTP/1.1 server: sockets in front, routes behind.
//
// Each of its io threads has a listener of its own on the same port (SO_REUSEPORT), its own connections and
// its own set of routes; a connection never leaves its thread, and a handler never needs a lock for what is
// its thread's. About 8 µs of CPU for a small request on loopback, of which the kernel has 7.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"
#include "http/io_task.hpp"
#include "telemetry/logger.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::http {

struct ServerSettings {
  std::string bind_address = "0.0.0.0";  // numeric, IPv4 or IPv6
  std::uint16_t port = 8080;             // 0: a free one
  int threads = 1;
  std::size_t body_bytes_max = limits::body_bytes_default;  // as sent, and again once inflated
  // Shared out evenly to the threads. Beyond, an idle connection is closed for a new one (eviction.hpp); if
  // there is none, the new one is answered 503.
  std::size_t connections_max = limits::connections_max;
  // What clients hold, over all connections and over those of one client address (client_table.hpp). An
  // address has room for three bodies in any case, and all of them together for twice as much.
  std::size_t held_bytes_max = limits::held_bytes_max;
  std::size_t address_held_bytes_max = limits::address_held_bytes_max;
  std::vector<std::string> cors_origins{"*"};  // whose pages' scripts may call routes that are cross_origin
  // From a request's first byte to its reply's last, however slowly they come and go.
  std::chrono::milliseconds request_deadline = limits::request_deadline;
  std::chrono::milliseconds idle_deadline = limits::idle_deadline;  // between two requests
  // How long what a client still sends is read and dropped after our last word, so that it can read that
  // word.
  std::chrono::milliseconds linger_deadline{2000};
};

// Called once for each io thread, before start() returns: what the routes of one call share is used by that
// thread only.
using MakeRoutes = std::function<std::vector<Route>()>;

class Server {
 public:
  // Binds and listens, so that connections queue up from here on; nothing is read before start(). Fails with
  // ErrorKind::invalid (address_invalid) or ErrorKind::internal (address_in_use, address_unavailable,
  // port_refused), naming address and port.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const ServerSettings& settings,
                                                            const MakeRoutes& make_routes,
                                                            telemetry::Logger& logger,
                                                            const MakeIoTask& make_task = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stops with no patience if that has not been done

  void start();

  // The bound port.
  [[nodiscard]] std::uint16_t port() const;

  // Takes no further connection, closes idle ones, lets what is under way finish (its reply says Connection:
  // close), and hangs up on the rest after `patience`. True if nothing had to be cut off. From one thread,
  // not an io thread. A Respond that is called after stop() does nothing.
  bool stop(std::chrono::milliseconds patience);

  // How many connections are open, over all threads. From any thread.
  [[nodiscard]] std::size_t connections() const;

  // weir_http_…; from any thread. How many series there are depends on the routes alone.
  void collect(telemetry::Exposition& into) const;

 private:
  struct Threads;
  explicit Server(std::unique_ptr<Threads> threads);

  std::unique_ptr<Threads> threads_;
};

}  // namespace weir::http
