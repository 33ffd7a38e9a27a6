#include "importer/chunker.hpp"

#include <algorithm>
#include <string>

#include "base/ensure.hpp"

namespace weir::importer {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t hole_bytes_min = 64 * limits::KiB;  // NULs of which a piece ends before them

bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What may be looked at: all that lies ahead, growing as it is read, or only the next so many bytes.
class Window {
 public:
  Window(Source& source, std::optional<std::size_t> bytes) : source_(source), bytes_(bytes) { look(); }

  [[nodiscard]] std::string_view bytes() const { return view_; }
  [[nodiscard]] bool bounded() const { return bytes_.has_value(); }

  // Makes at least one byte more visible; false if there is none.
  bool grow() {
    if (bytes_) return false;
    const std::size_t before = view_.size();
    source_.want(before + 1);
    look();
    return view_.size() > before;
  }

 private:
  void look() { view_ = bytes_ ? source_.ahead().substr(0, *bytes_) : source_.ahead(); }

  Source& source_;
  std::optional<std::size_t> bytes_;
  std::string_view view_;
};

struct Bounds {
  std::size_t lines;
  std::size_t bytes;
};

// Where an item lies in the window: views would not outlive its growing.
struct Span {
  std::uint64_t line = 0;
  std::size_t at = 0;
  std::size_t bytes = 0;
  bool too_long = false;
};

struct Spans {
  std::vector<Span> spans;
  std::size_t bytes = 0;
  std::uint64_t lines = 0;
  bool mid_line = false;
  bool unfinished = false;
};

// Where a line ends, and where the next one begins.
struct LineEnd {
  std::size_t end = 0;
  std::size_t next = 0;
};

// The first end of a line in [at, sight), which holds no LF but perhaps at its end; or nothing.
std::optional<LineEnd> find_carriage_return(Window& window, std::size_t at, std::size_t sight) {
  const std::size_t end = window.bytes().substr(0, sight).find('\r', at);
  if (end == std::string_view::npos) return std::nullopt;
  if (end + 1 == window.bytes().size()) window.grow();
  const bool line_feed = window.bytes().substr(end + 1).starts_with('\n');
  return LineEnd{end, end + (line_feed ? 2 : 1)};
}

// The end of the line that begins at `at`; nothing if it does not end in sight, or not within its bound.
std::optional<LineEnd> find_line_end(Window& window, std::size_t at, Framing framing) {
  std::size_t from = at;
  while (true) {
    const std::size_t feed = window.bytes().find('\n', from);
    const std::size_t sight = std::min(feed, window.bytes().size());
    std::optional<LineEnd> found;
    if (framing == Framing::text_lines) found = find_carriage_return(window, from, sight);
    if (!found && feed != std::string_view::npos) found = {feed, feed + 1};
    if (found) return found->end - at <= item_bytes_max ? found : std::nullopt;
    from = sight;
    if (from - at > item_bytes_max || !window.grow()) return std::nullopt;
  }
}

// Where the line that begins at `at` goes on after NULs and byte order marks.
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

Spans cut_lines(Window& window, Framing framing, const Bounds& bounds) {
  Spans cut;
  while (cut.lines < bounds.lines && cut.bytes < bounds.bytes) {
    const std::size_t text_at = skip_marks(window, cut.bytes);
    if (cut.lines > 0 && !window.bounded() && text_at - cut.bytes >= hole_bytes_min) break;
    const auto end = find_line_end(window, text_at, framing);
    const std::size_t in_sight = window.bytes().size() - text_at;
    if (!end && window.bytes().size() == cut.bytes) break;
    Span span{.line = cut.lines + 1, .at = text_at};
    if (end) {
      span.bytes = end->end - text_at;
      cut.bytes = end->next;
    } else {
      span.too_long = in_sight >= item_bytes_max;
      cut.unfinished = !span.too_long && !window.bounded();
      if (cut.unfinished) break;
      span.bytes = std::min(in_sight, item_bytes_max);
      cut.bytes = text_at + span.bytes;
      cut.mid_line = true;
    }
    ++cut.lines;
    const std::string_view text = window.bytes().substr(span.at, span.bytes);
    if (text.ends_with('\r')) --span.bytes;
    if (text.find_first_not_of(" \t\r") != std::string_view::npos) cut.spans.push_back(span);
    if (cut.mid_line) break;
  }
  return cut;
}

// The elements of an array, one after another.
class Elements {
 public:
  explicit Elements(Window& window) : window_(window) {}

