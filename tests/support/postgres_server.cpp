#include "support/postgres_server.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace weir::support {
namespace {

constexpr std::chrono::seconds start_deadline{30};
constexpr std::chrono::milliseconds between_tries{20};

// The server refuses to run as root.
const passwd* other_user() {
  if (geteuid() != 0) return nullptr;
  const passwd* const user = getpwnam("postgres");
  if (user == nullptr)
    throw std::runtime_error("PostgreSQL refuses to run as root, and there is no user postgres");
  return user;
}

pid_t run(std::vector<std::string> command, const std::filesystem::path& log) {
  return support::start(
      {.command = std::move(command), .log = log, .user = other_user(), .death_signal = SIGQUIT});
}

}  // namespace

std::optional<std::filesystem::path> find_postgres(std::string_view extension) {
  std::optional<std::filesystem::path> found;
  int newest = 0;
  std::error_code absent;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", absent)) {
    const std::string number = version.path().filename();
    const auto control = std::filesystem::path("/usr/share/postgresql") / number / "extension" /
                         (std::string(extension) + ".control");
    if (!std::filesystem::exists(version.path() / "bin" / "initdb") || !std::filesystem::exists(control))
      continue;
    if (std::atoi(number.c_str()) <= newest) continue;
    newest = std::atoi(number.c_str());
    found = version.path() / "bin";
  }
  return found;
}

PostgresServer::PostgresServer(std::filesystem::path programs) : programs_(std::move(programs)) {
  folder_ = make_folder("weir-postgres");
  connection_info_ =
      "host=" + folder_.string() + " user=postgres dbname=postgres sslmode=disable gssencmode=disable";
  try {
    start();
  } catch (...) {
    std::filesystem::remove_all(folder_);
    throw;
  }
}

PostgresServer::~PostgresServer() {
  kill(pid_, SIGQUIT);  // nothing of it is kept, so it need not write anything down
  wait_for_end(pid_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PostgresServer::start() {
  if (const passwd* const user = other_user();
      user != nullptr && chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error(std::string("chown: ") + std::strerror(errno));
  const std::string data = folder_ / "data";
  const auto log_file = folder_ / "log";
  const int made = wait_for_end(run({programs_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E",
                                     "UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                                    log_file));
  if (made != 0) throw std::runtime_error("initdb failed:\n" + log());
  port_ = free_port();
  // The socket is named after the port; it is to be found under the default one.
  std::filesystem::create_symlink(".s.PGSQL." + std::to_string(port_), folder_ / ".s.PGSQL.5432");
  pid_ = run({programs_ / "postgres", "-D", data, "-k", folder_, "-p", std::to_string(port_), "-c",
              "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c",
              "full_page_writes=off", "-c", "max_wal_size=4GB"},
             log_file);
  try {
    wait_until_it_answers();
  } catch (...) {
    kill(pid_, SIGQUIT);
    wait_for_end(pid_);
    throw;
  }
}

void PostgresServer::wait_until_it_answers() {
  const auto deadline = std::chrono::steady_clock::now() + start_deadline;
  while (PQping(connection_info_.c_str()) != PQPING_OK) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("PostgreSQL did not answer in time:\n" + log());
    poll(nullptr, 0, static_cast<int>(between_tries.count()));
  }
}

std::string PostgresServer::log() const { return read_text(folder_ / "log"); }

}  // namespace weir::support
