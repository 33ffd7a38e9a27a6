// A folder for one test.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "base/ensure.hpp"

namespace weir::sqlite {

// Created by the constructor, deleted with its content by the destructor. It lies in memory where the system
// has /dev/shm: the tests make thousands of fsyncs, and failures of a disk come from FakeVfs.
class TestFolder {
 public:
  TestFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool there = ::access(memory.c_str(), W_OK) == 0;
    std::string name =
        ((there ? memory : std::filesystem::temp_directory_path()) / "weir-test-XXXXXX").string();
    ensure(mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
    path_ = name;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace weir::sqlite