  // Where the next element begins, at or behind `at`; npos behind the last one. `first`: the bracket comes
  // first.
  Result<std::size_t> begin(std::size_t at, bool first) {
    if (first) {
      at = skip_white_space(skip_marks(window_, at));
      if (!window_.bytes().substr(at).starts_with('[')) return broken("it does not begin with '['");
      ++at;
    }
    at = skip_white_space(at);
    if (at >= window_.bytes().size()) return broken("it is not closed");
    if (window_.bytes()[at] == ']') {
      at = skip_white_space(at + 1);
      if (at < window_.bytes().size()) return broken("there is text behind its end");
      return std::string_view::npos;
    }
    if (first) return at;
    if (window_.bytes()[at] != ',') return broken("expected ',' or ']' behind the element");
    at = skip_white_space(at + 1);
    if (at >= window_.bytes().size()) return broken("it is not closed");
    if (window_.bytes()[at] == ']' || window_.bytes()[at] == ',') return broken("a comma stands for nothing");
    return at;
  }

  // The end of the element that begins at `begin`: its brackets even, its strings closed.
  Result<std::size_t> end(std::size_t begin) {
    int depth = 0;
    bool in_string = false;
    bool escaped = false;
    for (std::size_t at = begin;; ++at) {
      if (at == window_.bytes().size() && !window_.grow()) {
        // A piece that was cut before ends with its last element.
        if (window_.bounded() && depth == 0 && !in_string) return at;
        return broken("it is not closed");
      }
      if (at - begin > item_bytes_max) return broken("an element has more than 1 MiB");
      const char c = window_.bytes()[at];
      if (in_string) {
        in_string = escaped || c != '"';
        escaped = !escaped && c == '\\';
        continue;
      }
      if (depth == 0 && (c == ',' || c == ']' || is_white_space(c))) return at;
      if (c == '"') in_string = true;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
    }
  }

 private:
  std::size_t skip_white_space(std::size_t at) {
    while (true) {
      while (at < window_.bytes().size() && is_white_space(window_.bytes()[at])) ++at;
      if (at < window_.bytes().size() || !window_.grow()) return at;
    }
  }

  static std::unexpected<Error> broken(std::string_view why) {
    return fail(ErrorKind::invalid, "array_broken", std::string(why));
  }

  Window& window_;
};

Result<Spans> cut_elements(Window& window, bool at_start, const Bounds& bounds) {
  Spans cut;
  Elements elements(window);
  while (cut.lines < bounds.lines && cut.bytes < bounds.bytes) {
    const auto begin = elements.begin(cut.bytes, at_start && cut.spans.empty());
    if (begin && *begin == std::string_view::npos) break;
    const auto end = begin ? elements.end(*begin) : begin;
    if (!end) {
      // What came before goes first; the next call meets the fault again.
      if (!cut.spans.empty()) break;
      return std::unexpected(end.error());
    }
    cut.spans.push_back({.line = ++cut.lines, .at = *begin, .bytes = *end - *begin});
    cut.bytes = *end;
  }
  return cut;
}

}  // namespace

Chunker::Chunker(Source& source, Framing framing, const InputPosition& place)
    : source_(source), framing_(framing), place_(place) {
  ensure(source.position() == place.bytes, "a cutter begins where its source stands");
}

Result<Chunk> Chunker::next() {
  if (place_.mid_line) skip_rest_of_line();
  skip_hole(std::nullopt);
  return cut(std::nullopt);
}

