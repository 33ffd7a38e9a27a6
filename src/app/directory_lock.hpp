// Keeps two processes from using one data directory (DATA_DIR).
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace weir::app {

// Holds `directory`/weir.lock by flock(2) for as long as it lives. The kernel releases the lock when the
// process ends for any reason, so a lock is never stale. Two locks of one process exclude each other too. The
// lock may move to another thread.
class DirectoryLock {
 public:
  // Creates the directory with mode 0700 if it is missing, and its parents with the mode of the umask. Each
  // new name is fsynced in the directory that holds it. An existing directory that holds nothing but Weir's
  // files loses the rights of group and others.
  //
  // Does not wait. ErrorKind::invalid: directory_in_use, whose text names the process that holds the lock;
  // cannot_open, if the path cannot be created, read or locked. A person must choose another directory or end
  // the other process.
  static Result<DirectoryLock> acquire(const std::filesystem::path& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int file) : file_(file) {}

  int file_ = -1;  // descriptor of the lock file; -1 after a move
};

}  // namespace weir::app
