// A file is known by its device and inode number. A path that leads to another inode has been replaced, also
// if the content is the same.
#include "sqlite/file_watch.hpp"

#include <cerrno>
#include <sys/stat.h>

namespace weir::sqlite {

FileWatch::FileWatch(const std::vector<std::filesystem::path>& databases) {
  for (const auto& database : databases)
    for (const char* const more : {"", "-wal", "-shm"}) {
      auto path = std::filesystem::path(database) += more;
      auto known = identity_of(path);
      files_.push_back({std::move(path), known});
    }
}

std::optional<std::string> FileWatch::find_missing() {
  for (File& file : files_) {
    errno = 0;
    const auto now = identity_of(file.path);
    if (!now && errno != ENOENT && errno != ENOTDIR)
      continue;  // stat() failed, which says nothing about the file
    if (now && !file.known) file.known = now;
    if (now == file.known) continue;
    return file.path.string() + (now ? " was replaced by another file" : " was deleted");
  }
  return std::nullopt;
}

std::optional<FileWatch::Identity> FileWatch::identity_of(const std::filesystem::path& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return Identity{.device = found.st_dev, .number = found.st_ino};
}

}  // namespace weir::sqlite
