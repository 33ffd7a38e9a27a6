// A load generator for the benchmarks: one thread, keep-alive connections, one request under way on each.
//
//   weir_load --port P --connections N --seconds S --events FILE [--rate R] [--batch K] [--gzip] [--key K]
//
// FILE has one event a line. With --batch, a request has K events (NDJSON to /activities), otherwise one (to
// /activity). Without --rate each connection sends its next request when it has the reply to the last one.
// With --rate, R events a second become due at equal distances, and the latency counts from the moment at
// which a request was due, whether or not a connection was free. The timestamps of the events are replaced by
// the present time, except in gzip'd bodies. The last line of the output is a JSON object.
#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 0;
  std::size_t connections = 1;
  double seconds = 1;
  double rate = 0;  // events a second; 0: as fast as the replies come
  std::size_t batch = 1;
  bool gzip = false;
  std::string events;
  std::string key;  // the header X-Api-Key; empty: none
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "weir_load: %s\n", why.c_str());
  std::exit(1);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int at = 1; at < argc; ++at) {
    const std::string name = argv[at];
    if (name == "--gzip") {
      options.gzip = true;
      continue;
    }
    if (at + 1 == argc) die(name + " needs a value");
    const char* const value = argv[++at];
    if (name == "--port")
      options.port = std::atoi(value);
    else if (name == "--connections")
      options.connections = std::strtoul(value, nullptr, 10);
    else if (name == "--seconds")
      options.seconds = std::atof(value);
    else if (name == "--rate")
      options.rate = std::atof(value);
    else if (name == "--batch")
      options.batch = std::strtoul(value, nullptr, 10);
    else if (name == "--events")
      options.events = value;
    else if (name == "--key")
      options.key = value;
    else
      die("unknown option " + name);
  }
  if (options.port == 0 || options.connections == 0 || options.batch == 0) die("a value is 0");
  return options;
}

std::string compress(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Request {
  std::string bytes;
  std::vector<std::size_t> stamps;  // where the timestamps begin
};

constexpr std::string_view stamp_member = "\"timestamp\":\"";
constexpr std::size_t stamp_bytes = 24;  // 2026-11-30T12:00:00.000Z

std::vector<Request> make_requests(const Options& options) {
  std::ifstream file(options.events);
  std::vector<Request> requests;
  std::string line;
  std::string body;
  std::size_t events = 0;
  while (std::getline(file, line)) {
    body += line;
    if (options.batch > 1) body += '\n';
    if (++events % options.batch != 0) continue;
    if (options.gzip) body = compress(body);
    Request& request = requests.emplace_back();
    request.bytes = std::string("POST ") + (options.batch > 1 ? "/activities" : "/activity") +
                    " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/" +
                    (options.batch > 1 ? "x-ndjson" : "json") +
                    (options.gzip ? "\r\nContent-Encoding: gzip" : "") +
                    (options.key.empty() ? "" : "\r\nX-Api-Key: " + options.key) +
                    "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (!options.gzip) {
      std::size_t at = 0;
      while ((at = request.bytes.find(stamp_member, at)) != std::string::npos)
        request.stamps.push_back(at += stamp_member.size());
    }
    body.clear();
  }
  if (requests.empty()) die("too few events in " + options.events);
  return requests;
}

// The present time as RFC 3339, made once a millisecond.
class Stamp {
 public:
  const char* text() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const long long ms = now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
    if (ms == at_) return text_;
    at_ = ms;
    tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    char seconds[24];
    std::strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text_, sizeof text_, "%s.%03dZ", seconds, static_cast<int>(ms % 1000));
    return text_;
  }

 private:
  long long at_ = 0;
  char text_[32]{};
};

