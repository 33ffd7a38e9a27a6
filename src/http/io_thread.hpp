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
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/exchange.hpp"
#include "http/request_counts.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "observe/occurrence.hpp"

namespace weir::http {

class Connection;

// A connection by its place and how often that place was taken: whoever comes late finds that it is gone.
struct ConnectionId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// Where other threads leave replies. A knock is given only when the box was empty, so that a burst of replies
// costs one wake-up. Outlives its io thread as long as a reply is still owed.
class Mailbox {
 public:
  struct Letter {
    ConnectionId to;
    Reply reply;
  };

  // `knock` makes the io thread take_all(); it is called from any thread, under the box's lock.
  explicit Mailbox(std::function<void()> knock) : knock_(std::move(knock)) {}

  void put(ConnectionId to, Reply reply);

  // The rest is for the io thread, which says once that it is the one.
  void belong_to_this_thread();
  [[nodiscard]] std::vector<Letter> take_all();
  void close();  // what is put from now on is dropped

  // Hands the request over, and returns the reply if it was given before `handle` returned.
  // A handler that throws is said in the log, and its request has a 500.
  [[nodiscard]] static std::optional<Reply> ask(const std::shared_ptr<Mailbox>& box, ConnectionId id,
                                                const Route& route, const Request& request,
                                                observe::Log& log);

 private:
  class Responder;

  std::mutex mutex_;  // guards the next two
  std::function<void()> knock_;
  std::vector<Letter> letters_;

  std::atomic<std::thread::id> asking_thread_;
  // Of the io thread: the request that is being handed over, and its reply if it comes at once.
  std::optional<ConnectionId> asking_;
  std::optional<Reply> at_once_;
};

// Memory that requests are read into; limits::json_slack_bytes behind its capacity are readable.
struct Inbox {
  std::unique_ptr<char[]> bytes;
  std::size_t capacity = 0;
  std::size_t size = 0;

  [[nodiscard]] static Inbox of(std::size_t capacity);
};

// Born and wired on one thread, then run() on its own, where everything but the three orders is called.
class IoThread {
 public:
  using Tcp = boost::asio::ip::tcp;

  static constexpr std::size_t block_bytes = 16 * limits::KiB;

  struct Share {  // of what the server may have
    std::size_t connections_max = 0;
    std::size_t held_bytes_max = 0;
  };

  IoThread(const ServerSettings& settings, Share share, observe::Log& log);
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread();

  // Before run().
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  void serve(Tcp::acceptor acceptor, std::vector<Route> routes);

  void run();  // until stopped and the last connection is gone

  // Orders, from any thread.
  void begin_stop();  // takes no more connections, finishes what is under way
  void cut_off();     // hangs up on all
  [[nodiscard]] std::size_t connections() const { return open_.load(std::memory_order_relaxed); }

  [[nodiscard]] const RequestCounts& counts() const { return *counts_; }

  // How many connections cut_off() found. After run().
  [[nodiscard]] std::size_t cut() const { return cut_; }

  // What its connections live on.
  [[nodiscard]] const ServerSettings& settings() const { return settings_; }
  [[nodiscard]] const Router& router() const { return *router_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] std::string& out() { return out_; }
  [[nodiscard]] std::optional<Reply> ask(ConnectionId id, const Route& route, const Request& request);
  [[nodiscard]] Inbox take_block();
  void give_block(Inbox block);
  void hold(std::ptrdiff_t bytes) { held_bytes_ += static_cast<std::size_t>(bytes); }
  [[nodiscard]] bool holds_too_much() const { return held_bytes_ > share_.held_bytes_max; }
  [[nodiscard]] std::uint64_t next_request_number() { return ++request_number_; }
  // What became of a request: counted, and said if it failed. `route` is null if there was none for it,
  // and `since` is when it went there.
  void note(const Route* route, const Reply& reply, std::string_view request_id,
            std::optional<MonoTime> since);
  void wait_readable(Tcp::socket& socket, ConnectionId id);
  void wait_writable(Tcp::socket& socket, ConnectionId id);

  // Time is counted in sweeps here, so that a request costs no look at the clock: the sweep at which
  // something that may take so long is over.
  [[nodiscard]] std::uint64_t sweep_after(std::chrono::milliseconds time) const;

 private:
  struct Slot {
    std::uint32_t generation = 0;
    std::unique_ptr<Connection> connection;
  };

  void accept();
  void on_accept(const boost::system::error_code& code, Tcp::socket socket);
  void pause_accepting(const boost::system::error_code& code);
  void add(Tcp::socket socket);
  template <class Event>
  void happen(ConnectionId id, Event&& event);
  template <class Event>
  void happen_to_all(Event&& event);
  void remove(ConnectionId id);
  void deliver_mail();
  void arm_sweep();
  void sweep();
  void leave_if_done();
  void say_failure(const Route* route, const Reply& reply, std::string_view request_id, MonoTime now);

  const ServerSettings settings_;
  const Share share_;
  observe::Log& log_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> staying_;
  std::optional<Tcp::acceptor> acceptor_;
  Tcp::endpoint peer_;  // of the connection that is being accepted
  std::unique_ptr<Router> router_;
  std::unique_ptr<RequestCounts> counts_;                                     // of the router's routes
  std::map<std::pair<int, std::string_view>, observe::Occurrence> failures_;  // by status and code
  std::shared_ptr<Mailbox> mailbox_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::atomic<std::size_t> open_{0};
  std::vector<Inbox> blocks_;
  std::size_t held_bytes_ = 0;
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
