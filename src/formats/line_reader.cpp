// Two readers with one interface: text lines go through LineMatcher, JSON lines through simdjson's DOM
// parser. Both fill a Captured, which fill_entry() interprets.
#include "formats/line_reader.hpp"

#include <array>
#include <charconv>
#include <simdjson.h>
#include <string>
#include <vector>

#include "base/json_text.hpp"
#include "base/limits.hpp"
#include "formats/line_matcher.hpp"

namespace weir::formats {
namespace {

constexpr std::size_t shown_bytes_max = 40;
constexpr std::string_view time_expected = "a time from 1990 to 2261";

std::unexpected<Error> unreadable_line(std::string text) {
  return fail(ErrorKind::invalid, "unreadable_line", std::move(text));
}

}  // namespace

static_assert(limits::json_slack_bytes >= simdjson::SIMDJSON_PADDING);

// Reads a line that is a JSON document. The members of the format are paths into it.
class LineReader::Json {
 public:
  explicit Json(const LogFormat& format) : format_(format) {
    for (const FormatPart& part : format.parts) {
      std::vector<std::string> path;
      for (std::string_view rest = part.text;;) {
        const std::size_t point = rest.find('.');
        path.emplace_back(rest.substr(0, point));
        if (point == std::string_view::npos) break;
        rest.remove_prefix(point + 1);
      }
      paths_.push_back(std::move(path));
    }
  }

  // The document is copied, because simdjson reads beyond its end.
  Result<void> read(std::string_view line, LogEntry& entry) {
    document_.reserve(line.size() + limits::json_slack_bytes);
    document_.assign(line);
    simdjson::dom::element root;
    if (const auto error = parser_.parse(document_.data(), document_.size(), false).get(root))
      return unreadable_line(std::string("expected a JSON object: ") + simdjson::error_message(error));
    if (!root.is_object()) return unreadable_line("expected a JSON object, found another JSON value");
    Captured found;
    found.escaped = false;
    // Numbers as text, for the fields that are read from text. One for each member.
    numbers_.clear();
    numbers_.resize(paths_.size());
    for (std::size_t at = 0; at < paths_.size(); ++at) {
      // The first member that has a value for the field counts.
      std::string_view& text = found[format_.parts[at].field];
      if (text.empty()) text = text_at(root, paths_[at], numbers_[at]);
    }
    // A line of another logger of the same server lacks these.
    for (const Field needed : {Field::client, Field::timestamp, Field::method, Field::target})
      if (found[needed].empty()) return lacks(needed);
    const auto time = read_timestamp(found[Field::timestamp]);
    if (!time) return unfit("the time", time_expected, found[Field::timestamp]);
    if (!fill_entry(found, entry))
      return unfit("the client", "an address or host name", found[Field::client]);
    entry.time = *time;
    return {};
  }

 private:
  // The text or number at the end of the path; of an array, the first one. Empty if there is none. A number
  // is written to `number`, which the result points to.
  static std::string_view text_at(simdjson::dom::element value, const std::vector<std::string>& path,
                                  std::string& number) {
    for (const std::string& name : path)
      if (value.at_key(name).get(value) != simdjson::SUCCESS) return {};
    if (value.is_array() && value.at(0).get(value) != simdjson::SUCCESS) return {};
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return text;
    if (!value.is_number()) return {};
    std::array<char, 512> digits{};  // a double has up to 309 before its point
    std::int64_t integer = 0;
    double real = 0;
    auto written = std::to_chars_result{digits.data(), {}};
    if (value.get(integer) == simdjson::SUCCESS)
      written = std::to_chars(digits.data(), digits.data() + digits.size(), integer);
    else if (value.get(real) == simdjson::SUCCESS)
      written = std::to_chars(digits.data(), digits.data() + digits.size(), real, std::chars_format::fixed);
    number.assign(digits.data(), static_cast<std::size_t>(written.ptr - digits.data()));
    return number;
  }

  // Names the preferred member of the field.
  std::unexpected<Error> lacks(Field needed) const {
    for (const FormatPart& part : format_.parts)
      if (part.field == needed) return unreadable_line("expected " + describe(part) + ", found none");
    return unreadable_line("the format has no such member");
  }

  static std::unexpected<Error> unfit(std::string_view what, std::string_view expected,
                                      std::string_view found) {
    std::string text(what);
    text.append(": expected ").append(expected).append(", found ");
    append_json_string(text, found.substr(0, shown_bytes_max));
    return unreadable_line(std::move(text));
  }

  const LogFormat& format_;
  std::vector<std::vector<std::string>> paths_;  // of the parts
  simdjson::dom::parser parser_;
  std::string document_;
  std::vector<std::string> numbers_;
};

LineReader::LineReader(const LogFormat& format)
    : format_(format), json_(format.syntax == Syntax::json ? std::make_unique<Json>(format) : nullptr) {}

LineReader::~LineReader() = default;

Result<std::string_view> LineReader::read(std::string_view line, LogEntry& entry) {
  if (!json_) return read_text(line, entry);
  if (auto done = json_->read(line, entry); !done) return std::unexpected(done.error());
  return line.substr(line.size());
}

Result<std::string_view> LineReader::read_text(std::string_view line, LogEntry& entry) {
  Captured found;
  found.escaped = format_.escaped;
  // The matcher decides whether the line has the format; the time and the client are checked afterwards.
  LineMatcher matcher(format_, line, found);
  const auto end = matcher.match();
  if (!end) return unreadable(line, matcher.missed_at(), matcher.expected());
  const auto time = to_event_time(found.time);
  if (!time) return unreadable(line, matcher.time_at(), time_expected);
  if (!fill_entry(found, entry)) return unreadable(line, 0, "an entry with the client's address");
  entry.time = *time;
  return line.substr(*end);
}

std::unexpected<Error> LineReader::unreadable(std::string_view line, std::size_t at,
                                              std::string_view expected) {
  std::string text = "expected " + std::string(expected) + " at byte " + std::to_string(at) + ", found ";
  if (at >= line.size())
    text += "the end of the line";
  else
    append_json_string(text, line.substr(at, shown_bytes_max));
  return unreadable_line(std::move(text));
}

}  // namespace weir::formats
