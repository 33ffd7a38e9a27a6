#include "http/server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/ensure.hpp"
#include "http/io_thread.hpp"
#include "observe/exposition.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Tcp = asio::ip::tcp;
using Code = boost::system::error_code;

namespace {

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

std::string text_of(const Tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

std::unexpected<Error> cannot_listen(const Tcp::endpoint& endpoint, const Code& code) {
  std::string_view what = "address_unavailable";
  if (code == asio::error::address_in_use) what = "address_in_use";
  if (code == asio::error::access_denied) what = "port_refused";
  return fail(Move::ourselves, what, "cannot listen on " + text_of(endpoint) + ": " + code.message());
}

Code bind(Tcp::acceptor& acceptor, const Tcp::endpoint& endpoint, bool shared) {
  Code code;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(Tcp::acceptor::reuse_address(true), code);
  if (!code && shared) acceptor.set_option(ReusePort(true), code);
  if (!code) acceptor.set_option(Tcp::no_delay(true), code);  // what it accepts inherits it
  if (!code) acceptor.bind(endpoint, code);
  return code;
}

// With SO_REUSEPORT a second Weir of the same user would be let in on a port that is taken, and each would
// get half of the clients. Without it the kernel refuses: so the port is first asked for without.
Code ask_for_port(asio::io_context& io, Tcp::endpoint& endpoint) {
  Tcp::acceptor probe(io);
  Code code = bind(probe, endpoint, false);
  if (!code) endpoint = probe.local_endpoint(code);
  return code;
}

}  // namespace

// The io threads and the orderly way to their end.
struct Server::Threads {
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<IoThread>> io;
  std::vector<std::thread> running;

  std::mutex mutex;
  std::condition_variable left;
  std::size_t gone = 0;  // under the mutex: threads whose work is done
};

Server::Server(std::unique_ptr<Threads> threads) : threads_(std::move(threads)) {}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<Server>> Server::open(const ServerSettings& settings, const MakeRoutes& make_routes,
                                             observe::Log& log) {
  ensure(settings.threads > 0, "a server has a thread");
  Code code;
  const auto address = asio::ip::make_address(settings.bind_address, code);
  if (code)
    return fail(Move::caller, "address_invalid",
                "cannot listen on " + settings.bind_address + ": it is not an IP address");
  Tcp::endpoint endpoint(address, settings.port);

  auto threads = std::make_unique<Threads>();
  const auto count = static_cast<std::size_t>(settings.threads);
  // A thread must be able to hold one body as sent and as inflated, however many threads there are.
  const IoThread::Share share{
      .connections_max = std::max<std::size_t>(1, settings.connections_max / count),
      .held_bytes_max = std::max(settings.held_bytes_max / count, 4 * settings.body_bytes_max)};
  for (std::size_t thread = 0; thread < count; ++thread) {
    threads->io.push_back(std::make_unique<IoThread>(settings, share, log));
    asio::io_context& io = threads->io.back()->io();
    if (thread == 0 && count > 1) code = ask_for_port(io, endpoint);
    Tcp::acceptor acceptor(io);
    if (!code) code = bind(acceptor, endpoint, count > 1);
    if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
    if (!code) endpoint = acceptor.local_endpoint(code);
    if (code) return cannot_listen(endpoint, code);
    threads->io.back()->serve(std::move(acceptor), make_routes());
  }
  threads->port = endpoint.port();
  return std::unique_ptr<Server>(new Server(std::move(threads)));
}

void Server::start() {
  ensure(threads_->running.empty(), "a server starts once");
  for (const auto& io : threads_->io)
    threads_->running.emplace_back([&threads = *threads_, &io = *io] {
      io.run();
      const std::lock_guard lock(threads.mutex);
      ++threads.gone;
      threads.left.notify_all();
    });
}

std::uint16_t Server::port() const { return threads_->port; }

std::size_t Server::connections() const {
  std::size_t all = 0;
  for (const auto& io : threads_->io) all += io->connections();
  return all;
}

void Server::describe(observe::Exposition& into) const {
  into.gauge("weir_http_connections", "Connections that are open.", static_cast<double>(connections()));
  std::vector<const RequestCounts*> counts;
  for (const auto& io : threads_->io) counts.push_back(&io->counts());
  RequestCounts::describe(counts, into);
}

bool Server::stop(std::chrono::milliseconds patience) {
  if (threads_->running.empty()) return true;
  for (const auto& io : threads_->io) io->begin_stop();
  {
    std::unique_lock lock(threads_->mutex);
    threads_->left.wait_for(lock, patience, [this] { return threads_->gone == threads_->running.size(); });
  }
  std::size_t cut = 0;
  for (const auto& io : threads_->io) io->cut_off();
  for (std::thread& thread : threads_->running) thread.join();
  for (const auto& io : threads_->io) cut += io->cut();
  threads_->running.clear();
  return cut == 0;
}

}  // namespace weir::http
