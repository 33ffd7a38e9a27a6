// One client's connection: its requests are read, answered and forgotten one after the other, so that replies
// keep the order of the requests. While one is being answered nothing more is read: a client that sends
// faster than it is answered is held back by TCP.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <stop_token>
#include <string>

#include "http/client_table.hpp"
#include "http/exchange.hpp"
#include "http/io_thread.hpp"
#include "http/request_reader.hpp"
#include "http/stream.hpp"

namespace weir::http {

// Lives on its io thread. Every call may leave it closed(); then it is to be destroyed.
class Connection {
 public:
  static constexpr std::size_t request_id_bytes_max = 128;

  // `socket` does not block.
  Connection(IoThread& home, ConnectionId id, boost::asio::ip::tcp::socket socket, std::string peer,
             ClientTable::Holding holding);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void begin();
  // Instead of begin(): the server is full.
  void reject_overload();

  void on_readable(const boost::system::error_code& code);
  void on_writable(const boost::system::error_code& code);
  void on_reply(Reply reply);
  void on_stream();  // the writer of the stream has written something or ended it
  void on_sweep(std::uint64_t sweep);
  void on_stop();
  // It is to give back its memory: it is told so if that is possible, and closed. `code` is the reply's.
  void evict(std::string_view code);
  // It is closed for another one, unless it was idle and a request has come meanwhile.
  void make_way();

  [[nodiscard]] bool closed() const { return phase_ == Phase::closed; }
  [[nodiscard]] bool is_idle() const { return phase_ == Phase::idle && unsent_.empty(); }
  [[nodiscard]] bool is_answering() const { return phase_ == Phase::answering; }
  [[nodiscard]] std::uint64_t deadline() const { return deadline_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const ClientTable::Holding& holding() const { return holding_; }
  // Of what it holds, the bytes that closing it frees: not those of a request that is with its route.
  [[nodiscard]] std::size_t releasable_bytes() const;
  // The sweep at which it began to hold more than the minimum.
  [[nodiscard]] std::uint64_t holds_since() const { return holds_since_; }

 private:
  enum class Phase : std::uint8_t {
    idle,       // between two requests
    reading,    // some bytes of a request are there
    answering,  // a request is with its route
    streaming,  // the head of its reply is out, and the body is being written
    lingering,  // all is said; what still comes is dropped until the client hangs up
    closed,
  };

  // Requests.
  void serve();
  [[nodiscard]] RequestReader::Step read_request();
  [[nodiscard]] RequestReader::Step read_body();
  void answer();
  void run_filters();
  void assign_request_id();
  struct Refusal {
    int status = 0;
    std::string_view text;
    std::string_view code;  // of a 5xx
    bool close = true;
  };
  void refuse(const Refusal& refusal);
  void finish(Reply reply);
  void forget_request();
  void make_request_id();

  // Whether anybody waits for the reply.
  void watch_client();

  // Streams.
  void begin_stream(std::shared_ptr<StreamBody> body);
  void pump_stream();
  void end_stream();
  void release_stream();
  void stop_stream();
  void update_stream();

  // What follows: replies are sent, memory is given back, the next event is waited for.
  void settle();
  void flush();
  void set_deadline();
  void wait();
  void linger();
  void drop_what_comes();
  void close();

  // Memory.
  [[nodiscard]] bool receive();
  [[nodiscard]] bool make_room();
  void keep_rest();
  void resize_inbox(std::size_t capacity);
  void release_inbox();
  void account();
  [[nodiscard]] bool may_hold();
  [[nodiscard]] std::string& out();

  IoThread& home_;
  const ConnectionId id_;
  boost::asio::ip::tcp::socket socket_;
  const std::string peer_;

  Phase phase_ = Phase::idle;
  std::uint64_t deadline_ = 0;  // a sweep of its io thread
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool finished_one_ = false;  // since its reply has been sent nothing else happened
  bool last_ = false;          // after what is unsent nothing more is said

  // The bytes that came, from the request in hand on.
  ReadBuffer in_;          // none while idle
  bool is_block_ = false;  // it is one of the thread's blocks, to be given back
  std::size_t at_ = 0;     // where the request begins in it

  // The request in hand.
  RequestReader reader_;
  bool head_done_ = false;
  bool continue_sent_ = false;
  const Route* route_ = nullptr;
  std::size_t body_bytes_max_ = 0;
  std::optional<Reply> refused_by_filter_;

  // What the reply needs to know of its request, whose bytes are gone by then.
  struct RequestTraits {
    bool keep_alive = false;
    bool http_10 = false;
    bool by_head = false;
    bool cross_origin = false;
    std::string origin;             // of the page whose script asks, if it may; empty: none
    const Route* route = nullptr;   // null: none is for it
    std::optional<MonoTime> since;  // when it went to its route
    HeaderList reply_headers;       // that filters add
  };
  RequestTraits asked_;
  std::stop_source client_gone_{
      std::nostopstate};        // of the request that is being answered, if its route watches
  bool sending_ended_ = false;  // the last sweep saw that the client had closed its side
  std::array<char, request_id_bytes_max> request_id_{};
  std::size_t request_id_bytes_ = 0;

  std::shared_ptr<StreamBody> stream_;  // set while streaming

  std::string unsent_;    // what the socket did not take yet
  std::size_t sent_ = 0;  // of it

  ClientTable::Holding holding_;
  std::size_t in_flight_bytes_ = 0;  // of the body that is with its route
  std::uint64_t holds_since_ = 0;
};

}  // namespace weir::http
