// One client's connection. It reads a request, replies, and then reads the next one, so that replies have the
// order of the requests. While a request is being handled nothing more is read: TCP flow control slows a
// client down that sends faster than it is answered.
#pragma once

#include <array>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "http/client_socket.hpp"
#include "http/client_table.hpp"
#include "http/exchange.hpp"
#include "http/io_thread.hpp"
#include "http/request_reader.hpp"
#include "http/stream.hpp"

namespace weir::http {

// Used on its io thread only, which owns it. Each function handles one event and does not block. After an
// event the connection may be closed(); then the io thread destroys it.
//
// Deadlines (ServerSettings): idle_deadline between two requests; request_deadline from the first byte of a
// request to the last byte of its reply; linger_deadline after the last reply; handshake_deadline for the TLS
// handshake. A request that exceeds its deadline gets 408 or 500, if nothing of a reply was sent yet, and the
// connection closes.
//
// Memory, in the worst case: one incomplete request with its body, the decompressed body, and 64 KiB of
// unsent pipelined replies, or one larger reply. All of it counts for the client (client_table.hpp).
class Connection {
 public:
  static constexpr std::size_t request_id_bytes_max = 128;

  Connection(IoThread& io_thread, ConnectionId id, ClientSocket socket, const IpAddress& peer,
             ClientTable::Holding holding);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The first event: waits for a request, after the handshake if the socket has a TLS session. If connections
  // of its address were closed for memory, it first waits for admit().
  void begin();
  // The wait is over.
  void admit();
  // The first event, instead of begin(), of a connection that another io thread has served before.
  void resume();
  // The first event, instead of begin(), when the server is full: replies 503 and closes.
  void reject_overload();

  // The socket is ready, or has failed.
  void on_readable(const boost::system::error_code& code);
  void on_writable(const boost::system::error_code& code);
  // The handler has replied after it returned.
  void on_reply(Reply reply);
  // The writer of the stream has written something or ended it.
  void on_stream();
  // Checks the deadline and whether the client is still connected.
  void on_sweep(std::uint64_t sweep);
  // The server stops: closes now if idle, else after the current request.
  void on_stop();
  // Releases the connection's memory: replies an error with this code if possible, and closes.
  void evict(std::string_view code);
  // Closes, unless it is idle and a request has arrived by now; then it serves that.
  void close_for_newcomer();

  // Another io thread serves this client from its next request on. The io thread calls hand_over() after an
  // event as soon as is_leaving() returns true.
  void leave_for(IoThread& next) { next_thread_ = &next; }
  [[nodiscard]] bool is_leaving() const {
    return next_thread_ != nullptr && is_idle() && !close_after_reply_ && !socket_.has_input() &&
           !socket_.waits_to_write();
  }
  void hand_over();

  [[nodiscard]] bool closed() const { return phase_ == Phase::closed; }
  // Between two requests, with all replies sent.
  [[nodiscard]] bool is_idle() const { return phase_ == Phase::idle && unsent_.empty(); }
  // A request is being handled.
  [[nodiscard]] bool is_handling() const { return phase_ == Phase::handling; }
  [[nodiscard]] std::uint64_t deadline() const { return deadline_; }
  [[nodiscard]] std::string peer() const { return peer_.text(); }
  [[nodiscard]] const ClientTable::Holding& holding() const { return holding_; }
  // It is closed because it holds too much.
  void record_closing(MonoTime now) { holding_.record_closing(now); }
  // The bytes that closing the connection frees. Those of a request that is being handled are not part of it.
  [[nodiscard]] std::size_t releasable_bytes() const;
  // The sweep since which it has held more than limits::connection_bytes_min.
  [[nodiscard]] std::uint64_t holds_since() const { return holds_since_; }

 private:
  enum class Phase : std::uint8_t {
    waiting,      // nothing is read yet: connections of its address were closed for memory (client_table.hpp)
    handshaking,  // its TLS session begins (connection_handshake.cpp)
    idle,         // between two requests
    reading,      // a request has begun to arrive
    handling,     // a handler has the request
    streaming,    // the head of the reply is written, and its body follows (connection_stream.cpp)
    lingering,    // the last reply is sent; further input is discarded until the client closes
    closed,
  };

