#include "importer/recognize.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "activity/decoder.hpp"
#include "base/limits.hpp"
#include "formats/line_reader.hpp"

namespace weir::importer {
namespace {

constexpr std::size_t head_lines = 100;
constexpr std::size_t head_bytes_max = 8 * limits::MiB;
constexpr std::size_t magic_bytes = 512;  // a block of tar

struct Foreign {
  std::string_view magic;
  std::size_t at;
  std::string_view name;
  std::string_view remedy;
};

using namespace std::string_view_literals;
constexpr std::array<Foreign, 13> foreign_formats{{
    {"\xFD"
     "7zXZ\0"sv,
     0, "compressed with xz", "decompress it first, e.g. xz -dc FILE | weir import -"},
    {"1AY&SY"sv, 4, "compressed with bzip2", "decompress it first, e.g. bzip2 -dc FILE | weir import -"},
    {"\x1F\x8B"sv, 0, "gzip within a compressed file", "decompress it first, e.g. zcat FILE | weir import -"},
    {"\x28\xB5\x2F\xFD"sv, 0, "zstd within a compressed file",
     "decompress it first, e.g. zcat FILE | weir import -"},
    {"\x1F\x9D"sv, 0, "compressed with compress", "decompress it first, e.g. zcat FILE | weir import -"},
    {"LZIP\x01"sv, 0, "compressed with lzip", "decompress it first, e.g. lzip -dc FILE | weir import -"},
    {"\x04\x22\x4D\x18"sv, 0, "compressed with lz4",
     "decompress it first, e.g. lz4 -dc FILE | weir import -"},
    {"7z\xBC\xAF\x27\x1C"sv, 0, "a 7z archive", "extract it first"},
    {"PK\x03\x04"sv, 0, "a zip archive", "extract it first, e.g. unzip -p FILE | weir import -"},
    {"ustar"sv, 257, "a tar archive", "extract it first, e.g. tar -xOf FILE | weir import -"},
    {"\xFF\xFE"sv, 0, "UTF-16 text", "convert it first, e.g. iconv -f UTF-16 -t UTF-8 FILE | weir import -"},
    {"\xFE\xFF"sv, 0, "UTF-16 text", "convert it first, e.g. iconv -f UTF-16 -t UTF-8 FILE | weir import -"},
    {"SQLite format 3\0"sv, 0, "an SQLite database", "only logs and activities can be imported"},
}};

// Text in UTF-16 without its mark: every second byte is NUL.
bool looks_like_utf16(std::string_view head) {
  constexpr std::size_t units = 16;
  if (head.size() < 2 * units) return false;
  std::array<std::size_t, 2> nuls{};
  for (std::size_t at = 0; at < 2 * units; ++at) nuls[at % 2] += head[at] == '\0' ? 1 : 0;
  return std::max(nuls[0], nuls[1]) == units && std::min(nuls[0], nuls[1]) == 0;
}

Result<void> refuse_foreign(Source& source) {
  source.want(magic_bytes);
  const std::string_view head = source.ahead().substr(0, magic_bytes);
  for (const Foreign& each : foreign_formats) {
    if (head.size() < each.at || !head.substr(each.at).starts_with(each.magic)) continue;
    return fail(
        ErrorKind::invalid, "foreign_format",
        "it is " + std::string(each.name) + ", which import does not read: " + std::string(each.remedy));
  }
  if (looks_like_utf16(head))
    return fail(
        ErrorKind::invalid, "foreign_format",
        "it is UTF-16 text, which import does not read: convert it first, e.g. iconv -f UTF-16LE -t UTF-8"
        " FILE | weir import -");
  return {};
}

// What lies ahead of a source at its beginning, read from left to right; nothing is taken.
class Head {
 public:
  explicit Head(Source& source) : source_(source) { skip_marks(); }

  // The next byte that is no white space.
  std::optional<char> next_byte() {
    while (fill()) {
      const char byte = source_.ahead()[at_++];
      if (white_space.find(byte) == std::string_view::npos) return byte;
    }
    return std::nullopt;
  }

  // The next line that is not blank, has an end, and is not longer than an item; without marks at its
  // beginning.
  std::optional<std::string_view> next_line() {
    while (true) {
      skip_marks();
      const std::size_t begin = at_;
      std::size_t end = source_.ahead().find_first_of("\r\n", begin);
      while (end == std::string_view::npos) {
        at_ = source_.ahead().size();
        if (!fill()) return std::nullopt;
        end = source_.ahead().find_first_of("\r\n", at_);
      }
      at_ = end + 1;
      const std::string_view line = source_.ahead().substr(begin, end - begin);
      if (line.size() <= item_bytes_max && line.find_first_not_of(white_space) != std::string_view::npos)
        return line;
    }
  }

