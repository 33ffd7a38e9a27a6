// One thread of the server: its listener, its connections, and the mailbox through which other threads reach
// them. The thread runs an event loop (Asio); nothing in it blocks.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/published.hpp"
#include "http/client_socket.hpp"
#include "http/client_table.hpp"
#include "http/cors.hpp"
#include "http/eviction.hpp"
#include "http/exchange.hpp"
#include "http/http_date.hpp"
#include "http/io_task.hpp"
#include "http/mailbox.hpp"
#include "http/request_counts.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/thread_load.hpp"
#include "telemetry/log_throttle.hpp"
#include "tls/session.hpp"

namespace weir::http {

class Connection;

// Memory that requests are read into. limits::json_slack_bytes after its capacity are readable.
struct ReadBuffer {
  std::unique_ptr<char[]> bytes;
  std::size_t capacity = 0;
  std::size_t size = 0;  // bytes received

  [[nodiscard]] static ReadBuffer of(std::size_t capacity);
};

// What an io thread did so that its clients share fairly. Only the io thread writes; any thread reads.
struct FairnessCounts {
  // The limit for which a connection was closed.
  enum Why : std::uint8_t { address_bytes, total_bytes, connections, descriptors, stream_bytes, whys };

  std::atomic<std::uint64_t> reads_paused{0};
  std::atomic<std::uint64_t> newcomers_delayed{0};
  std::array<std::atomic<std::uint64_t>, whys> evicted{};  // connections
};

// The TLS handshakes of an io thread. Only the io thread writes; any thread reads.
struct HandshakeCounts {
  static constexpr std::size_t failures = std::to_underlying(tls::HandshakeFailure::count);

  std::atomic<std::uint64_t> completed{0};
  std::array<std::atomic<std::uint64_t>, failures> failed{};
};

// A connection between two io threads.
struct MovedConnection {
  ReleasedSocket socket;
  IpAddress peer;
  ClientTable::Holding holding;
};

// One thread constructs and configures it, then run() turns another thread into the io thread. The io thread
// owns everything in here: only the functions listed for any thread may be called elsewhere.
class IoThread {
 public:
  using Tcp = boost::asio::ip::tcp;

  // Size of the shared read buffers; enough for most requests.
  static constexpr std::size_t block_bytes = 16 * limits::KiB;

  // `clients` and `cors` are shared with the other io threads of the server and must outlive them.
  IoThread(const ServerSettings& settings, ClientTable& clients, const Published<CorsPolicy>& cors,
           telemetry::Logger& logger);
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread();

  // Configuration, before run().
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  // `acceptor` is bound. `task` may be null.
  void serve(Tcp::acceptor acceptor, std::vector<Route> routes, IoTask* task);
  // Names the other io threads of the server. `on_saturated` is called on the io thread when another one
  // should help (thread_load.hpp), again and again until share_with(); it may be empty.
  void set_others(std::vector<IoThread*> others, std::function<void()> on_saturated);

  // Serves until it was stopped and the last connection has closed.
  void run();

  // --- For any thread.