struct Connection {
  int fd = -1;
  bool busy = false;
  std::string out;
  std::size_t sent = 0;
  std::string in;
  Clock::time_point due;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), requests_(make_requests(options)) {}

  void run() {
    connect_all();
    const auto begun = Clock::now();
    const auto end =
        begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    const auto distance = std::chrono::duration<double>(
        options_.rate > 0 ? static_cast<double>(options_.batch) / options_.rate : 0);
    next_due_ = begun;
    while (Clock::now() < end) {
      send_what_is_due(distance);
      wait(std::min(end, options_.rate > 0 && !free_.empty() ? next_due_ : end));
    }
    const double took = std::chrono::duration<double>(Clock::now() - begun).count();
    report(took);
  }

 private:
  void connect_all() {
    epoll_ = epoll_create1(0);
    connections_.resize(options_.connections);
    for (std::size_t at = 0; at < connections_.size(); ++at) {
      const int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("cannot connect");
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      connections_[at].fd = fd;
      epoll_event event{.events = EPOLLIN, .data = {.u64 = at}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      free_.push_back(at);
    }
  }

  void send_what_is_due(std::chrono::duration<double> distance) {
    while (!free_.empty()) {
      const auto now = Clock::now();
      if (options_.rate > 0 && next_due_ > now) return;
      Connection& connection = connections_[free_.back()];
      connection.due = options_.rate > 0 ? next_due_ : now;
      if (options_.rate > 0) next_due_ += std::chrono::duration_cast<Clock::duration>(distance);
      start(free_.back());
      free_.pop_back();
    }
  }

  void start(std::size_t at) {
    Connection& connection = connections_[at];
    Request& request = requests_[next_request_++ % requests_.size()];
    const char* const stamp = stamp_.text();
    for (const std::size_t position : request.stamps)
      std::memcpy(request.bytes.data() + position, stamp, stamp_bytes);
    connection.busy = true;
    connection.out = request.bytes;
    connection.sent = 0;
    flush(at);
  }

  void flush(std::size_t at) {
    Connection& connection = connections_[at];
    while (connection.sent < connection.out.size()) {
      const ssize_t sent = send(connection.fd, connection.out.data() + connection.sent,
                                connection.out.size() - connection.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent <= 0) die("the server closed a connection");
      connection.sent += static_cast<std::size_t>(sent);
    }
    const bool more = connection.sent < connection.out.size();
    if (more || options_.batch > 1) {
      epoll_event event{.events = more ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = at}};
      epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }
  }

  void wait(Clock::time_point until) {
    const auto left = std::max<long long>(
        0, std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now()).count());
    const timespec timeout{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    epoll_event events[256];
    const int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      const std::size_t at = events[i].data.u64;
      if ((events[i].events & EPOLLOUT) != 0) flush(at);
      if ((events[i].events & ~EPOLLOUT) != 0) receive(at);
    }
  }

  void receive(std::size_t at) {
    Connection& connection = connections_[at];
    char buffer[65536];
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) die("the server closed a connection");
    connection.in.append(buffer, static_cast<std::size_t>(got));
    const std::size_t head = connection.in.find("\r\n\r\n");
    if (head == std::string::npos || connection.in.size() < head + 4 + content_length(connection.in, head))
      return;
    const bool good = connection.in.compare(9, 1, "2") == 0;
    connection.in.clear();
    connection.busy = false;
    free_.push_back(at);
    if (!good) {
      ++errors_;
      return;
    }
    events_ += options_.batch;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.due);
    latencies_.push_back(static_cast<std::uint32_t>(took.count()));
  }

  static std::size_t content_length(const std::string& in, std::size_t head) {
    for (std::size_t at = in.find("\r\n"); at < head; at = in.find("\r\n", at + 2)) {
      if (strncasecmp(in.c_str() + at + 2, "content-length:", 15) == 0)
        return std::strtoul(in.c_str() + at + 17, nullptr, 10);
    }
    return 0;
  }

  void report(double seconds) {
    std::ranges::sort(latencies_);
    const auto at = [&](double share) {
      if (latencies_.empty()) return 0.0;
      const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1));
      return latencies_[rank] / 1000.0;
    };
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    std::printf(
        "{\"events\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"own_cpu\":%.2f}\n",
        events_, errors_, seconds, at(0.5), at(0.99), cpu);
  }

  Options options_;
  std::vector<Request> requests_;
  std::vector<Connection> connections_;
  std::vector<std::size_t> free_;
  Clock::time_point next_due_;
  std::size_t next_request_ = 0;
  std::size_t events_ = 0;
  std::size_t errors_ = 0;
  std::vector<std::uint32_t> latencies_;
  Stamp stamp_;
  int epoll_ = -1;
};

}  // namespace

int main(int argc, char** argv) { Load(parse(argc, argv)).run(); }
