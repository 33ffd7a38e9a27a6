// Notices that files of a running process were deleted or replaced: what is written to a file without a name
// is gone at the next start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weir::sqlite {

// One thread.
class FileWatch {
 public:
  // Call it once the files are open. For each of the databases its WAL and its WAL index are watched, too. A
  // file that is not there yet is known from when it is first seen.
  explicit FileWatch(const std::vector<std::filesystem::path>& databases);

  // Nothing if each path still leads to the file that it led to at first; else what happened to the
  // first that does not: "/data/events.db was deleted". A file that comes back, the same one, is in its place
  // again.
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