  struct Refusal {
    int status = 0;
    std::string_view text;
    std::string_view code;  // for the log, of a 5xx
    bool close = true;
  };
  // What the reply depends on. It is copied from the request, whose bytes may be gone by then.
  struct RequestTraits {
    bool keep_alive = false;
    bool http_10 = false;
    bool is_head = false;
    bool cross_origin = false;
    std::string origin;             // the allowed Origin of the request; empty: none
    const Route* route = nullptr;   // null: the request has no route
    std::optional<MonoTime> since;  // when the handler was called
    HeaderList reply_headers;       // added by filters
  };

  // Requests. serve() is the loop; the others are its steps in order.
  void serve();
  [[nodiscard]] RequestReader::Step read_request();
  void on_head();
  [[nodiscard]] RequestReader::Step read_body();
  void handle_request();
  void run_filters();
  void assign_request_id();
  void make_request_id();
  void begin_request();
  void refuse(const Refusal& refusal);
  void allow_origin_of_partial_head();
  void write_reply(Reply reply);
  void reset_request();
  [[nodiscard]] bool can_refuse() const;
  void watch_client();

  // TLS (connection_handshake.cpp).
  void begin_handshake();
  void continue_handshake();
  void end_handshake();
  void fail_handshake(tls::HandshakeFailure failure);

  // Streams (connection_stream.cpp).
  void begin_stream(std::shared_ptr<StreamBody> body);
  void pump_stream();
  void end_stream();
  void release_stream();
  void stop_stream();
  void update_stream();

  // The end of an event (connection_output.cpp).
  void finish_event();
  void flush();
  void update_deadline();
  void wait();
  void linger();
  void discard_input();
  void close();

  // Memory (connection_memory.cpp).
  [[nodiscard]] bool receive();
  [[nodiscard]] bool grow_buffer();
  void keep_unread();
  void resize_buffer(std::size_t capacity);
  void release_buffer();
  void update_holding();
  [[nodiscard]] bool is_within_limits();
  [[nodiscard]] std::string& out();

  IoThread& io_thread_;
  const ConnectionId id_;
  ClientSocket socket_;
  const IpAddress peer_;
  IoThread* next_thread_ = nullptr;  // null: it stays

  Phase phase_ = Phase::idle;
  // The sweep at which the connection closes.
  std::uint64_t deadline_ = 0;
  static constexpr std::uint64_t no_deadline = std::numeric_limits<std::uint64_t>::max();
  // Whether the io thread will call on_readable() and on_writable().
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  // A reply is complete, and the deadline of the next request is not set yet.
  bool reply_finished_ = false;
  // The server was full when it came.
  bool is_rejected_ = false;
  // Nothing is written after what is unsent.
  bool close_after_reply_ = false;

  // The received bytes, from the current request on.
  // Empty while idle.
  ReadBuffer in_;
  // in_ is a shared buffer of the io thread, to be returned.
  bool is_block_ = false;
  // The start of the current request in in_.
  std::size_t at_ = 0;

  // The current request.
  RequestReader reader_;
  bool head_done_ = false;
  // A request was counted, and its reply is not written yet.
  bool has_request_ = false;
  bool continue_sent_ = false;
  const Route* route_ = nullptr;
  std::size_t body_bytes_max_ = 0;
  std::optional<Reply> refused_by_filter_;

  // The request whose reply is outstanding.
  RequestTraits traits_;
  std::stop_source client_gone_{std::nostopstate};  // without state, unless its route has watch_client
  bool half_closed_ = false;                        // the last sweep saw that the client sends no more
  std::array<char, request_id_bytes_max> request_id_{};
  std::size_t request_id_bytes_ = 0;

  std::shared_ptr<StreamBody> stream_;  // set while streaming

  // Output that the socket has not accepted, and how much of it the socket has accepted since.
  std::string unsent_;
  std::size_t sent_ = 0;

  ClientTable::Holding holding_;
  // The size of the body that a handler holds. It counts for the client although the connection has released
  // it.
  std::size_t handling_bytes_ = 0;
  std::uint64_t holds_since_ = 0;
};

}  // namespace weir::http
