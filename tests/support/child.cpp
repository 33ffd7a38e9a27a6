#include "support/child.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::support {
namespace {

[[noreturn]] void fail(const char* call) {
  throw std::runtime_error(std::string(call) + ": " + std::strerror(errno));
}

bool can_listen_on(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  if (probe < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool could = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return could;
}

}  // namespace

pid_t start(const Child& child) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;

  const int output = open(child.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int input = open("/dev/null", O_RDONLY);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(126);
  const passwd* const user = child.user;
  if (user != nullptr && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                          setuid(user->pw_uid) != 0))
    _exit(126);
  prctl(PR_SET_PDEATHSIG, child.death_signal);
  std::vector<char*> arguments;
  for (const std::string& word : child.command) arguments.push_back(const_cast<char*>(word.c_str()));
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

bool still_runs(pid_t pid) { return waitpid(pid, nullptr, WNOHANG) == 0; }

int free_port() {
  std::random_device random;  // the system's, so that tests of the same seed don't meet
  std::uniform_int_distribution<int> ports(20000, 32000);
  for (int tries = 0; tries < 1000; ++tries)
    if (const int port = ports(random); can_listen_on(port)) return port;
  throw std::runtime_error("no free port between 20000 and 32000");
}

std::filesystem::path make_folder(std::string_view name) {
  std::string pattern = std::filesystem::temp_directory_path() / (std::string(name) + "-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) fail("mkdtemp");
  return pattern;
}

std::string read_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void missing(std::string_view what) {
  if (std::getenv("CI") != nullptr) FAIL() << "needed in CI and missing: " << what;
  std::cerr << "\n*** NOT CHECKED, missing: " << what << " ***\n\n";
  GTEST_SKIP();
}

}  // namespace weir::support
