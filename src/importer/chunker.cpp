// next() and up_to() share cut(), which splits the buffered bytes of the source into spans and then into
// items. next() lets the source read on as far as a chunk needs; up_to() looks at exactly the bytes of an
// earlier chunk. Two things belong to no chunk, and are consumed before one is cut. They are the rest of a
// line whose beginning an earlier chunk covered, and NUL bytes at the beginning of a line.
#include "importer/chunker.hpp"

#include <algorithm>
#include <string>

#include "activity/json_array_splitter.hpp"
#include "base/ensure.hpp"

namespace weir::importer {
namespace {

using activity::JsonArraySplitter;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// A chunk ends before so many NUL bytes, so that skip_nul_bytes() can go past any number of them.
constexpr std::size_t nul_run_bytes_min = 64 * limits::KiB;

bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The bytes that a chunk is cut from: all buffered bytes, which grow while the source reads, or the next
// `bytes`.
class Window {
 public:
  Window(Source& source, std::optional<std::size_t> bytes) : source_(source), bytes_(bytes) { look(); }

  [[nodiscard]] std::string_view bytes() const { return view_; }
  [[nodiscard]] bool bounded() const { return bytes_.has_value(); }

  // Makes at least one more byte visible. False if there is none.
  bool grow() {
    if (bytes_) return false;
    const std::size_t before = view_.size();
    source_.fill(before + 1);
    look();
    return view_.size() > before;
  }

 private:
  void look() { view_ = bytes_ ? source_.buffered().substr(0, *bytes_) : source_.buffered(); }