  // Listens and accepts connections from now on.
  void begin_accepting();
  // Every n-th connection that is open now moves to `other`, after its next reply.
  void share_with(IoThread& other, std::size_t nth);
  // Serves the connection from now on.
  void adopt(MovedConnection moving);
  // Accepts no more connections. Idle ones close, the others close after their current request.
  void begin_stop();
  // Closes all connections.
  void close_all();
  // Closes connections that hold much memory, if a limit is exceeded.
  void request_relief();
  // Closes an idle connection, so that a file descriptor becomes free.
  void request_descriptor();
  [[nodiscard]] std::size_t connections() const { return open_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t streams() const { return streams_.load(std::memory_order_relaxed); }
  // Returns the number of requests whose handler has not replied yet.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  [[nodiscard]] const RequestCounts& counts() const { return *counts_; }
  // A request has begun, or its connection has closed before its reply.
  void record_request() { counts_->begin(); }
  void record_abandoned_request() { counts_->abandon(); }
  [[nodiscard]] const FairnessCounts& fairness() const { return fairness_; }
  [[nodiscard]] const HandshakeCounts& handshakes() const { return handshakes_; }

  // Returns the number of connections that close_all() found open. After run() has returned.
  [[nodiscard]] std::size_t connections_cut() const { return connections_cut_; }

  // --- For its connections, on the io thread.

  [[nodiscard]] const ServerSettings& settings() const { return settings_; }
  [[nodiscard]] const Router& router() const { return *router_; }
  [[nodiscard]] const CorsPolicy& cors() { return cors_.newest(); }
  [[nodiscard]] bool stopping() const { return stopping_; }

  // Runs the filters of a route. Returns the reply of the first filter that refuses the request, or nothing.
  // A filter that throws refuses with 500.
  [[nodiscard]] std::optional<Reply> run_filters(const Route& route, const Request& head,
                                                 HeaderList& reply_headers);
  // Calls the handler of a route. Returns its reply, or nothing if the reply will arrive by the mailbox.
  [[nodiscard]] std::optional<Reply> call_handler(ConnectionId id, const Route& route,
                                                  const Request& request);
  // Counts the outcome of a request, and logs it if it failed. `route` is null for a request without a route;
  // `since` is when the handler was called.
  void record_outcome(const Route* route, const Reply& reply, std::string_view request_id,
                      std::optional<MonoTime> since, MonoTime now);
  // Returns a number for a request id. It differs from those of other io threads and processes with high
  // probability, because each starts at a random number.
  [[nodiscard]] std::uint64_t next_request_number() { return ++request_number_; }
  // Returns the value of the Date header.
  [[nodiscard]] std::string_view date(WallTime now) { return date_.text(now); }

  // The output of the connection that is being served. It is empty between two events.
  [[nodiscard]] std::string& out() { return out_; }
  // Shared read buffers of block_bytes. A connection returns its block at the end of the event.
  [[nodiscard]] ReadBuffer take_block();
  void return_block(ReadBuffer block);

  // Call the connection back once its socket is ready.
  void wait_readable(Tcp::socket& socket, ConnectionId id);
  void wait_writable(Tcp::socket& socket, ConnectionId id);

  // A limit is exceeded to which `asking`, the connection that is being served, contributes. Closes the
  // connections that hold most, here and then on the other io threads. Returns false if `asking` must release
  // its memory, or if no other connection was found. out() must be empty, because closing others uses it.
  [[nodiscard]] bool relieve_pressure(const Connection& asking);
  // A connection stops reading because its client does not read replies.
  void count_paused_read();
  // A new connection waits (Connection::begin()).
  void count_delayed_newcomer();
  // Calls the connection's admit() soon: one connection every 2 ms.
  void admit_later(ConnectionId id);

  // Calls the connection's on_readable() after the events that are due now, without waiting for its socket.
  void notify_readable(ConnectionId id);

  // TLS handshakes that were completed, and one that has failed.
  void count_handshake();
  void record_handshake_failure(tls::HandshakeFailure failure, const std::string& reason,
                                const std::string& peer);

  // A connection closes because its client reads a stream too slowly.
  void record_slow_stream(const std::string& peer);
  // Adds `change` to the number of open streams.
  void count_stream(int change);
  // Returns what the stream of this connection calls, on any thread, when its writer has written.
  [[nodiscard]] std::function<void()> stream_notifier(ConnectionId id) const;

  // Deadlines are counted in sweeps over all connections, so that a request needs no timer of its own.
  // Returns the first sweep at which `time` has certainly passed.
  [[nodiscard]] std::uint64_t sweep_after(std::chrono::milliseconds time) const;
  [[nodiscard]] std::uint64_t sweeps() const { return sweeps_; }

 private:
  struct Slot {
    std::uint32_t generation = 0;  // how often the slot was used before
    std::unique_ptr<Connection> connection;
  };

  void accept();
  void on_accept(const boost::system::error_code& code, Tcp::socket socket);
  void accept_rest();
  void on_accept_failed(const boost::system::error_code& code);
  void add(Tcp::socket socket);
  [[nodiscard]] ConnectionId place(ClientSocket socket, const IpAddress& peer, ClientTable::Holding holding);
  // With a TLS session, if the server has an identity.
  [[nodiscard]] ClientSocket secured(Tcp::socket socket) const;
  void remove(ConnectionId id);
  // Pass an event to a connection that is still open, and remove the connection if the event closes it.
  template <class Event>
  void dispatch(ConnectionId id, Event&& event);
  template <class Event>
  void dispatch_to_all(Event&& event);
  void deliver_mail();
  void arm_sweep();
  void sweep();
  void finish_if_stopped();
  void log_failure(const Route* route, const Reply& reply, std::string_view request_id, MonoTime now);

  // Fairness (io_fairness.cpp).
  [[nodiscard]] bool close_one_for(std::size_t newcomer_connections, FairnessCounts::Why why);
  void find_dispensable(const Newcomer& newcomer);
  [[nodiscard]] std::optional<OpenConnection> as_open(std::uint32_t slot) const;
  [[nodiscard]] bool evict_holders(const Connection* asking);
  void record_eviction(FairnessCounts::Why why, const std::string& peer);
  void evict(ConnectionId id);
  void close_for_newcomer(ConnectionId id);
  void admit(ConnectionId id);
  void resume(ConnectionId id);
  void arm_admission();

  const ServerSettings settings_;
  ClientTable& clients_;
  telemetry::Logger& logger_;
  Published<CorsPolicy>::Reader cors_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;  // keeps run() running
  IoTask* task_ = nullptr;
  std::optional<Tcp::acceptor> acceptor_;
  bool accepts_ = false;
  Tcp::endpoint peer_;  // of the connection that is being accepted
  std::unique_ptr<Router> router_;
  std::unique_ptr<RequestCounts> counts_;                                        // of the router's routes
  std::map<std::pair<int, std::string_view>, telemetry::LogThrottle> failures_;  // by status and code
  std::shared_ptr<Mailbox> mailbox_;

  // A connection keeps its slot until it closes; ConnectionId finds it there.
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> streams_{0};
  std::atomic<std::size_t> in_flight_{0};
  std::vector<ReadBuffer> blocks_;  // free shared read buffers

  std::vector<IoThread*> others_;
  std::function<void()> on_saturated_;
  ThreadLoad load_;

  // Fairness.
  FairnessCounts fairness_;
  std::array<telemetry::LogThrottle, FairnessCounts::whys> eviction_logs_;
  HandshakeCounts handshakes_;
  std::array<telemetry::LogThrottle, HandshakeCounts::failures> handshake_logs_;
  std::vector<ConnectionId> dispensable_;  // found and not closed yet; the next one is the last
  // The sweep at which no dispensable connection was found, and for a newcomer with how many connections.
  std::uint64_t none_dispensable_at_ = 0;
  std::size_t none_dispensable_for_ = 0;
  std::deque<ConnectionId> to_admit_;
  boost::asio::steady_timer admission_timer_;
  bool evicting_ = false;
  std::atomic<bool> relief_requested_{false};
  std::atomic<bool> descriptor_requested_{false};

  HttpDate date_;
  std::string out_;
  std::uint64_t request_number_;

  boost::asio::steady_timer sweep_timer_;
  std::chrono::milliseconds sweep_interval_;
  bool sweep_armed_ = false;
  std::uint64_t sweeps_ = 0;

  // Accepting failed; the next sweep tries again. The failure is logged once until a connection is accepted.
  bool accepting_paused_ = false;
  bool pause_logged_ = false;
  bool stopping_ = false;
  std::size_t connections_cut_ = 0;
};

}  // namespace weir::http
