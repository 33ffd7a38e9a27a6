// Compresses bodies and files for tests, as clients do.
#pragma once

#include <string>
#include <string_view>

namespace weir::decompress {

// Returns one gzip member.
[[nodiscard]] std::string gzip_of(std::string_view bytes);

struct ZstdOptions {
  int window_log = 0;         // 0: the library chooses
  bool declares_size = true;  // whether the frame header contains the size of the content
  bool check_summed = true;   // whether a checksum follows the content
};
// Returns one zstd frame.
[[nodiscard]] std::string zstd_of(std::string_view bytes, ZstdOptions options = {});

}  // namespace weir::decompress
