#include "importer/recognize.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "activity/decoder.hpp"
#include "base/limits.hpp"
#include "formats/line_reader.hpp"

namespace weir::importer {
namespace {

// How much of an input `auto` looks at.
constexpr std::size_t head_lines = 100;
constexpr std::size_t head_bytes_max = 8 * limits::MiB;
constexpr std::size_t magic_bytes = 512;  // a block of tar

// Known by its first bytes (file(1) knows them too).
struct UnsupportedFormat {
  std::string_view magic;
  std::size_t at;
  std::string_view name;
  std::string_view remedy;
};

using namespace std::string_view_literals;
constexpr std::array<UnsupportedFormat, 13> unsupported_formats{{
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

// UTF-16 text without a byte order mark: every second byte is NUL.
bool looks_like_utf16(std::string_view head) {
  constexpr std::size_t units = 16;
  if (head.size() < 2 * units) return false;
  std::array<std::size_t, 2> nuls{};
  for (std::size_t at = 0; at < 2 * units; ++at) nuls[at % 2] += head[at] == '\0' ? 1 : 0;
  return std::max(nuls[0], nuls[1]) == units && std::min(nuls[0], nuls[1]) == 0;
}

Result<void> reject_unsupported(Source& source) {
  source.fill(magic_bytes);
  const std::string_view head = source.buffered().substr(0, magic_bytes);
  for (const UnsupportedFormat& each : unsupported_formats) {
    // The magic may be at an offset, such as 257 for tar.
    if (head.size() < each.at || !head.substr(each.at).starts_with(each.magic)) continue;
    return fail(
        ErrorKind::invalid, "unsupported_format",
        "it is " + std::string(each.name) + ", which import does not read: " + std::string(each.remedy));
  }
  if (looks_like_utf16(head))
    return fail(
        ErrorKind::invalid, "unsupported_format",
        "it is UTF-16 text, which import does not read: convert it first, e.g. iconv -f UTF-16LE -t UTF-8"
        " FILE | weir import -");
  return {};
}

// Reads the beginning of a source from left to right, and consumes nothing.
class Head {
 public:
  explicit Head(Source& source) : source_(source) { skip_marks(); }

  // The next byte that is not white space.
  std::optional<char> next_byte() {
    while (fill()) {
      const char byte = source_.buffered()[at_++];
      if (white_space.find(byte) == std::string_view::npos) return byte;
    }
    return std::nullopt;
  }

  // The next line that has an end, is not blank and is not longer than an item. Without NUL bytes and byte
  // order marks at its beginning.
  std::optional<std::string_view> next_line() {
    while (true) {
      skip_marks();
      const std::size_t begin = at_;
      std::size_t end = source_.buffered().find_first_of("\r\n", begin);
      while (end == std::string_view::npos) {
        at_ = source_.buffered().size();
        if (!fill()) return std::nullopt;
        end = source_.buffered().find_first_of("\r\n", at_);
      }
      at_ = end + 1;
      const std::string_view line = source_.buffered().substr(begin, end - begin);
      if (line.size() <= item_bytes_max && line.find_first_not_of(white_space) != std::string_view::npos)
        return line;
    }
  }

 private:
  static constexpr std::string_view white_space = " \t\r\n";

  // Makes the byte at at_ readable. False at the end of the input, or of head_bytes_max.
  bool fill() {
    if (at_ < source_.buffered().size()) return true;
    if (at_ < head_bytes_max) source_.fill(at_ + 1);
    return at_ < source_.buffered().size();
  }

  void skip_marks() {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    while (fill()) {
      if (source_.buffered().size() < at_ + byte_order_mark.size())
        source_.fill(at_ + byte_order_mark.size());
      const std::string_view rest = source_.buffered().substr(at_);
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

// Whether the first byte opens an array. The second one must be in `second_bytes`, unless that is empty or no
// second byte comes: a log line may begin with a bracket, too.
bool begins_array(Source& source, std::string_view second_bytes) {
  Head head(source);
  const auto first = head.next_byte();
  if (first != '[') return false;
  const auto second = head.next_byte();
  return second_bytes.empty() || !second || second_bytes.find(*second) != std::string_view::npos;
}

// A format, and in how many of the first lines it was found.
struct Vote {
  InputFormat format;
  std::string_view name;
  std::size_t lines = 0;
};

// The formats among which `auto` chooses, in the order of preference.
std::vector<Vote> candidates() {
  std::vector<Vote> votes;
  for (const formats::LogFormat& log : formats::built_in_formats()) {
    const bool json = log.syntax == formats::Syntax::json;
    votes.push_back({{json ? Framing::json_lines : Framing::text_lines, log}, log.name});
  }
  votes.push_back({{Framing::json_lines, std::nullopt}, "activities"});
  return votes;
}

// What Decoder accepts, Weir accepts.
bool is_activity(std::string_view line) {
  activity::Decoder decoder;
  std::string padded;
  padded.reserve(line.size() + limits::json_slack_bytes);
  padded.assign(line);
  return decoder.decode(padded).has_value();
}

// Whether all of the line can be read in the format, with an address where the format has one. Otherwise a
// quoted user agent at the end of a line could pass for a forwarded address.
bool reads_wholly(const Vote& vote, std::string_view line) {
  if (!vote.format.log) return is_activity(line);
  formats::LineReader reader(*vote.format.log);
  formats::LogEntry entry;
  do {
    const auto rest = reader.read(line, entry);
    if (!rest || entry.bad_forwarded) return false;
    line = *rest;
  } while (!line.empty());
  return true;
}

std::string note_for(const Vote& best, std::size_t lines) {
  if (lines == 0) return {};
  const std::string first = lines == 1 ? "the first line" : "the first " + std::to_string(lines) + " lines";
  const std::string name(best.name);
  if (best.lines > 0)
    return "format " + name + ", recognized in " +
           (lines == 1 ? first : std::to_string(best.lines) + " of " + first);
  return first + (lines == 1 ? " has" : " have") + " no known format; reading the input as " + name +
         " (--format accepts an nginx log_format or Apache LogFormat string)";
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
    for (Vote& vote : votes) vote.lines += reads_wholly(vote, *line) ? 1 : 0;
  }
  // Of formats with equally many lines, the first one.
  auto best = std::ranges::max_element(votes, {}, &Vote::lines);
  // No line fits: the last candidate is activities, the first one is combined.
  if (best->lines == 0) best = brace ? votes.end() - 1 : votes.begin();
  return {.format = best->format, .note = note_for(*best, lines)};
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
  if (const auto readable = reject_unsupported(source); !readable) return std::unexpected(readable.error());
  using enum FormatChoice::Kind;
  if (choice.kind == access_log) {
    const bool json = choice.log.syntax == formats::Syntax::json;
    return Recognized{{json ? Framing::json_lines : Framing::text_lines, choice.log}, {}};
  }
  if (choice.kind == activities)
    return Recognized{{begins_array(source, {}) ? Framing::json_array : Framing::json_lines, std::nullopt},
                      {}};
  if (begins_array(source, "{]"))
    return Recognized{{Framing::json_array, std::nullopt}, "format activities: the input is a JSON array"};
  return recognize_by_lines(source);
}

}  // namespace weir::importer
