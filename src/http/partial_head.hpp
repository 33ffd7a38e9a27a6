// What an error reply must know of a request whose head was refused or is not complete.
#pragma once

#include <string_view>

namespace weir::http {

struct PartialHead {
  std::string_view path;    // of the request target, without the query; empty if it is not there
  std::string_view origin;  // the value of the first Origin header that is complete; empty if there is none
};

// Reads them from the bytes of a request, which may be malformed or cut anywhere. The values must not be
// used for anything but the form of an error reply: nothing else of the head was checked. Pure; time is
// linear in the bytes. The views point into `bytes`.
[[nodiscard]] PartialHead read_partial_head(std::string_view bytes);

}  // namespace weir::http
