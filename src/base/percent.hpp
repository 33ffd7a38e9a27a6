// Percent-encoding of URLs, as in the query of a form (URL Standard, application/x-www-form-urlencoded).
#pragma once

#include <string>
#include <string_view>

namespace weir {

// Appends the decoded bytes of `raw` to `out`: %XX becomes the byte XX, + becomes a space. A percent sign
// that two hexadecimal digits do not follow stays as it is, as in browsers. The bytes can be anything, also
// no UTF-8.
void append_percent_decoded(std::string& out, std::string_view raw);

// Whether append_percent_decoded() changes any byte of `raw`.
[[nodiscard]] inline bool is_percent_encoded(std::string_view raw) {
  return raw.contains('%') || raw.contains('+');
}

}  // namespace weir
