// match_from() goes through the parts from left to right. The end of a field is ambiguous if the literal
// after it may also be within it. Then match_before_literal() tries each occurrence of the literal, with
// match_from() for the rest. So the search is recursive, and `work_` bounds it for lines that are made to be
// slow.
#include "formats/line_matcher.hpp"

#include <algorithm>
#include <array>

namespace weir::formats {
namespace {

constexpr std::size_t passes_max = 64;  // over a line, while occurrences of a literal are tried
constexpr std::size_t try_cost = 32;    // of one occurrence, in bytes looked at

// Flags of a byte: the shapes that it may be part of.
enum : unsigned char { in_word = 1, in_host = 2, in_address = 4, digit = 8 };

// One look-up for each byte of a line.
constexpr std::array<unsigned char, 256> flags_of_bytes = [] {
  std::array<unsigned char, 256> flags{};
  for (std::size_t byte = 0x21; byte < flags.size(); ++byte)
    if (byte != '"' && byte != 0x7f) flags[byte] |= in_word;
  for (std::size_t byte = 0x21; byte < flags.size(); ++byte)
    if (byte != '"' && byte != 0x7f && byte != '/' && byte != ',') flags[byte] |= in_host;
  for (const char byte :
       std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-%[]"))
    flags[static_cast<unsigned char>(byte)] |= in_address;
  for (char byte = '0'; byte <= '9'; ++byte) flags[static_cast<unsigned char>(byte)] |= digit;
  return flags;
}();

bool has(char byte, unsigned char flag) {
  return (flags_of_bytes[static_cast<unsigned char>(byte)] & flag) != 0;
}

// Whether a field of this shape may hold a literal that begins with `byte`.
bool may_hold(Shape shape, char byte) {
  switch (shape) {
    case Shape::word:
      return has(byte, in_word);
    case Shape::words:
      return has(byte, in_word) || byte == ' ';
    case Shape::number:
      return has(byte, digit) || byte == '.' || byte == '-';
    case Shape::addresses:
      return has(byte, in_address) || byte == ',';
    case Shape::host:
      return has(byte, in_host);
    case Shape::user:
    case Shape::text:
      return byte != '"';
    case Shape::raw:
      return true;
    default:
      return false;
  }
}

// Each of these returns the offset after the longest value of its shape that begins at `at`.
std::size_t run_of(std::string_view text, std::size_t at, unsigned char flag) {
  while (at < text.size() && has(text[at], flag)) ++at;
  return at;
}

// nginx joins the values of several upstreams with ", " or " : ".
std::size_t end_of_words(std::string_view text, std::size_t at) {
  while (true) {
    at = run_of(text, at, in_word);
    const std::string_view rest = text.substr(at);
    const bool upstreams = rest.size() > 3 && rest.starts_with(" : ") && has(rest[3], in_word);
    const bool comma =
        at > 0 && text[at - 1] == ',' && rest.size() > 1 && rest[0] == ' ' && has(rest[1], in_word);
    if (!upstreams && !comma) return at;
    at += upstreams ? 3 : 1;
  }
}

// "192.0.2.1, 198.51.100.7": a comma continues the list only if another address follows.
std::size_t end_of_addresses(std::string_view text, std::size_t at) {
  while (true) {
    at = run_of(text, at, in_address);
    if (at >= text.size() || text[at] != ',') return at;
    std::size_t next = at + 1;
    while (next < text.size() && text[next] == ' ') ++next;
    if (next == text.size() || !has(text[next], in_address)) return at;
    at = next;
  }
}

// "-" stands for no number. A point belongs to the number only if a digit follows.
std::size_t end_of_number(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '-') return at + 1;
  const std::size_t point = run_of(text, at, digit);
  if (point == at || point + 1 >= text.size() || text[point] != '.') return point;
  const std::size_t end = run_of(text, point + 1, digit);
  return end == point + 1 ? point : end;
}

// Exactly three digits, or "-".
std::size_t end_of_status(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '-') return at + 1;
  return run_of(text.substr(0, at + 3), at, digit) == at + 3 ? at + 3 : at;
}

// The first quote that is not escaped, or the end.
std::size_t end_of_text(std::string_view text, std::size_t at) {
  for (std::size_t quote = text.find('"', at);; quote = text.find('"', quote + 1)) {
    if (quote == std::string_view::npos) return text.size();
    std::size_t backslashes = 0;
    while (quote - backslashes > at && text[quote - backslashes - 1] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return quote;
  }
}

}  // namespace

std::optional<std::size_t> LineMatcher::match() {
  if (!match_from(0, 0)) return std::nullopt;
  return end_;
}

bool LineMatcher::match_from(std::size_t part, std::size_t at) {
  for (; part < parts_.size(); ++part) {
    const FormatPart& here = parts_[part];
    if (here.shape == Shape::literal) {
      if (!line_.substr(at).starts_with(here.text)) return miss(part, at);
      at += here.text.size();
      continue;
    }
    if (here.shape == Shape::time_part) {
      if (!read_time(part, at)) return miss(part, at);
      continue;
    }
    const std::size_t end = extent(here, at);
    // The literal after the field may occur within it: try its occurrences.
    const bool before_literal = part + 1 < parts_.size() && parts_[part + 1].shape == Shape::literal;
    if (before_literal && may_hold(here.shape, parts_[part + 1].text.front()))
      return match_before_literal(part, at, end);
    if (!accept(here, at, end)) return miss(part, at);
    at = end;
  }
  return match_end(at);
}

// The field is [at, end) at most.
bool LineMatcher::match_before_literal(std::size_t part, std::size_t at, std::size_t end) {
  const std::string_view literal = parts_[part + 1].text;
  const std::size_t work_max = passes_max * (line_.size() + try_cost);
  work_ += end - at;
  for (std::size_t found = line_.find(literal, at); found <= end; found = line_.find(literal, found + 1)) {
    if (work_ > work_max) break;
    work_ += try_cost + found - at;
    if (accept(parts_[part], at, found) && match_from(part + 1, found)) return true;
  }
  return miss(part, at);
}

// After the last part: only white space may follow, or another entry.
bool LineMatcher::match_end(std::size_t at) {
  const std::size_t rest = std::min(line_.find_first_not_of(" \t", at), line_.size());
  const bool glued = rest == at && may_be_glued_ && parts_.back().shape == Shape::literal;
  if (rest < line_.size() && !glued) return miss(parts_.size(), at);
  end_ = rest == line_.size() ? rest : at;
  return true;
}

bool LineMatcher::read_time(std::size_t part, std::size_t& at) {
  std::string_view rest = line_.substr(at);
  TimeParts unused;
  TimeParts& time = parts_[part].check_only ? unused : found_.time;
  if (!take_time_part(parts_[part].field, rest, time)) return false;
  // The first part of the time is where an error about it points to.
  time_at_ = std::min(time_at_, at);
  at = line_.size() - rest.size();
  return true;
}

// The offset after the longest value of the part that begins at `at`.
std::size_t LineMatcher::extent(const FormatPart& part, std::size_t at) const {
  switch (part.shape) {
    case Shape::word:
      return run_of(line_, at, in_word);
    case Shape::words:
      return end_of_words(line_, at);
    case Shape::number:
      return end_of_number(line_, at);
    case Shape::status:
      return end_of_status(line_, at);
    case Shape::addresses:
      return end_of_addresses(line_, at);
    case Shape::host:
      return run_of(line_, at, in_host);
    case Shape::user:  // Apache writes an empty name as two quotes
      return line_.substr(at).starts_with("\"\"") ? at + 2 : end_of_text(line_, at);
    case Shape::text:
      return end_of_text(line_, at);
    default:
      return line_.size();
  }
}

// Whether [begin, end) is a valid value of the part. Stores it.
bool LineMatcher::accept(const FormatPart& part, std::size_t begin, std::size_t end) {
  const std::string_view value = line_.substr(begin, end - begin);
  bool good = true;
  switch (part.shape) {
    case Shape::word:
      good = part.may_be_empty || !value.empty();
      break;
    case Shape::number:
    case Shape::status:
      good = !value.empty();
      break;
    case Shape::addresses:
      good = part.field == Field::client ? !client_in(value).empty() : part.may_be_empty || !value.empty();
      break;
    case Shape::host:
      good = value == "-" || value == "_" || !host_in(value).empty();
      break;
    case Shape::user:
      good = is_user(value);
      break;
    default:
      break;
  }
  if (good && part.field != Field::dropped) found_[part.field] = value;
  return good;
}

// A user name with spaces could hide other fields, such as the prefix that a logger adds. So it is accepted
// only if the identity is "-" or not in the format, and no word of the name is "-".
bool LineMatcher::is_user(std::string_view text) const {
  std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return true;
  const std::string_view ident = found_[Field::ident];
  if (ident.data() != nullptr && ident != "-") return false;
  for (std::size_t begin = 0; begin <= text.size(); begin = space + 1) {
    space = std::min(text.find(' ', begin), text.size());
    if (text.substr(begin, space - begin) == "-") return false;
  }
  return true;
}

// Remembers the part that got furthest, for the error. Returns false.
bool LineMatcher::miss(std::size_t part, std::size_t at) {
  if (at >= missed_at_) {
    missed_at_ = at;
    missed_part_ = part;
  }
  return false;
}

// In words, with the part before or after it where that helps to find the place.
std::string LineMatcher::expected() const {
  if (missed_part_ >= parts_.size()) return "the end of the line";
  const FormatPart& part = parts_[missed_part_];
  std::string text = describe(part);
  if (part.shape == Shape::literal && missed_part_ > 0)
    return text + " after " + describe(parts_[missed_part_ - 1]);
  const bool before_literal =
      missed_part_ + 1 < parts_.size() && parts_[missed_part_ + 1].shape == Shape::literal;
  if (before_literal && part.shape != Shape::literal && part.shape != Shape::time_part)
    text += " and then " + describe(parts_[missed_part_ + 1]);
  return text;
}

}  // namespace weir::formats