Result<Chunk> Chunker::up_to(std::uint64_t position) {
  if (place_.mid_line) skip_rest_of_line();
  const auto shorter = [] {
    return fail(ErrorKind::invalid, "input_shorter",
                "the input is shorter than what was taken from it before");
  };
  if (position < source_.position()) return shorter();
  skip_hole(position);
  const auto bytes = static_cast<std::size_t>(position - source_.position());
  source_.want(bytes);
  if (source_.ahead().size() < bytes) return shorter();
  return cut(bytes);
}

Result<Chunk> Chunker::cut(std::optional<std::size_t> bytes) {
  Window window(source_, bytes);
  const bool at_start = source_.position() == 0;
  const Bounds bounds = bytes ? Bounds{.lines = SIZE_MAX, .bytes = *bytes}
                              : Bounds{.lines = piece_lines_max, .bytes = piece_bytes_max};
  auto found = framing_ == Framing::json_array ? cut_elements(window, at_start, bounds)
                                               : Result<Spans>(cut_lines(window, framing_, bounds));
  if (!found) return std::unexpected(found.error());
  Chunk cut;
  cut.bytes = found->bytes;
  cut.behind = {.bytes = source_.position() + found->bytes,
                .hash = source_.hash_behind(found->bytes),
                .lines = place_.lines + found->lines,
                .mid_line = found->mid_line};
  cut.items.reserve(found->spans.size());
  for (const Span& span : found->spans)
    cut.items.push_back({.line = place_.lines + span.line,
                         .text = window.bytes().substr(span.at, span.bytes),
                         .too_long = span.too_long});
  if (found->unfinished) cut.unfinished = cut.behind.lines + 1;
  return cut;
}

Chunk Chunker::first_items(Chunk cut, std::size_t count) const {
  ensure(count > 0, "a piece has at least one item");
  if (count >= cut.items.size()) return cut;
  const std::string_view ahead = source_.ahead();
  const Item& last = cut.items[count - 1];
  cut.bytes = static_cast<std::size_t>(last.text.data() - ahead.data()) + last.text.size();
  if (framing_ != Framing::json_array) {
    if (ahead.substr(cut.bytes).starts_with('\r')) ++cut.bytes;
    if (ahead.substr(cut.bytes).starts_with('\n')) ++cut.bytes;
  }
  cut.behind = {.bytes = source_.position() + cut.bytes,
                .hash = source_.hash_behind(cut.bytes),
                .lines = last.line,
                .mid_line = false};
  cut.items.resize(count);
  return cut;
}

void Chunker::accept(const Chunk& cut) {
  source_.take(cut.bytes);
  place_ = cut.behind;
}

void Chunker::skip_rest_of_line() {
  const std::string_view ends = framing_ == Framing::text_lines ? "\r\n" : "\n";
  while (true) {
    source_.want(1);
    if (source_.ahead().empty()) return;
    const std::size_t end = source_.ahead().find_first_of(ends);
    if (end == std::string_view::npos) {
      source_.take(source_.ahead().size());
      continue;
    }
    source_.want(end + 2);
    source_.take(end + (source_.ahead().substr(end).starts_with("\r\n") ? 2 : 1));
    break;
  }
  place_.mid_line = false;
}

// Takes NULs at the beginning of a line, however many: they would not fit into a window. Not beyond `end`.
void Chunker::skip_hole(std::optional<std::uint64_t> end) {
  if (framing_ == Framing::json_array || place_.mid_line) return;
  const std::uint64_t before = source_.position();
  while (true) {
    source_.want(1);
    const std::string_view ahead = source_.ahead();
    std::size_t nuls = std::min(ahead.find_first_not_of('\0'), ahead.size());
    if (end) nuls = static_cast<std::size_t>(std::min<std::uint64_t>(nuls, *end - source_.position()));
    if (nuls == 0) break;
    source_.take(nuls);
  }
  if (source_.position() == before) return;
  place_.bytes = source_.position();
  place_.hash = source_.hash();
}

}  // namespace weir::importer
