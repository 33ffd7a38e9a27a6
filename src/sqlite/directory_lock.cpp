#include "sqlite/directory_lock.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace weir::sqlite {
namespace {

std::unexpected<Error> cannot(const std::filesystem::path& path, int error) {
  return fail(
      Move::caller, "cannot_open",
      path.string() + ": " + std::generic_category().message(error) + "; expected a writable data directory");
}

// The number that the holder wrote; a courtesy to the reader of the message, nothing depends on it.
std::string holder_of(int file) {
  std::array<char, 16> text{};
  const ssize_t bytes = pread(file, text.data(), text.size(), 0);
  return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : "unknown";
}

}  // namespace

Result<DirectoryLock> DirectoryLock::take(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return cannot(directory, error.value());
  const auto path = directory / "weir.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return cannot(path, errno);
  DirectoryLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot(path, errno);
    return fail(Move::caller, "directory_in_use",
                directory.string() + " is in use by another Weir (process " + holder_of(file) +
                    "); expected a data directory of this process's own");
  }
  const std::string process = std::to_string(getpid());
  if (ftruncate(file, 0) != 0 || pwrite(file, process.data(), process.size(), 0) < 0)
    return cannot(path, errno);
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace weir::sqlite
