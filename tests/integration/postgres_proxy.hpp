// A proxy between a session and its server that cuts or stalls the stream where the test wants it.
#pragma once

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace weir::postgres {

// Listens on a Unix socket in a folder of its own, which is the `host` to connect to. Has one thread, which
// the destructor ends.
class Proxy {
 public:
  enum class Fault {
    cut_before,  // both ends are closed before the server gets the bytes
    cut_after,   // the server gets the bytes and answers; both ends are closed before the client gets it
    stall,       // the server does not get the bytes, and nothing passes any more
  };

  explicit Proxy(const std::string& server_folder) : server_(server_folder + socket_name) {
    std::string pattern = std::filesystem::temp_directory_path() / "weir-proxy-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr || pipe(wake_.data()) != 0) throw std::runtime_error("proxy");
    folder_ = pattern;
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(folder_ + socket_name);
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listening_, 16) != 0)
      throw std::runtime_error("proxy: listen");
    thread_ = std::thread([this] { run(); });
  }
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy() {
    [[maybe_unused]] const ssize_t told = ::write(wake_[1], "x", 1);
    thread_.join();
    for (Stream& stream : streams_) end(stream);
    for (const int file : {listening_, wake_[0], wake_[1]}) close(file);
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] const std::string& host() const { return folder_; }

  // Fails once: at the first data of a client that has these bytes in it.
  void fail_at(Fault fault, std::string bytes) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    trigger_ = std::move(bytes);
  }
  // Whether the failure has happened.
  [[nodiscard]] bool has_failed() {
    const std::lock_guard lock(mutex_);
    return trigger_.empty();
  }
  // Everything that clients have sent so far.
  [[nodiscard]] std::string sent() {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  static constexpr const char* socket_name = "/.s.PGSQL.5432";
  enum class State { open, answer_is_cut, stalled, ended };
  struct Stream {
    int client = -1;
    int server = -1;
    State state = State::open;
  };

  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    return address;
  }

  static void end(Stream& stream) {
    for (int* const file : {&stream.client, &stream.server}) {
      if (*file >= 0) close(std::exchange(*file, -1));
    }
    stream.state = State::ended;
  }

  void run() {
    while (true) {
      std::vector<pollfd> polled{{wake_[0], POLLIN, 0}, {listening_, POLLIN, 0}};
      for (const Stream& stream : streams_) {
        const bool stalled = stream.state == State::stalled;
        polled.push_back({stalled ? -1 : stream.client, POLLIN, 0});
        polled.push_back({stalled ? -1 : stream.server, POLLIN, 0});
      }
      poll(polled.data(), polled.size(), -1);
      if (polled[0].revents != 0) return;
      std::size_t at = 2;
      for (Stream& stream : streams_) {
        if (polled[at++].revents != 0) from_client(stream);
        if (polled[at++].revents != 0 && stream.state != State::ended) from_server(stream);
      }
      if (polled[1].revents != 0) accept_one();
      streams_.remove_if([](const Stream& stream) { return stream.state == State::ended; });
    }
  }

  void accept_one() {
    Stream stream{.client = accept(listening_, nullptr, nullptr), .server = socket(AF_UNIX, SOCK_STREAM, 0)};
    const sockaddr_un address = address_of(server_);
    if (connect(stream.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      return end(stream);
    streams_.push_back(stream);
  }

  void from_client(Stream& stream) {
    std::array<char, 65536> bytes{};
    const ssize_t count = read(stream.client, bytes.data(), bytes.size());
    if (count <= 0) return end(stream);
    const std::lock_guard lock(mutex_);
    const std::string chunk(bytes.data(), static_cast<std::size_t>(count));
    sent_ += chunk;
    if (!trigger_.empty() && chunk.find(trigger_) != std::string::npos) {
      trigger_.clear();
      if (fault_ == Fault::cut_before) return end(stream);
      stream.state = fault_ == Fault::stall ? State::stalled : State::answer_is_cut;
    }
    if (stream.state != State::stalled) pass(chunk, stream.server, stream);
  }

  void from_server(Stream& stream) {
    std::array<char, 65536> bytes{};
    const ssize_t count = read(stream.server, bytes.data(), bytes.size());
    if (count <= 0 || stream.state == State::answer_is_cut) return end(stream);
    pass({bytes.data(), static_cast<std::size_t>(count)}, stream.client, stream);
  }

  static void pass(std::string_view bytes, int to, Stream& stream) {
    while (!bytes.empty()) {
      const ssize_t count = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return end(stream);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::string server_;
  std::string folder_;
  int listening_ = -1;
  std::array<int, 2> wake_{};
  std::list<Stream> streams_;  // the thread's own

  std::mutex mutex_;  // guards what follows
  Fault fault_ = Fault::cut_before;
  std::string trigger_;
  std::string sent_;

  std::thread thread_;
};

}  // namespace weir::postgres
