// The file `weir.control` in DATA_DIR, by which commands on the same machine find the service that holds the
// directory, and prove that they may read it. Its first line is the URL of the service, its second one a
// secret token of this run, its third one the fingerprint of its certificate; empty without TLS.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace weir::app {

struct Control {
  std::string url;    // "http://127.0.0.1:8080"
  std::string token;  // 32 hexadecimal digits
  // SHA-256 of the service's certificate, 64 hexadecimal digits; empty: plain HTTP. The command accepts this
  // certificate only, and asks no authority.
  std::string fingerprint = {};
};

// Returns 128 random bits as text.
[[nodiscard]] std::string make_control_token();

// Replaces the file. Only the owner may read it (mode 0600). The caller holds the lock of the directory. The
// error names the path.
[[nodiscard]] Result<void> write_control_file(const std::filesystem::path& directory, const Control& control);

// Returns nothing if there is no such file, or if it is not complete.
[[nodiscard]] std::optional<Control> read_control_file(const std::filesystem::path& directory);

// Removes the file, if there is one.
void remove_control_file(const std::filesystem::path& directory);

}  // namespace weir::app