  Source& source_;
  std::optional<std::size_t> bytes_;
  std::string_view view_;
};

// Where a chunk ends. The item that reaches a bound is the last one.
struct Bounds {
  std::size_t lines;
  std::size_t bytes;
};

// Offsets of an item in the window. A view would not survive grow().
struct Span {
  std::uint64_t line = 0;  // counted from the beginning of the window
  std::size_t at = 0;
  std::size_t bytes = 0;
  bool too_long = false;
};

// What was found in a window, from its beginning on.
struct Spans {
  std::vector<Span> spans;
  std::size_t bytes = 0;
  std::uint64_t lines = 0;
  bool mid_line = false;
  bool unterminated = false;
};

struct LineEnd {
  std::size_t end = 0;   // of the line's text
  std::size_t next = 0;  // where the next line begins
};

// Finds the first CR in [at, limit). No LF lies before `limit`.
std::optional<LineEnd> find_carriage_return(Window& window, std::size_t at, std::size_t limit) {
  const std::size_t end = window.bytes().substr(0, limit).find('\r', at);
  if (end == std::string_view::npos) return std::nullopt;
  if (end + 1 == window.bytes().size()) window.grow();  // an LF may follow, and belongs to this line end
  const bool line_feed = window.bytes().substr(end + 1).starts_with('\n');
  return LineEnd{end, end + (line_feed ? 2 : 1)};
}

// The end of the line that begins at `at`; nothing if the line is longer than item_bytes_max or has no end.
std::optional<LineEnd> find_line_end(Window& window, std::size_t at, Framing framing) {
  std::size_t from = at;
  while (true) {
    const std::size_t feed = window.bytes().find('\n', from);
    const std::size_t limit = std::min(feed, window.bytes().size());
    std::optional<LineEnd> found;
    if (framing == Framing::text_lines) found = find_carriage_return(window, from, limit);
    if (!found && feed != std::string_view::npos) found = {feed, feed + 1};
    if (found) return found->end - at <= item_bytes_max ? found : std::nullopt;
    from = limit;
    if (from - at > item_bytes_max || !window.grow()) return std::nullopt;
  }
}

// The offset after the NUL bytes and byte order marks that begin at `at`.
std::size_t skip_marks(Window& window, std::size_t at) {
  const std::size_t begin = at;
  while (at - begin <= item_bytes_max) {
    while (window.bytes().size() < at + byte_order_mark.size() && window.grow()) {
    }
    const std::string_view rest = window.bytes().substr(at);
    if (rest.starts_with(byte_order_mark))
      at += byte_order_mark.size();
    else if (rest.starts_with('\0'))
      at += std::min(rest.find_first_not_of('\0'), rest.size());
    else
      break;
  }
  return at;
}

// Lines until a bound, the end of the window, or a run of NUL bytes.
Spans split_lines(Window& window, Framing framing, const Bounds& bounds) {
  Spans found;
  while (found.lines < bounds.lines && found.bytes < bounds.bytes) {
    const std::size_t text_at = skip_marks(window, found.bytes);
    if (found.lines > 0 && !window.bounded() && text_at - found.bytes >= nul_run_bytes_min) break;
    const auto end = find_line_end(window, text_at, framing);
    const std::size_t rest = window.bytes().size() - text_at;
    if (!end && window.bytes().size() == found.bytes) break;  // nothing is left
    Span span{.line = found.lines + 1, .at = text_at};
    if (end) {
      span.bytes = end->end - text_at;
      found.bytes = end->next;
    } else {
      // The line is too long, or is the last one of the input, or was the last one of an earlier chunk.
      span.too_long = rest >= item_bytes_max;
      found.unterminated = !span.too_long && !window.bounded();
      if (found.unterminated) break;
      span.bytes = std::min(rest, item_bytes_max);
      found.bytes = text_at + span.bytes;
      found.mid_line = true;
    }
    ++found.lines;
    const std::string_view text = window.bytes().substr(span.at, span.bytes);
    // JSON lines end with CR LF, too, and a line that was cut off at its limit may end with a CR.
    if (text.ends_with('\r')) --span.bytes;
    if (text.find_first_not_of(" \t\r") != std::string_view::npos) found.spans.push_back(span);
    if (found.mid_line) break;
  }
  return found;
}

std::unexpected<Error> array_broken(std::string_view expected) {
  return fail(ErrorKind::invalid, "array_broken", "expected " + std::string(expected));
}

// The offset after the opening bracket.
Result<std::size_t> skip_opening_bracket(Window& window) {
  std::size_t at = skip_marks(window, 0);
  do {
    while (at < window.bytes().size() && is_white_space(window.bytes()[at])) ++at;
  } while (at == window.bytes().size() && window.grow());
  if (!window.bytes().substr(at).starts_with('[')) return array_broken("'[' at the beginning of the array");
  return at + 1;
}

// Advances to the next element, reading on where the window ends too early. True: there is one.
Result<bool> next_element(Window& window, JsonArraySplitter& splitter) {
  using enum JsonArraySplitter::Step;
  constexpr std::string_view too_long = "an element of at most 1 MiB";
  auto step = splitter.next(window.bytes());
  // After the end of the array, too, the window has to grow: nothing may follow the array.
  while ((step == more || step == end) && window.grow()) {
    if (window.bytes().size() - splitter.error_at() > 2 * item_bytes_max) return array_broken(too_long);
    step = splitter.next(window.bytes());
  }
  if (step == more && window.bounded()) step = splitter.end_of_text(window.bytes());
  if (step == end) return false;
  if (step != element) return array_broken(splitter.expected());
  if (splitter.end() - splitter.begin() > item_bytes_max) return array_broken(too_long);
  return true;
}

// Elements until a bound or the end of the array. The window begins at the array's beginning or after an
// element.
Result<Spans> split_elements(Window& window, bool at_start, const Bounds& bounds) {
  Spans found;
  std::size_t begin = 0;
  if (at_start) {
    const auto bracket = skip_opening_bracket(window);
    if (!bracket) return std::unexpected(bracket.error());
    begin = *bracket;
  }
  auto splitter =
      at_start ? JsonArraySplitter::after_bracket(begin) : JsonArraySplitter::after_element(begin);
  while (found.lines < bounds.lines && found.bytes < bounds.bytes) {
    const auto has_element = next_element(window, splitter);
    if (!has_element) {
      // The elements before the error are returned first. The next call finds the error again.
      if (!found.spans.empty()) break;
      return std::unexpected(has_element.error());
    }
    if (!*has_element) break;
    found.bytes = splitter.end();
    found.spans.push_back(
        {.line = ++found.lines, .at = splitter.begin(), .bytes = splitter.end() - splitter.begin()});
  }
  return found;
}

}  // namespace

Chunker::Chunker(Source& source, Framing framing, const InputPosition& position)
    : source_(source), framing_(framing), position_(position) {
  ensure(source.position() == position.bytes, "a chunker begins at the position of its source");
}

Result<Chunk> Chunker::next() {
  if (position_.mid_line) skip_rest_of_line();
  skip_nul_bytes(std::nullopt);
  return cut(std::nullopt);
}

Result<Chunk> Chunker::up_to(std::uint64_t position) {
  if (position_.mid_line) skip_rest_of_line();
  const auto shorter = [] {
    return fail(ErrorKind::invalid, "input_shorter",
                "the input is shorter than the part of it that was imported before");
  };
  // The rest of the line may end after the position. Then this is not the input that was imported.
  if (position < source_.position()) return shorter();
  skip_nul_bytes(position);
  const auto bytes = static_cast<std::size_t>(position - source_.position());
  source_.fill(bytes);
  if (source_.buffered().size() < bytes) return shorter();
  return cut(bytes);
}

// `bytes`: exactly so many, however many lines they hold; nothing: as many as a chunk takes.
Result<Chunk> Chunker::cut(std::optional<std::size_t> bytes) {
  Window window(source_, bytes);
  const bool at_start = source_.position() == 0;
  const Bounds bounds = bytes ? Bounds{.lines = SIZE_MAX, .bytes = *bytes}
                              : Bounds{.lines = chunk_lines_max, .bytes = chunk_bytes_max};
  auto found = framing_ == Framing::json_array ? split_elements(window, at_start, bounds)
                                               : Result<Spans>(split_lines(window, framing_, bounds));
  if (!found) return std::unexpected(found.error());
  Chunk chunk;
  chunk.bytes = found->bytes;
  chunk.end = {.bytes = source_.position() + found->bytes,
               .hash = source_.hash_after(found->bytes),
               .lines = position_.lines + found->lines,
               .mid_line = found->mid_line};
  chunk.items.reserve(found->spans.size());
  for (const Span& span : found->spans)
    chunk.items.push_back({.line = position_.lines + span.line,
                           .text = window.bytes().substr(span.at, span.bytes),
                           .too_long = span.too_long});
  if (found->unterminated) chunk.unterminated_line = chunk.end.lines + 1;
  return chunk;
}

Chunk Chunker::first_items(Chunk chunk, std::size_t count) const {
  ensure(count > 0, "a chunk has at least one item");
  if (count >= chunk.items.size()) return chunk;
  const std::string_view buffered = source_.buffered();
  const Item& last = chunk.items[count - 1];
  chunk.bytes = static_cast<std::size_t>(last.text.data() - buffered.data()) + last.text.size();
  // A line ends with its line end, so that the next chunk begins with a line.
  if (framing_ != Framing::json_array) {
    if (buffered.substr(chunk.bytes).starts_with('\r')) ++chunk.bytes;
    if (buffered.substr(chunk.bytes).starts_with('\n')) ++chunk.bytes;
  }
  chunk.end = {.bytes = source_.position() + chunk.bytes,
               .hash = source_.hash_after(chunk.bytes),
               .lines = last.line,
               .mid_line = false};
  chunk.items.resize(count);
  return chunk;
}

void Chunker::accept(const Chunk& chunk) {
  source_.consume(chunk.bytes);
  position_ = chunk.end;
}

// Bounded memory, however long the line is.
void Chunker::skip_rest_of_line() {
  const std::string_view ends = framing_ == Framing::text_lines ? "\r\n" : "\n";
  while (true) {
    source_.fill(1);
    if (source_.buffered().empty()) return;
    const std::size_t end = source_.buffered().find_first_of(ends);
    if (end == std::string_view::npos) {
      source_.consume(source_.buffered().size());
      continue;
    }
    source_.fill(end + 2);
    source_.consume(end + (source_.buffered().substr(end).starts_with("\r\n") ? 2 : 1));
    break;
  }
  position_.mid_line = false;
}

// Consumes NUL bytes at the beginning of a line, up to the position `end`. They can be gigabytes, which no
// window would hold.
void Chunker::skip_nul_bytes(std::optional<std::uint64_t> end) {
  if (framing_ == Framing::json_array || position_.mid_line) return;
  const std::uint64_t before = source_.position();
  while (true) {
    source_.fill(1);
    const std::string_view buffered = source_.buffered();
    std::size_t nuls = std::min(buffered.find_first_not_of('\0'), buffered.size());
    if (end) nuls = static_cast<std::size_t>(std::min<std::uint64_t>(nuls, *end - source_.position()));
    if (nuls == 0) break;
    source_.consume(nuls);
  }
  if (source_.position() == before) return;
  position_.bytes = source_.position();
  position_.hash = source_.hash();
}

}  // namespace weir::importer
