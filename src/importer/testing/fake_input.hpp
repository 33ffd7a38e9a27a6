// Inputs in memory, for tests.
#pragma once

#include <filesystem>
#include <string>

#include "importer/source.hpp"

namespace weir::importer {

// Returns `bytes` in reads of at most `read_bytes_max` bytes.
[[nodiscard]] ReadBytes read_from_string(std::string bytes, std::size_t read_bytes_max = 100'000);

// A gzip file (RFC 1952) of one member that inflates to `bytes`. It is stored, not compressed.
[[nodiscard]] std::string gzipped(const std::string& bytes);

// A folder that is removed with this object.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A line of an access log in the combined format, with its line end.
[[nodiscard]] std::string access_line(int visitor, int second, std::string_view target = "/",
                                      std::string_view method = "GET");

}  // namespace weir::importer
