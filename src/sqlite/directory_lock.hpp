// One process at a time on a data directory.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace weir::sqlite {

// Holds `directory`/weir.lock by flock(2) for as long as it lives. The kernel lets go of it however the
// process ends, so a lock is never stale. Two locks of one process exclude each other too.
class DirectoryLock {
 public:
  // Makes the directory with mode 0700, if there is none, and its parents; each new name is fsynced in the
  // directory that holds it. Takes group and others their rights to an existing directory that holds nothing
  // but Weir's files. ErrorKind::invalid: directory_in_use (the text names the process that holds it),
  // cannot_open.
  static Result<DirectoryLock> take(const std::filesystem::path& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int file) : file_(file) {}

  int file_ = -1;
};

}  // namespace weir::sqlite
