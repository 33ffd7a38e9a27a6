// Servers that a test starts as children of its own.
#pragma once

#include <filesystem>
#include <pwd.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace weir::support {

struct Child {
  std::vector<std::string> command;  // [0] is a path
  std::filesystem::path log;         // its output and errors are appended here
  const passwd* user = nullptr;      // whom it runs as; null: as we do
  int death_signal = 9;              // what it is sent when the thread that started it ends
};

// Starts it and returns at once. Throws std::runtime_error if there can be no more processes. To be called
// from a thread that outlives the child, because the child ends with it.
[[nodiscard]] pid_t start(const Child& child);

// Waits for the end of a child; its status as waitpid(2) gives it.
int wait_for_end(pid_t pid);

// Whether it still runs; takes its status away if it ended.
[[nodiscard]] bool still_runs(pid_t pid);

// A loopback port that is free now, and below those that the kernel gives to connections going out: a client
// that tries again and again while the server is away could otherwise be given that very port, and keep it.
[[nodiscard]] int free_port();

// A new folder under the system's temporary one.
[[nodiscard]] std::filesystem::path make_folder(std::string_view name);

// A whole file; empty if there is none.
[[nodiscard]] std::string read_text(const std::filesystem::path& file);

// For SetUp() and the first line of a test: what it needs is not on this machine. Fails in CI (CI set), skips
// with a loud line elsewhere; the caller returns.
void missing(std::string_view what);

}  // namespace weir::support
