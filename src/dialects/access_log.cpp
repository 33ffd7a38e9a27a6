#include "dialects/access_log.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>

#include "base/json_text.hpp"
#include "base/limits.hpp"

namespace weir::dialects {
namespace {

constexpr std::size_t shown_bytes_max = 40;
constexpr std::size_t time_bytes = std::string_view("17/May/2015:10:05:03 +0000").size();
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 6> page_extensions{"html", "htm", "php", "asp", "aspx", "jsp"};
constexpr int last_year = 2261;  // the last that EventTime holds whole

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// The number that all of `digits` make, or -1.
int number_of(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return -1;
  int number = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

int hex_digit(char byte) {
  if (is_digit(byte)) return byte - '0';
  const int lower = std::tolower(static_cast<unsigned char>(byte));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Reads "17/May/2015:10:05:03 +0000" at the start of `text`.
std::optional<EventTime> time_at(std::string_view text) {
  if (text.size() < time_bytes) return std::nullopt;
  const bool separated = text[2] == '/' && text[6] == '/' && text[11] == ':' && text[14] == ':' &&
                         text[17] == ':' && text[20] == ' ' && (text[21] == '+' || text[21] == '-');
  const auto* const month = std::ranges::find(months, text.substr(3, 3));
  const int day = number_of(text.substr(0, 2));
  const int year = number_of(text.substr(7, 4));
  const int hour = number_of(text.substr(12, 2));
  const int minute = number_of(text.substr(15, 2));
  const int second = number_of(text.substr(18, 2));
  const int offset_hours = number_of(text.substr(22, 2));
  const int offset_minutes = number_of(text.substr(24, 2));
  const bool in_range = day > 0 && year >= limits::year_min && year <= last_year && hour >= 0 && hour < 24 &&
                        minute >= 0 && minute < 60 && second >= 0 && second < 60 && offset_hours >= 0 &&
                        offset_hours < 24 && offset_minutes >= 0 && offset_minutes < 60;
  if (!separated || !in_range || month == months.end()) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
      std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  const std::chrono::seconds offset{offset_hours * 3600 + offset_minutes * 60};
  const auto local = std::chrono::sys_days{date} + std::chrono::seconds{hour * 3600 + minute * 60 + second};
  return local - (text[21] == '-' ? -offset : offset);
}

// Appends what the escape at the start of `text` means, and takes it off. What is none is kept as it stands.
void append_escape(std::string& out, std::string_view& text) {
  const char letter = text.size() > 1 ? text[1] : '\0';
  const int high = text.size() > 3 ? hex_digit(text[2]) : -1;
  const int low = text.size() > 3 ? hex_digit(text[3]) : -1;
  if (letter == 'x' && high >= 0 && low >= 0) {
    out += static_cast<char>(high * 16 + low);
    text.remove_prefix(4);
    return;
  }
  switch (letter) {
    case '"':
    case '\\':
      out += letter;
      break;
    case 'b':
      out += '\b';
      break;
    case 'f':
      out += '\f';
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'v':
      out += '\v';
      break;
    default:
      out += text.substr(0, 2);
      break;
  }
  text.remove_prefix(std::min<std::size_t>(2, text.size()));
}

// A line that is read from left to right.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text), rest_(text) {}

  // Up to the next space, which is passed too.
  std::string_view take_word() {
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(std::min(word.size() + 1, rest_.size()));
    return word;
  }

  // The first time in brackets behind a space. Names of users stand before it and may hold anything.
  std::optional<EventTime> take_time() {
    for (std::size_t at = rest_.find('['); at != std::string_view::npos; at = rest_.find('[', at + 1)) {
      const auto time = time_at(rest_.substr(at + 1));
      const std::string_view behind = rest_.substr(std::min(at + 1 + time_bytes, rest_.size()));
      if (!time || !behind.starts_with("] ")) continue;
      rest_ = behind.substr(2);
      return time;
    }
    return std::nullopt;
  }

  // A field in quotes and the space behind it, if there is one.
  std::optional<std::string> take_quoted() {
    if (!rest_.starts_with('"')) return std::nullopt;
    std::string_view text = rest_.substr(1);
    std::string field;
    while (!text.empty() && text.front() != '"') {
      if (text.front() == '\\') {
        append_escape(field, text);
      } else {
        const std::string_view plain = text.substr(0, text.find_first_of("\\\""));
        field += plain;
        text.remove_prefix(plain.size());
      }
    }
    if (text.empty()) return std::nullopt;
    rest_ = text.substr(1);
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return field;
  }

  [[nodiscard]] bool at_quote() const { return rest_.starts_with('"'); }

  [[nodiscard]] std::unexpected<Error> unreadable(std::string_view expected) const {
    std::string said = "expected " + std::string(expected) + " at byte ";
    said += std::to_string(text_.size() - rest_.size()) + ", found ";
    if (rest_.empty()) {
      said += "the end of the line";
    } else {
      append_json_string(said, rest_.substr(0, shown_bytes_max));
    }
    return fail(Move::caller, "unreadable_line", std::move(said));
  }

 private:
  std::string_view text_;
  std::string_view rest_;
};

std::string_view without_spaces_around(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// "GET /a b HTTP/1.1": what stands between the method and the protocol is the target, spaces and all;
// HTTP/0.9 has no protocol.
void split_request(std::string_view request, AccessEntry& entry) {
  const std::size_t method_end = request.find(' ');
  if (method_end == std::string_view::npos) return;
  entry.method = request.substr(0, method_end);
  std::string_view target = request.substr(method_end + 1);
  const std::size_t protocol = target.rfind(' ');
  if (protocol != std::string_view::npos && target.substr(protocol + 1).starts_with("HTTP/")) {
    target = target.substr(0, protocol);
  }
  entry.target = without_spaces_around(target);
}

// The path of a target in origin form ("/a?b") or absolute form ("http://host/a?b").
std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || target.find('/') != scheme + 1) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view() : target.substr(path);
}

}  // namespace

Result<AccessEntry> parse_access_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  Line line(text);
  AccessEntry entry;
  entry.client = line.take_word();
  if (entry.client.empty()) return line.unreadable("the client's address");
  const auto time = line.take_time();
  if (!time) return line.unreadable("two names and a time like [17/May/2015:10:05:03 +0000] from 1990 on");
  entry.time = *time;
  const auto request = line.take_quoted();
  if (!request) return line.unreadable("the request in quotes");
  split_request(*request, entry);