 private:
  static constexpr std::string_view white_space = " \t\r\n";

  // Whether a byte is at at_.
  bool fill() {
    if (at_ < source_.ahead().size()) return true;
    if (at_ < head_bytes_max) source_.want(at_ + 1);
    return at_ < source_.ahead().size();
  }

  void skip_marks() {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    while (fill()) {
      if (source_.ahead().size() < at_ + byte_order_mark.size()) source_.want(at_ + byte_order_mark.size());
      const std::string_view rest = source_.ahead().substr(at_);
      if (rest.starts_with('\0'))
        ++at_;
      else if (rest.starts_with(byte_order_mark))
        at_ += byte_order_mark.size();
      else
        break;
    }
  }

  Source& source_;
  std::size_t at_ = 0;
};

// Whether the first byte opens an array, and the next one is one of `also` (or none comes); any may follow if
// `also` is empty.
bool begins_array(Source& source, std::string_view also) {
  Head head(source);
  const auto first = head.next_byte();
  if (first != '[') return false;
  const auto second = head.next_byte();
  return also.empty() || !second || also.find(*second) != std::string_view::npos;
}

struct Vote {
  InputFormat format;
  std::string_view name;
  std::size_t lines = 0;
};

std::vector<Vote> candidates() {
  std::vector<Vote> votes;
  for (const formats::LogFormat& log : formats::built_in_formats()) {
    const bool json = log.syntax == formats::Syntax::json;
    votes.push_back({{json ? Framing::json_lines : Framing::text_lines, log}, log.name});
  }
  votes.push_back({{Framing::json_lines, std::nullopt}, "activities"});
  return votes;
}

bool is_activity(std::string_view line) {
  activity::Decoder decoder;
  std::string padded;
  padded.reserve(line.size() + limits::json_slack_bytes);
  padded.assign(line);
  return decoder.decode(padded).has_value();
}

// A line counts for a format if it is wholly of it and its address is where the format has it.
bool is_of(const Vote& vote, std::string_view line) {
  if (!vote.format.log) return is_activity(line);
  formats::LineReader reader(*vote.format.log);
  formats::LogEntry entry;
  do {
    const auto rest = reader.read(line, entry);
    if (!rest || entry.odd_forwarded) return false;
    line = *rest;
  } while (!line.empty());
  return true;
}

std::string note_of(const Vote& best, std::size_t lines) {
  if (lines == 0) return {};
  const std::string first = lines == 1 ? "first line" : "first " + std::to_string(lines) + " lines";
  if (best.lines > 0)
    return "format " + std::string(best.name) + ", by " + std::to_string(best.lines) + " of the " + first;
  return "the " + first + (lines == 1 ? " is" : " are") + " of no known format: read as " +
         std::string(best.name) + "; --format takes an nginx log_format or Apache LogFormat string";
}

Recognized recognize_by_lines(Source& source) {
  std::vector<Vote> votes = candidates();
  Head head(source);
  std::size_t lines = 0;
  bool brace = false;
  while (lines < head_lines) {
    const auto line = head.next_line();
    if (!line) break;
    if (lines++ == 0) brace = line->starts_with('{');
    for (Vote& vote : votes) vote.lines += is_of(vote, *line) ? 1 : 0;
  }
  auto best = std::ranges::max_element(votes, {}, &Vote::lines);
  if (best->lines == 0) best = brace ? votes.end() - 1 : votes.begin();
  return {.format = best->format, .note = note_of(*best, lines)};
}

}  // namespace

Result<FormatChoice> parse_format_choice(std::string_view text) {
  if (text == "auto") return FormatChoice{};
  if (text == "activities") return FormatChoice{.kind = FormatChoice::Kind::activities, .log = {}};
  auto log = formats::parse_log_format(text);
  if (!log) return std::unexpected(log.error());
  return FormatChoice{.kind = FormatChoice::Kind::access_log, .log = std::move(*log)};
}

Result<Recognized> recognize(Source& source, const FormatChoice& choice) {
  if (const auto readable = refuse_foreign(source); !readable) return std::unexpected(readable.error());
  using enum FormatChoice::Kind;
  if (choice.kind == access_log) {
    const bool json = choice.log.syntax == formats::Syntax::json;
    return Recognized{{json ? Framing::json_lines : Framing::text_lines, choice.log}, {}};
  }
  if (choice.kind == activities)
    return Recognized{{begins_array(source, {}) ? Framing::json_array : Framing::json_lines, std::nullopt},
                      {}};
  if (begins_array(source, "{]"))
    return Recognized{{Framing::json_array, std::nullopt}, "format activities: it is a JSON array"};
  return recognize_by_lines(source);
}

}  // namespace weir::importer
