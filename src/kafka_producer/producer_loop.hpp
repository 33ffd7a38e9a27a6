// Runs a Producer on an io thread of the HTTP server, with its sockets and its timer.
//
// All appends of one turn of the event loop are sent together: append() posts one flush, which runs after the
// handlers that are ready now. The same thread handles a response of a broker, sends the next request and
// answers the clients. No work moves to another thread.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "http/io_task.hpp"
#include "kafka_producer/broker_connection.hpp"
#include "kafka_producer/producer.hpp"

namespace weir::kafka_producer {

class ProducerLoop final : public http::IoTask {
 public:
  struct Events {
    std::function<void(std::span<const WrittenTo>)> written;  // before the answers of the same records
    std::function<void(Answer)> answered;
    std::function<void()> brokers_lost;
    std::function<void(const ConnectionFailure&)> failed;
  };

  // The events are called on the io thread. `tls` is null for plain connections; else it must outlive the
  // loop.
  ProducerLoop(const ProducerSettings& settings, const tls::ClientContext* tls, Events events);
  ~ProducerLoop() override;

  void start(boost::asio::io_context& io) override;
  void stop() override;

  // The loop of this thread; null on threads that have none.
  [[nodiscard]] static ProducerLoop* of_this_thread();

  // On the loop's thread, between start() and stop().
  void append(intake::EventBatch events, intake::ReceiptCallback receive, std::size_t cost);
  // From any thread. False if the loop is not running: then nothing was taken from the arguments.
  [[nodiscard]] bool post(intake::EventBatch& events, intake::ReceiptCallback& receive, std::size_t cost);

 private:
  void pump();
  void execute(Command command);
  void schedule_tick();
  void flush();
  void schedule_flush();

  Producer producer_;
  const tls::ClientContext* const tls_;
  const Events events_;
  std::mutex mutex_;                       // guards io_ against post()
  boost::asio::io_context* io_ = nullptr;  // while running
  std::optional<boost::asio::steady_timer> timer_;
  std::optional<boost::asio::steady_timer> flush_timer_;
  MonoTime flush_timer_at_ = MonoTime::max();  // the time of flush_timer_; max while it does not run
  std::map<ConnectionId, std::shared_ptr<BrokerConnection>> connections_;
  bool flush_is_posted_ = false;
};

}  // namespace weir::kafka_producer