  const Line before_status = line;
  const std::string_view status = line.take_word();
  entry.status = number_of(status);
  if (status.size() != 3 || entry.status < 0) return before_status.unreadable("a status of three digits");
  const Line before_bytes = line;
  const std::string_view bytes = line.take_word();
  if (bytes != "-" && (bytes.empty() || !std::ranges::all_of(bytes, is_digit))) {
    return before_bytes.unreadable("the number of bytes or '-'");
  }
  if (!line.at_quote()) return entry;  // the common format

  auto referrer = line.take_quoted();
  if (!referrer) return line.unreadable("the referrer with its closing quote");
  if (!referrer->empty() && *referrer != "-") entry.referrer = std::move(referrer);
  auto user_agent = line.take_quoted();
  if (!user_agent) return line.unreadable("the user agent in quotes");
  if (*user_agent != "-") entry.user_agent = std::move(*user_agent);
  return entry;
}

std::string_view activity_type_of(const AccessEntry& entry) {
  constexpr std::string_view page_view = "page_view";
  constexpr std::string_view request = "request";
  const bool answered = (entry.status >= 200 && entry.status <= 299) || entry.status == 304;
  if (entry.method != "GET" || !answered) return request;
  const std::string_view path = path_of(entry.target);
  std::string_view segment = path.substr(path.rfind('/') + 1);
  segment = segment.substr(0, segment.find(';'));
  const std::size_t dot = segment.rfind('.');
  // A name that begins with its only dot, or ends with it, has no extension.
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == segment.size()) return page_view;
  std::string extension(segment.substr(dot + 1));
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return std::ranges::find(page_extensions, extension) != page_extensions.end() ? page_view : request;
}

}  // namespace weir::dialects
