#include "support/postgres_server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

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

// Starts a program as that user, its output appended to `log`; it is sent SIGQUIT when this process ends.
pid_t run(const std::vector<std::string>& command, const std::filesystem::path& log) {
  const passwd* const user = other_user();
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid > 0) return pid;

  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int input = open("/dev/null", O_RDONLY);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(126);
  if (user != nullptr && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                          setuid(user->pw_uid) != 0))
    _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
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
  std::string pattern = std::filesystem::temp_directory_path() / "weir-postgres-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error(std::string("mkdtemp: ") + std::strerror(errno));
  folder_ = pattern;
  connection_info_ = "host=" + pattern + " user=postgres dbname=postgres sslmode=disable gssencmode=disable";
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
  pid_ = run({programs_ / "postgres", "-D", data, "-k", folder_, "-c", "listen_addresses=", "-c", "fsync=off",
              "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_wal_size=4GB"},
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

std::string PostgresServer::log() const {
  std::ostringstream text;
  text << std::ifstream(folder_ / "log").rdbuf();
  return text.str();
}

}  // namespace weir::support
