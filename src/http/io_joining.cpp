// The part of an io thread that lets it join the threads that serve, and move connections to a thread that
// joins (docs/adr/0017-io-threads-join-when-needed.md). begin_accepting(), share_with() and adopt() post to
// the io thread.
#include <boost/asio/post.hpp>

#include "http/connection.hpp"
#include "http/io_thread.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;

void IoThread::set_others(std::vector<IoThread*> others, std::function<void()> on_saturated) {
  others_ = std::move(others);
  on_saturated_ = std::move(on_saturated);
}

void IoThread::begin_accepting() {
  asio::post(io_, [this] {
    if (stopping_ || std::exchange(accepts_, true)) return;
    Code code;
    acceptor_->listen(asio::socket_base::max_listen_connections, code);
    if (code) logger_.error("an io thread cannot listen", {{"reason", code.message()}});
    if (!code) accept();
  });
}

void IoThread::share_with(IoThread& other, std::size_t nth) {
  asio::post(io_, [this, &other, nth] {
    load_.reset();
    std::size_t number = 0;
    for (const Slot& slot : slots_)
      if (slot.connection && ++number % nth == 0) slot.connection->leave_for(other);
  });
}

void IoThread::adopt(MovedConnection moving) {
  asio::post(io_, [this, moved = std::make_unique<MovedConnection>(std::move(moving))] {
    if (stopping_) return;
    Code code;
    Tcp::socket socket(io_);
    socket.assign(acceptor_->local_endpoint().protocol(), moved->socket.descriptor(), code);
    if (code) return;
    moved->socket.forget_descriptor();
    socket.non_blocking(true, code);
    const ConnectionId id =
        place({std::move(socket), std::move(moved->socket.tls)}, moved->peer, std::move(moved->holding));
    resume(id);
  });
}

}  // namespace weir::http
