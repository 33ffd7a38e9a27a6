// A PostgreSQL of a test's own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace weir::support {

// The folder of the newest PostgreSQL's programs that has this extension; none: not installed. Looks where
// Debian keeps them (/usr/lib/postgresql/N/bin).
[[nodiscard]] std::optional<std::filesystem::path> find_postgres(std::string_view extension);

// A new, empty cluster in a folder of its own under the system's temporary one, reached by a Unix socket in
// it and by a free loopback port, not durable (fsync off). Runs as a child of this process, as user
// `postgres` where we are root, and dies with the thread that made it; its folder goes with it. Starting
// takes about two seconds. One thread.
class PostgresServer {
 public:
  // Throws std::runtime_error with the server's own words if it does not start within half a minute.
  explicit PostgresServer(std::filesystem::path programs);
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // For libpq, as superuser `postgres` to the database `postgres`.
  [[nodiscard]] const std::string& connection_info() const { return connection_info_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // On 127.0.0.1: where a connection is lost, TCP and a Unix socket differ in what can still be read.
  [[nodiscard]] int port() const { return port_; }

 private:
  void start();
  void wait_until_it_answers();
  [[nodiscard]] std::string log() const;

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  std::string connection_info_;
  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace weir::support
