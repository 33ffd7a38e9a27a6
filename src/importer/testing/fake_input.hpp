// Inputs for tests, out of memory.
#pragma once

#include <filesystem>
#include <string>

#include "importer/source.hpp"

namespace weir::importer {

// Gives `bytes` in chunks of at most `chunk` bytes.
[[nodiscard]] ReadBytes read_text(std::string bytes, std::size_t chunk = 100'000);

// Compressed as gzip(1) would; one member.
[[nodiscard]] std::string gzipped(const std::string& bytes);

// A folder that is there as long as this.
class FolderForTest {
 public:
  FolderForTest();
  FolderForTest(const FolderForTest&) = delete;
  FolderForTest& operator=(const FolderForTest&) = delete;
  ~FolderForTest();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A line of an access log in the combined format.
[[nodiscard]] std::string access_line(int visitor, int second, std::string_view target = "/",
                                      std::string_view method = "GET");

}  // namespace weir::importer
