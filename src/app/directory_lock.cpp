#include "app/directory_lock.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace weir::app {
namespace {

std::unexpected<Error> cannot_open(const std::filesystem::path& path, int error) {
  return fail(
      ErrorKind::invalid, "cannot_open",
      path.string() + ": " + std::generic_category().message(error) + "; expected a writable data directory");
}

// The errno of a failed mkdir(2), with a text that names the cause where it can be found.
std::unexpected<Error> cannot_create(const std::filesystem::path& directory, int error) {
  std::error_code ignored;
  if (error == ENAMETOOLONG)
    return fail(ErrorKind::invalid, "cannot_open",
                "DATA_DIR " + directory.string() + " is too long (" +
                    std::to_string(directory.native().size()) + " bytes); expected a shorter path");
  for (auto path = directory; !path.empty() && path != path.root_path(); path = path.parent_path()) {
    if (!std::filesystem::is_symlink(path, ignored) || std::filesystem::exists(path, ignored)) continue;
    return fail(ErrorKind::invalid, "cannot_open",
                "DATA_DIR " + directory.string() + ": " + path.string() + " is a symbolic link to " +
                    std::filesystem::read_symlink(path, ignored).string() +
                    ", which does not exist; expected a directory, or no file of this name");
  }
  return cannot_open(directory, error);
}

// A new name survives a power cut only after an fsync of the directory that holds it. Some file systems
// refuse to sync a directory with EINVAL, which is no error here.
int sync_directory(const std::filesystem::path& directory) {
  const int file = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = fsync(file) == 0 || errno == EINVAL ? 0 : errno;
  close(file);
  return error;
}

// Returns 0, or the errno of the step that failed. `mode` is that of the directory itself; new parents get
// what the umask leaves.
int create_directory(const std::filesystem::path& directory, mode_t mode) {
  struct stat found{};
  if (stat(directory.c_str(), &found) == 0) return S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
  if (errno != ENOENT) return errno;
  const auto parent = directory.parent_path();
  if (!parent.empty() && parent != directory)
    if (const int error = create_directory(parent, 0777); error != 0) return error;
  if (mkdir(directory.c_str(), mode) != 0) return errno;
  return sync_directory(parent);
}

bool is_file_of_weir(const std::string& name) {
  return name == "weir.lock" || name.starts_with("weir.control") || name.starts_with("events.db") ||
         name.starts_with("metrics.db");
}

// The databases hold user ids. A directory that also holds other files keeps its mode: Weir's files in it
// have mode 0600.
void make_private(const std::filesystem::path& directory) {
  struct stat found{};
  if (stat(directory.c_str(), &found) != 0 || found.st_uid != geteuid() || (found.st_mode & 077U) == 0)
    return;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (!is_file_of_weir(entry.path().filename().string())) return;
  if (!error) (void)chmod(directory.c_str(), found.st_mode & 0700U);
}

// The process number in the lock file. It is for the message only; nothing depends on it.
std::string holder_of(int file) {
  std::array<char, 16> text{};
  const ssize_t bytes = pread(file, text.data(), text.size(), 0);
  return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : "unknown";
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::filesystem::path& directory) {
  auto named = directory;
  if (named.filename().empty()) named = named.parent_path();  // "data/" is "data"
  if (const int error = create_directory(named, 0700); error != 0) return cannot_create(directory, error);
  make_private(directory);
  const auto path = directory / "weir.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return cannot_open(path, errno);
  DirectoryLock lock(file);
  (void)fchmod(file, 0600);  // older versions created it with more rights
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot_open(path, errno);
    return fail(ErrorKind::invalid, "directory_in_use",
                directory.string() + " is in use by another Weir (process " + holder_of(file) +
                    "); expected a data directory of this process's own");
  }
  const std::string process = std::to_string(getpid());
  if (ftruncate(file, 0) != 0 || pwrite(file, process.data(), process.size(), 0) < 0)
    return cannot_open(path, errno);
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

}  // namespace weir::app
