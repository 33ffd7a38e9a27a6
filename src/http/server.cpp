// The calling thread opens the listeners and makes the routes of all io threads, start() then runs each io
// thread on its own std::thread. stop() posts to the io threads and waits until all of them have returned
// from run(), or the timeout; then it closes the connections that are left and joins the threads.
#include "http/server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <mutex>
#include <netinet/tcp.h>
#include <thread>

#include "base/ensure.hpp"
#include "http/io_thread.hpp"
#include "telemetry/exposition.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Tcp = asio::ip::tcp;
using Code = boost::system::error_code;

namespace {

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Bounds the unsent bytes that the kernel buffers for a connection; sent bytes without an acknowledgement
// come on top. The kernel's default would let them grow to 4 MB a connection (tcp_wmem).
using NotSentLowWater = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
constexpr int not_sent_bytes_max = 128 * 1024;

// "127.0.0.1:8080", "[::1]:8080"
std::string text_of(const Tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

std::unexpected<Error> cannot_listen(const Tcp::endpoint& endpoint, const Code& code) {
  std::string_view what = "address_unavailable";
  if (code == asio::error::address_in_use) what = "address_in_use";
  if (code == asio::error::access_denied) what = "port_refused";
  return fail(ErrorKind::internal, what, "cannot listen on " + text_of(endpoint) + ": " + code.message());
}

Code bind(Tcp::acceptor& acceptor, const Tcp::endpoint& endpoint, bool shared) {
  Code code;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(Tcp::acceptor::reuse_address(true), code);
  if (!code && shared) acceptor.set_option(ReusePort(true), code);
  if (!code) acceptor.set_option(Tcp::no_delay(true), code);  // accepted sockets inherit it
  if (!code) acceptor.set_option(NotSentLowWater(not_sent_bytes_max), code);
  if (!code) acceptor.bind(endpoint, code);
  return code;
}

// With SO_REUSEPORT the kernel lets a second Weir of the same user bind the same port. Each would get half of
// the clients. So the port is bound once without the option, which fails if it is in use.
Code check_port(asio::io_context& io, Tcp::endpoint& endpoint) {
  Tcp::acceptor probe(io);
  Code code = bind(probe, endpoint, false);
  if (!code) endpoint = probe.local_endpoint(code);
  return code;
}

// Large bodies raise the limits (ServerSettings::held_bytes_max).
ClientTable::Limits client_limits(const ServerSettings& settings) {
  const std::size_t address_bytes_max =
      std::max(settings.address_held_bytes_max, 3 * settings.body_bytes_max);
  return {.address_bytes_max = address_bytes_max,
          .total_bytes_max = std::max(settings.held_bytes_max, 2 * address_bytes_max)};
}

}  // namespace

// The io threads, and what they share.
struct Server::Threads {
  Threads(ClientTable::Limits limits, std::vector<std::string> cors_origins)
      : clients(limits), cors(std::make_shared<const CorsPolicy>(std::move(cors_origins))) {}

  // Gives each io thread the list of the others.
  void connect_threads() {
    for (const auto& one : io) {
      std::vector<IoThread*> others;
      for (const auto& other : io)
        if (other != one) others.push_back(other.get());
      std::function<void()> on_saturated;
      if (serving < io.size()) on_saturated = [this] { add_serving_thread(); };
      one->set_others(std::move(others), std::move(on_saturated));
    }
  }

  // Called on any thread. Of two calls at the same time one has an effect.
  void add_serving_thread() {
    std::size_t before = serving;
    if (before == io.size() || !serving.compare_exchange_strong(before, before + 1)) return;
    io[before]->begin_accepting();
    for (std::size_t thread = 0; thread < before; ++thread) io[thread]->share_with(*io[before], before + 1);
  }

  void collect_fairness(telemetry::Exposition& into) const {
    into.gauge("weir_http_client_addresses", "Client addresses with open connections (IPv6: /64 networks).",
               static_cast<double>(clients.addresses()));
    into.gauge(
        "weir_http_held_bytes",
        "Bytes that clients hold: unread requests, requests in flight, unsent replies; at least 8 KiB for "
        "each connection.",
        static_cast<double>(clients.bytes()));
    std::uint64_t paused = 0;
    for (const auto& one : io) paused += one->fairness().reads_paused;
    into.counter("weir_http_reads_paused_total",
                 "Times that reading a connection paused because its client did not read the replies.",
                 static_cast<double>(paused));
    std::uint64_t delayed = 0;
    for (const auto& one : io) delayed += one->fairness().newcomers_delayed;
    into.counter("weir_http_newcomers_delayed_total",
                 "New connections that waited, because many connections of their address were closed for "
                 "memory.",
                 static_cast<double>(delayed));
    constexpr std::array<std::string_view, FairnessCounts::whys> reasons{
        "address_bytes", "total_bytes", "connections", "descriptors", "stream_bytes"};
    for (std::size_t why = 0; why < reasons.size(); ++why) {
      std::uint64_t evicted = 0;
      for (const auto& one : io) evicted += one->fairness().evicted[why];
      into.counter("weir_http_connections_evicted_total",
                   "Connections that were closed so that others are served, by the limit that was reached.",
                   static_cast<double>(evicted), {{"reason", reasons[why]}});
    }
  }

