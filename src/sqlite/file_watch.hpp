// Notices that files of a running process were deleted or replaced. Data written to a deleted file is lost at
// the next start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weir::sqlite {

// One thread. Each call costs one stat(2) for each file.
class FileWatch {
 public:
  // Call it after the files are open. Also watches the WAL and the WAL index of each database. A file that
  // does not exist yet is remembered when it is first seen.
  explicit FileWatch(const std::vector<std::filesystem::path>& databases);

  // Returns nothing if each path still names the same file as at first. Else it returns what happened to the
  // first that does not, for example "/data/events.db was deleted". A file that is moved back is no longer
  // missing.
  [[nodiscard]] std::optional<std::string> find_missing();

 private:
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;

    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct File {
    std::filesystem::path path;
    std::optional<Identity> known;
  };

  static std::optional<Identity> identity_of(const std::filesystem::path& path);

  std::vector<File> files_;
};

}  // namespace weir::sqlite
