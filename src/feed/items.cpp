#include "feed/items.hpp"

#include <string>

#include "base/ensure.hpp"

namespace weir::feed {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

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
  bool open = false;
};

struct Spans {
  std::vector<Span> spans;
  std::size_t bytes = 0;
  std::uint64_t lines = 0;
  bool mid_line = false;
};

// The line end at or behind `at`; npos if the line does not end in sight, or not within its bound.
std::size_t find_line_end(Window& window, std::size_t at) {
  std::size_t from = at;
  while (true) {
    const std::size_t end = window.bytes().find('\n', from);
    if (end != std::string_view::npos) return end - at <= item_bytes_max ? end : std::string_view::npos;
    from = window.bytes().size();
    if (from - at > item_bytes_max || !window.grow()) return std::string_view::npos;
  }
}

Spans cut_lines(Window& window, bool at_start, const Bounds& bounds) {
  Spans cut;
  if (at_start)
    while (window.bytes().size() < byte_order_mark.size() && window.grow()) {
    }
  std::size_t text_at = at_start && window.bytes().starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  while (cut.lines < bounds.lines && cut.bytes < bounds.bytes) {
    const std::size_t end = find_line_end(window, cut.bytes);
    const std::size_t in_sight = window.bytes().size() - cut.bytes;
    if (end == std::string_view::npos && in_sight == 0) break;
    Span span{.line = ++cut.lines, .at = std::max(text_at, cut.bytes)};
    if (end != std::string_view::npos) {
      span.bytes = end - span.at;
      cut.bytes = end + 1;
    } else {
      const std::size_t shown = std::min(in_sight, item_bytes_max);
      span.bytes = cut.bytes + shown - span.at;
      span.too_long = in_sight >= item_bytes_max;
      span.open = !span.too_long;
      cut.bytes += shown;
      cut.mid_line = true;
    }
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
      at = skip_white_space(at);
      if (window_.bytes().substr(at).starts_with(byte_order_mark))
        at = skip_white_space(at + byte_order_mark.size());
      ensure(window_.bytes().substr(at).starts_with('['),
             "an input is an array because it begins with a bracket");
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
    return fail(Move::caller, "array_broken", std::string(why));
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

Dialect dialect_of(Source& source) {
  Window window(source, std::nullopt);
  std::size_t at = 0;
  do {
    if (at == 0 && window.bytes().starts_with(byte_order_mark)) at = byte_order_mark.size();
    while (at < window.bytes().size() && is_white_space(window.bytes()[at])) ++at;
  } while ((at == window.bytes().size() || window.bytes().size() < byte_order_mark.size()) && window.grow());
  if (at >= window.bytes().size()) return Dialect::access_log;
  if (window.bytes()[at] == '[') return Dialect::array;
  return window.bytes()[at] == '{' ? Dialect::ndjson : Dialect::access_log;
}

Cutter::Cutter(Source& source, Dialect dialect, const Place& place)
    : source_(source), dialect_(dialect), place_(place) {
  ensure(source.position() == place.bytes, "a cutter begins where its source stands");
}

Result<Cut> Cutter::next() {
  if (place_.mid_line) skip_rest_of_line();
  return cut(std::nullopt);
}

Result<Cut> Cutter::up_to(std::uint64_t position) {
  if (place_.mid_line) skip_rest_of_line();
  const auto shorter = [] {
    return fail(Move::caller, "input_shorter", "the input is shorter than what was taken from it before");
  };
  if (position < source_.position()) return shorter();
  const auto bytes = static_cast<std::size_t>(position - source_.position());
  source_.want(bytes);
  if (source_.ahead().size() < bytes) return shorter();
  return cut(bytes);
}

Result<Cut> Cutter::cut(std::optional<std::size_t> bytes) {
  Window window(source_, bytes);
  const bool at_start = source_.position() == 0;
  const Bounds bounds = bytes ? Bounds{.lines = SIZE_MAX, .bytes = *bytes}
                              : Bounds{.lines = piece_lines_max, .bytes = piece_bytes_max};
  auto found = dialect_ == Dialect::array ? cut_elements(window, at_start, bounds)
                                          : Result<Spans>(cut_lines(window, at_start, bounds));
  if (!found) return std::unexpected(found.error());
  Cut cut;
  cut.bytes = found->bytes;
  cut.behind = {.bytes = source_.position() + found->bytes,
                .hash = source_.hash_behind(found->bytes),
                .lines = place_.lines + found->lines,
                .mid_line = found->mid_line};
  cut.items.reserve(found->spans.size());
  for (const Span& span : found->spans)
    cut.items.push_back({.line = place_.lines + span.line,
                         .text = window.bytes().substr(span.at, span.bytes),
                         .too_long = span.too_long,
                         .open = span.open});
  return cut;
}

Cut Cutter::without_last(Cut cut) const {
  const std::string_view last = cut.items.back().text;
  cut.bytes = static_cast<std::size_t>(last.data() - source_.ahead().data());
  cut.behind = {.bytes = source_.position() + cut.bytes,
                .hash = source_.hash_behind(cut.bytes),
                .lines = cut.behind.lines - 1,
                .mid_line = false};
  cut.items.pop_back();
  return cut;
}

Cut Cutter::first_items(Cut cut, std::size_t count) const {
  ensure(count > 0, "a piece has at least one item");
  if (count >= cut.items.size()) return cut;
  const std::string_view ahead = source_.ahead();
  const Item& last = cut.items[count - 1];
  cut.bytes = static_cast<std::size_t>(last.text.data() - ahead.data()) + last.text.size();
  if (dialect_ != Dialect::array) {
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

void Cutter::accept(const Cut& cut) {
  source_.take(cut.bytes);
  place_ = cut.behind;
}

void Cutter::skip_rest_of_line() {
  while (true) {
    source_.want(1);
    const std::string_view ahead = source_.ahead();
    if (ahead.empty()) return;
    const std::size_t end = ahead.find('\n');
    source_.take(end == std::string_view::npos ? ahead.size() : end + 1);
    if (end != std::string_view::npos) break;
  }
  place_.mid_line = false;
}

}  // namespace weir::feed
