// One thread of the server: its listener, its connections, and the mailbox through which replies come home.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/client_table.hpp"
#include "http/cors.hpp"
#include "http/eviction.hpp"
#include "http/exchange.hpp"
#include "http/http_date.hpp"
#include "http/mailbox.hpp"
#include "http/request_counts.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "telemetry/log_throttle.hpp"

namespace weir::http {

class Connection;

// Memory that requests are read into; limits::json_slack_bytes behind its capacity are readable.
struct ReadBuffer {
  std::unique_ptr<char[]> bytes;
  std::size_t capacity = 0;
  std::size_t size = 0;

  [[nodiscard]] static ReadBuffer of(std::size_t capacity);
};

// What an io thread did so that its clients share fairly. Only its thread writes; any thread reads.
struct FairnessCounts {
  enum Why : std::uint8_t { address_bytes, total_bytes, connections, descriptors, stream_bytes, whys };

  std::atomic<std::uint64_t> reads_paused{0};
  std::array<std::atomic<std::uint64_t>, whys> evicted{};  // connections, by why
};

// Born and wired on one thread, then run() on its own, where everything but the orders is called.
class IoThread {
 public:
  using Tcp = boost::asio::ip::tcp;

  static constexpr std::size_t block_bytes = 16 * limits::KiB;

  // `clients` is shared with the server's other io threads, which `others` names once all are made.
  IoThread(const ServerSettings& settings, std::size_t connections_max, ClientTable& clients,
           telemetry::Logger& logger);
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread();

  // Before run().
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  void serve(Tcp::acceptor acceptor, std::vector<Route> routes);
  void set_others(std::vector<IoThread*> others) { others_ = std::move(others); }

  void run();  // until stopped and the last connection is gone

  // Orders, from any thread.
  void begin_stop();            // takes no more connections, finishes what is under way
  void cut_off();               // hangs up on all
  void relieve_soon();          // closes holders of much memory, if a limit is exceeded
  void free_descriptor_soon();  // closes a connection that is idle
  [[nodiscard]] std::size_t connections() const { return open_.load(std::memory_order_relaxed); }

  [[nodiscard]] const RequestCounts& counts() const { return *counts_; }
  [[nodiscard]] const FairnessCounts& fairness() const { return fairness_; }
  [[nodiscard]] std::size_t streams() const { return streams_.load(std::memory_order_relaxed); }

  // How many connections cut_off() found. After run().
  [[nodiscard]] std::size_t cut() const { return cut_; }

  // What its connections live on.
  [[nodiscard]] const ServerSettings& settings() const { return settings_; }
  [[nodiscard]] const Router& router() const { return *router_; }
  [[nodiscard]] const CorsPolicy& cors() const { return cors_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] std::string& out() { return out_; }
  [[nodiscard]] std::optional<Reply> ask(ConnectionId id, const Route& route, const Request& request);
  // The first reply of the route's filters, if one of them refuses the request.
  [[nodiscard]] std::optional<Reply> run_filters(const Route& route, const Request& head,
                                                 HeaderList& reply_headers);
  [[nodiscard]] ReadBuffer take_block();
  void give_block(ReadBuffer block);
  // A limit is exceeded of which `asking`, which is being served, is part: closes those that hold most, here
  // and then on the other threads. False if `asking` is the one to give something up, or if nothing else
  // could be found. Others are closed meanwhile, so out() must be empty.
  [[nodiscard]] bool relieve(const Connection& asking);
  void note_paused_read();
  void note_slow_stream(const std::string& peer);
  void count_stream(int change);
  // What a stream's writer calls for the connection, from any thread.
  [[nodiscard]] std::function<void()> stream_notifier(ConnectionId id) const;
  [[nodiscard]] std::uint64_t next_request_number() { return ++request_number_; }
  [[nodiscard]] std::string_view date(WallTime now) { return date_.text(now); }
  // What became of a request: counted, and said if it failed. `route` is null if there was none for it,
  // and `since` is when it went there.
  void note(const Route* route, const Reply& reply, std::string_view request_id,
            std::optional<MonoTime> since, MonoTime now);
  void wait_readable(Tcp::socket& socket, ConnectionId id);
  void wait_writable(Tcp::socket& socket, ConnectionId id);

  // Time is counted in sweeps here, so that a request costs no look at the clock: the sweep at which
  // something that may take so long is over.
  [[nodiscard]] std::uint64_t sweep_after(std::chrono::milliseconds time) const;
  [[nodiscard]] std::uint64_t sweeps() const { return sweeps_; }

 private:
  struct Slot {
    std::uint32_t generation = 0;
    std::unique_ptr<Connection> connection;
  };

  void accept();
  void on_accept(const boost::system::error_code& code, Tcp::socket socket);
  void on_accept_failed(const boost::system::error_code& code);
  void add(Tcp::socket socket);
  [[nodiscard]] bool make_way(std::size_t newcomer_connections, FairnessCounts::Why why);
  void find_dispensable(const Newcomer& newcomer);
  [[nodiscard]] std::optional<OpenConnection> as_open(std::uint32_t slot) const;
  [[nodiscard]] bool evict_holders(const Connection* asking);
  void note_eviction(FairnessCounts::Why why, const std::string& peer);
  template <class Event>
  void happen(ConnectionId id, Event&& event);
  template <class Event>
  void happen_to_all(Event&& event);
  void evict(ConnectionId id);
  void close_for_another(ConnectionId id);
  void remove(ConnectionId id);
  void deliver_mail();
  void arm_sweep();
  void sweep();
  void leave_if_done();
  void say_failure(const Route* route, const Reply& reply, std::string_view request_id, MonoTime now);

  const ServerSettings settings_;
  const std::size_t connections_max_;  // of this thread
  ClientTable& clients_;
  telemetry::Logger& logger_;
  const CorsPolicy cors_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> staying_;
  std::optional<Tcp::acceptor> acceptor_;
  Tcp::endpoint peer_;  // of the connection that is being accepted
  std::unique_ptr<Router> router_;
  std::unique_ptr<RequestCounts> counts_;                                        // of the router's routes
  std::map<std::pair<int, std::string_view>, telemetry::LogThrottle> failures_;  // by status and code
  std::shared_ptr<Mailbox> mailbox_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> streams_{0};
  std::vector<ReadBuffer> blocks_;

  // Fairness.
  std::vector<IoThread*> others_;
  FairnessCounts fairness_;
  std::array<telemetry::LogThrottle, FairnessCounts::whys> evictions_;  // of the log's lines
  std::vector<ConnectionId> dispensable_;  // found and not closed yet, the first one last
  std::uint64_t none_dispensable_at_ = 0;  // the sweep at which none was found, and for how many connections
  std::size_t none_dispensable_for_ = 0;
  bool evicting_ = false;
  std::atomic<bool> asked_to_relieve_{false};  // by another thread, and not done yet
  std::atomic<bool> asked_for_descriptor_{false};

  HttpDate date_;
  std::string out_;  // replies on their way out, of the connection that is being served
  std::uint64_t request_number_;

  boost::asio::steady_timer sweep_timer_;
  std::chrono::milliseconds sweep_interval_;
  bool sweep_armed_ = false;
  std::uint64_t sweeps_ = 0;

  bool accepting_paused_ = false;
  bool pause_said_ = false;
  bool stopping_ = false;
  std::size_t cut_ = 0;
};

}  // namespace weir::http
