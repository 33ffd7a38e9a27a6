// The floor of the way in: an epoll server that answers each request with the same 200 and looks at nothing
// but the end of the request. One thread for each core, one listener each (SO_REUSEPORT), as Weir has.
//
//   weir_bare_server PORT
#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::string_view reply =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n"
    "{\"message\":\"Activity published successfully\"}\n";
constexpr std::size_t head_bytes = reply.find("\r\n\r\n") + 4;
static_assert(reply.size() - head_bytes >= 45);

// Returns the bytes of the first request in the buffer; 0 if it is not complete.
std::size_t request_bytes(const std::string& in) {
  const std::size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::size_t length = 0;
  for (std::size_t at = in.find("\r\n"); at < head; at = in.find("\r\n", at + 2)) {
    if (strncasecmp(in.c_str() + at + 2, "content-length:", 15) == 0)
      length = std::strtoul(in.c_str() + at + 17, nullptr, 10);
  }
  const std::size_t whole = head + 4 + length;
  return in.size() < whole ? 0 : whole;
}

int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1024) != 0)
    std::exit(1);
  return fd;
}

void serve(int port) {
  const std::string answer = std::string(reply.substr(0, head_bytes + 45));
  const int listener = listen_on(port);
  const int epoll = epoll_create1(0);
  epoll_event wanted{.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
  std::unordered_map<int, std::string> buffers;
  std::vector<char> bytes(65536);
  epoll_event events[256];
  for (;;) {
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        const int one = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_event of_client{.events = EPOLLIN, .data = {.fd = client}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, client, &of_client);
        continue;
      }
      const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        buffers.erase(fd);
        close(fd);
        continue;
      }
      std::string& in = buffers[fd];
      in.append(bytes.data(), static_cast<std::size_t>(got));
      while (const std::size_t whole = request_bytes(in)) {
        in.erase(0, whole);
        if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int port = std::atoi(argv[1]);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back(serve, port);
  for (std::thread& thread : threads) thread.join();
}
