#include "http/partial_head.hpp"

#include "base/text.hpp"
#include "http/exchange.hpp"

namespace weir::http {

namespace {

// Removes the first line from `bytes` and returns it without its end. A last line without an end is returned
// whole.
std::string_view take_line(std::string_view& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view path_in(std::string_view request_line) {
  const std::size_t space = request_line.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view target = request_line.substr(space + 1);
  const std::string_view path = target.substr(0, target.find_first_of(" ?"));
  return path.starts_with('/') ? path : std::string_view();
}

}  // namespace

PartialHead read_partial_head(std::string_view bytes) {
  constexpr std::string_view name = "Origin:";
  PartialHead head;
  // An empty line may precede the request (RFC 9112 §2.2).
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  head.path = path_in(take_line(bytes));
  while (bytes.find('\n') != std::string_view::npos) {
    const std::string_view line = take_line(bytes);
    if (line.empty()) break;  // the end of the head
    if (!same_ignoring_case(line.substr(0, name.size()), name)) continue;
    head.origin = trimmed(line.substr(name.size()), header_spaces);
    break;
  }
  return head;
}

}  // namespace weir::http
