// The header is a comma-separated list of media ranges, each with parameters after semicolons:
//   text/csv; charset=utf-8; q=0.5, */*; q=0.1
// Several Accept lines count as one list (RFC 9110 §5.3).
#include "routes/accept.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace weir::routes {

namespace {

// One element of the header.
struct MediaRange {
  std::string_view type;
  std::string_view subtype;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;  // without quotes
  int quality = 1000;                                                     // in thousandths
};

// Removes the text up to the next `separator` outside of quotes from `text`, and returns it trimmed.
std::string_view take_until(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (quoted && text[end] == '\\')
      ++end;
    else if (text[end] == '"')
      quoted = !quoted;
    else if (text[end] == separator && !quoted)
      break;
  }
  end = std::min(end, text.size());
  const std::string_view taken = trimmed(text.substr(0, end), header_spaces);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// Parses a weight (RFC 9110 §12.4.2): "0", "0.5", "1.000". Returns thousandths.
std::optional<int> quality_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int quality = text[0] == '1' ? 1000 : 0;
  int part = 100;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    quality += (digit - '0') * part;
    part /= 10;
  }
  return quality <= 1000 ? std::optional(quality) : std::nullopt;
}

// Parses one element. Returns nothing if it is malformed.
std::optional<MediaRange> range_of(std::string_view element) {
  const std::string_view name = take_until(element, ';');
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == name.size()) return std::nullopt;
  MediaRange range{.type = name.substr(0, slash), .subtype = name.substr(slash + 1), .parameters = {}};
  if (range.type == "*" && range.subtype != "*") return std::nullopt;
  while (!element.empty()) {
    std::string_view value = take_until(element, ';');
    if (value.empty()) continue;
    const std::string_view parameter = take_until(value, '=');
    if (http::same_ignoring_case(parameter, "q")) {
      const auto quality = quality_of(value);
      if (!quality) return std::nullopt;
      range.quality = *quality;
      break;  // accept-ext parameters followed in RFC 7231; RFC 9110 has removed them
    }
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    range.parameters.emplace_back(parameter, value);
  }
  return range;
}

// Returns how specific the range is for this representation; 0 if the range does not match it.
int specificity(const MediaRange& range, const MediaType& representation) {
  if (range.type == "*") return 1;
  if (!http::same_ignoring_case(range.type, representation.type)) return 0;
  if (range.subtype == "*") return 2;
  if (!http::same_ignoring_case(range.subtype, representation.subtype)) return 0;
  for (const auto& [name, value] : range.parameters) {
    const bool has = std::ranges::any_of(representation.parameters, [&](const auto& own) {
      return http::same_ignoring_case(own.first, name) && http::same_ignoring_case(own.second, value);
    });
    if (!has) return 0;
  }
  return range.parameters.empty() ? 3 : 4;
}

// Parses all Accept headers of the request.
std::vector<MediaRange> ranges_of(const http::Request& request) {
  std::vector<MediaRange> ranges;
  for (const auto& [name, value] : request.headers) {
    if (!http::same_ignoring_case(name, "accept")) continue;
    std::string_view rest = value;
    while (!rest.empty())
      if (auto range = range_of(take_until(rest, ','))) ranges.push_back(std::move(*range));
  }
  return ranges;
}

}  // namespace

std::size_t preferred(std::span<const MediaType> representations, const http::Request& request) {
  const std::vector<MediaRange> ranges = ranges_of(request);
  std::size_t best = 0;                  // an index
  std::pair<int, int> best_match{0, 0};  // quality, specificity
  for (std::size_t i = 0; i < representations.size(); ++i) {
    std::pair<int, int> match{0, 0};
    for (const MediaRange& range : ranges) {
      const int specific = specificity(range, representations[i]);
      if (specific > match.second) match = {range.quality, specific};
    }
    if (match.first > 0 && match > best_match) {
      best = i;
      best_match = match;
    }
  }
  return best;
}

}  // namespace weir::routes