  void collect_handshakes(telemetry::Exposition& into) const {
    const auto expiry = std::chrono::duration<double>(identity->facts().not_after.time_since_epoch());
    into.gauge("weir_http_tls_certificate_expiry_timestamp_seconds",
               "When the certificate in TLS_CERT expires, in seconds since 1970.", expiry.count());
    std::uint64_t completed = 0;
    for (const auto& one : io) completed += one->handshakes().completed;
    into.counter("weir_http_tls_handshakes_total", "TLS handshakes that were completed.",
                 static_cast<double>(completed));
    for (std::size_t failure = 0; failure < HandshakeCounts::failures; ++failure) {
      std::uint64_t failed = 0;
      for (const auto& one : io) failed += one->handshakes().failed[failure];
      into.counter("weir_http_tls_handshake_failures_total",
                   "TLS handshakes that failed, by reason; plain_http: the client did not use https://.",
                   static_cast<double>(failed),
                   {{"reason", tls::failure_name(static_cast<tls::HandshakeFailure>(failure))}});
    }
  }

  const tls::ServerIdentity* identity = nullptr;  // null: plain HTTP
  std::uint16_t port = 0;
  ClientTable clients;
  Published<CorsPolicy> cors;
  std::vector<std::unique_ptr<IoThread>> io;
  std::atomic<std::size_t> serving{0};  // the number of io threads that accept connections: the first of `io`
  std::vector<std::thread> running;     // empty before start() and after stop()

  std::mutex mutex;
  std::condition_variable thread_finished;
  std::size_t finished = 0;  // threads that have returned from run(); under the mutex
};

Server::Server(std::unique_ptr<Threads> threads) : threads_(std::move(threads)) {}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<Server>> Server::open(const ServerSettings& settings, const MakeRoutes& make_routes,
                                             telemetry::Logger& logger, const MakeIoTask& make_task) {
  ensure(settings.threads_at_start > 0 && settings.threads_at_start <= settings.threads,
         "a server has at least one serving thread");
  Code code;
  const auto address = asio::ip::make_address(settings.bind_address, code);
  if (code)
    return fail(ErrorKind::invalid, "address_invalid",
                "cannot listen on " + settings.bind_address + ": it is not an IP address");
  Tcp::endpoint endpoint(address, settings.port);

  auto threads = std::make_unique<Threads>(client_limits(settings), settings.cors_origins);
  const auto count = static_cast<std::size_t>(settings.threads);
  const auto serving = static_cast<std::size_t>(settings.threads_at_start);
  for (std::size_t thread = 0; thread < count; ++thread) {
    threads->io.push_back(std::make_unique<IoThread>(settings, threads->clients, threads->cors, logger));
    asio::io_context& io = threads->io.back()->io();
    if (thread == 0 && count > 1) code = check_port(io, endpoint);
    Tcp::acceptor acceptor(io);
    if (!code) code = bind(acceptor, endpoint, count > 1);
    if (!code && thread < serving) acceptor.listen(asio::socket_base::max_listen_connections, code);
    if (!code) endpoint = acceptor.local_endpoint(code);
    if (code) return cannot_listen(endpoint, code);
    threads->io.back()->serve(std::move(acceptor), make_routes(), make_task ? make_task() : nullptr);
  }
  threads->serving = serving;
  threads->connect_threads();
  threads->identity = settings.identity;
  threads->port = endpoint.port();
  return std::unique_ptr<Server>(new Server(std::move(threads)));
}

void Server::start() {
  ensure(threads_->running.empty(), "a server is started once");
  for (std::size_t thread = 0; thread < threads_->serving; ++thread) threads_->io[thread]->begin_accepting();
  for (const auto& io : threads_->io)
    threads_->running.emplace_back([&threads = *threads_, &io = *io] {
      io.run();
      const std::lock_guard lock(threads.mutex);
      ++threads.finished;
      threads.thread_finished.notify_all();
    });
}

void Server::add_serving_thread() { threads_->add_serving_thread(); }

void Server::set_cors_origins(std::vector<std::string> origins) {
  threads_->cors.publish(std::make_shared<const CorsPolicy>(std::move(origins)));
}

std::uint16_t Server::port() const { return threads_->port; }

std::size_t Server::connections() const {
  std::size_t all = 0;
  for (const auto& io : threads_->io) all += io->connections();
  return all;
}

void Server::collect(telemetry::Exposition& into) const {
  into.gauge("weir_http_serving_threads", "io threads that accept connections.",
             static_cast<double>(threads_->serving));
  into.gauge("weir_http_connections", "Open connections.", static_cast<double>(connections()));
  std::size_t streams = 0;
  for (const auto& io : threads_->io) streams += io->streams();
  into.gauge("weir_http_streams", "Replies that are being streamed.", static_cast<double>(streams));
  std::size_t in_flight = 0;
  for (const auto& io : threads_->io) in_flight += io->in_flight();
  into.gauge("weir_http_requests_in_flight", "Requests whose reply waits for the log, the store or a thread.",
             static_cast<double>(in_flight));
  threads_->collect_fairness(into);
  if (threads_->identity != nullptr) threads_->collect_handshakes(into);
  std::vector<const RequestCounts*> counts;
  for (const auto& io : threads_->io) counts.push_back(&io->counts());
  RequestCounts::collect(counts, into);
}

bool Server::stop(std::chrono::milliseconds timeout) {
  if (threads_->running.empty()) return true;
  for (const auto& io : threads_->io) io->begin_stop();
  {
    std::unique_lock lock(threads_->mutex);
    threads_->thread_finished.wait_for(lock, timeout,
                                       [this] { return threads_->finished == threads_->running.size(); });
  }
  std::size_t cut = 0;
  for (const auto& io : threads_->io) io->close_all();
  for (std::thread& thread : threads_->running) thread.join();
  for (const auto& io : threads_->io) cut += io->connections_cut();
  threads_->running.clear();
  return cut == 0;
}

}  // namespace weir::http
