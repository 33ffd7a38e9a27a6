// The HTTP/1.1 server.
//
// Each io thread has its own listener on the same port (SO_REUSEPORT), its own connections and its own set of
// routes. A request stays on its thread, so a handler needs no lock for what belongs to its thread. A small
// request on loopback costs about 8 µs of CPU, 7 of them in the kernel.
//
// At first one io thread may serve alone: it handles more requests for each time that it wakes up, and what
// it sends on has fewer and larger parts. When it is saturated and a core is free, the next io thread joins
// and takes its share of the connections, between two of their requests (thread_load.hpp).
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
#include "tls/server_identity.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::http {

struct ServerSettings {
  std::string bind_address = "0.0.0.0";  // numeric, IPv4 or IPv6
  std::uint16_t port = 8080;             // 0: the system chooses a free port
  int threads = 1;
  // How many of them serve from the start. The others join when they are needed, and stay.
  int threads_at_start = 1;
  // Bounds a body, both as sent and decompressed.
  std::size_t body_bytes_max = limits::body_bytes_default;
  // When it is reached, an idle connection of the same io thread is closed for a new one (eviction.hpp). If
  // there is none, the new one gets 503.
  std::size_t connections_max = limits::connections_max;
  // Bounds what clients hold: all of them, and those of one address (client_table.hpp). Low values are
  // raised: one address may hold at least three bodies, all addresses at least twice that.
  std::size_t held_bytes_max = limits::held_bytes_max;
  std::size_t address_held_bytes_max = limits::address_held_bytes_max;
  // The origins whose scripts may call cross_origin routes (cors.hpp).
  std::vector<std::string> cors_origins{"*"};
  // From the first byte of a request to the last byte of its reply. A streamed body is not part of it: there
  // it bounds how long unsent bytes wait for the client.
  std::chrono::milliseconds request_deadline = limits::request_deadline;
  // Between two requests.
  std::chrono::milliseconds idle_deadline = limits::idle_deadline;
  // For the TLS handshake of a connection.
  std::chrono::milliseconds handshake_deadline{10'000};
  // After the last reply of a connection: how long input is still discarded, so that the client can read the
  // reply. When the server stops: how long incomplete requests may still arrive and streams may still end.
  std::chrono::milliseconds linger_deadline{2000};
  // The server speaks TLS only. Null: plain HTTP only. Must outlive the server.
  const tls::ServerIdentity* identity = nullptr;
};

// Called once for each io thread, before start() returns. Objects that the routes of one call share are used
// by one io thread only.
using MakeRoutes = std::function<std::vector<Route>()>;

class Server {
 public:
  // Binds and listens. Connections queue up from here on; start() begins to read them. `logger` must outlive
  // the server.
  //
  // Errors name the address and the port. ErrorKind::invalid: address_invalid. ErrorKind::internal:
  // address_in_use, address_unavailable, port_refused (no permission for the port).
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const ServerSettings& settings,
                                                            const MakeRoutes& make_routes,
                                                            telemetry::Logger& logger,
                                                            const MakeIoTask& make_task = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Calls stop(0).
  ~Server();

  // Starts the io threads. Call it once.
  void start();

  // Lets one more io thread serve, if one is left. The server calls it itself when a thread is saturated.
  // Thread-safe.
  void add_serving_thread();

  // Replaces ServerSettings::cors_origins, from the next request on. Thread-safe.
  void set_cors_origins(std::vector<std::string> origins);

  // Returns the port that is bound.
  [[nodiscard]] std::uint16_t port() const;

  // Stops accepting, closes idle connections, and lets current requests finish; their replies have
  // Connection: close. Streams get linger_deadline to end. After `timeout` the remaining connections are
  // closed. Returns true if none remained. A Respond or StreamWriter may be used after stop(); it has no
  // effect then.
  //
  // Call it from one thread, which is not an io thread. Blocks for at most `timeout`, plus the handlers that
  // are running.
  bool stop(std::chrono::milliseconds timeout);

  // Returns the number of open connections. Thread-safe.
  [[nodiscard]] std::size_t connections() const;

  // Adds the metrics weir_http_… Thread-safe. The number of series depends on the routes only.
  void collect(telemetry::Exposition& into) const;

 private:
  struct Threads;
  explicit Server(std::unique_ptr<Threads> threads);

  std::unique_ptr<Threads> threads_;
};

}  // namespace weir::http
