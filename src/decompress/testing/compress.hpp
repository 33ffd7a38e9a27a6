// What clients do to their bodies before they send them, for tests.
#pragma once

#include <string>
#include <string_view>

namespace weir::decompress {

[[nodiscard]] std::string gzip_of(std::string_view bytes);

struct ZstdOptions {
  int window_log = 0;        // 0: as the library likes
  bool tells_size = true;    // whether the frame says how large its content is
  bool check_summed = true;  // whether its end can prove that nothing was changed
};
[[nodiscard]] std::string zstd_of(std::string_view bytes, ZstdOptions options = {});

}  // namespace weir::decompress
