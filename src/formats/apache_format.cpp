// A format string is read from left to right: literals, and directives of the form %[status
// conditions][<|>][{argument}][^xx]name. The tables say which field a directive means and which bytes its
// value may have. A directive without a use here is dropped, but its value must still match.
#include "formats/apache_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "formats/format_builder.hpp"

namespace weir::formats {
namespace {

struct Directive {
  char name;
  Field field;
  Shape shape;
};

// In alphabetical order.
constexpr std::array<Directive, 29> directives{{
    {'a', Field::client, Shape::addresses}, {'A', Field::dropped, Shape::word},
    {'b', Field::dropped, Shape::number},   {'B', Field::dropped, Shape::number},
    {'c', Field::dropped, Shape::text},     {'C', Field::dropped, Shape::text},
    {'D', Field::dropped, Shape::number},   {'e', Field::dropped, Shape::text},
    {'f', Field::dropped, Shape::text},     {'h', Field::client, Shape::addresses},
    {'H', Field::dropped, Shape::word},     {'I', Field::dropped, Shape::number},
    {'k', Field::dropped, Shape::number},   {'l', Field::ident, Shape::word},
    {'L', Field::dropped, Shape::word},     {'m', Field::method, Shape::word},
    {'n', Field::dropped, Shape::text},     {'o', Field::dropped, Shape::text},
    {'O', Field::dropped, Shape::number},   {'p', Field::dropped, Shape::number},
    {'P', Field::dropped, Shape::word},     {'q', Field::query, Shape::text},
    {'r', Field::request, Shape::text},     {'R', Field::dropped, Shape::word},
    {'s', Field::status, Shape::status},    {'S', Field::dropped, Shape::number},
    {'T', Field::dropped, Shape::number},   {'u', Field::user, Shape::user},
    {'U', Field::target, Shape::text},
}};

constexpr std::array<Directive, 4> further_directives{{
    {'v', Field::host, Shape::host},
    {'V', Field::host, Shape::host},
    {'x', Field::dropped, Shape::text},
    {'X', Field::dropped, Shape::word},
}};

// Request headers with a meaning here. All others are dropped.
struct Header {
  std::string_view name;  // lower case
  Field field;
  Shape shape;
};

constexpr std::array<Header, 8> headers{{
    {"referer", Field::referrer, Shape::text},
    {"user-agent", Field::user_agent, Shape::text},
    {"host", Field::host, Shape::host},
    {"x-forwarded-host", Field::host, Shape::host},
    {"x-forwarded-for", Field::forwarded, Shape::addresses},
    {"x-real-ip", Field::forwarded, Shape::addresses},
    {"cf-connecting-ip", Field::forwarded, Shape::addresses},
    {"true-client-ip", Field::forwarded, Shape::addresses},
}};

const Directive* find_directive(char name) {
  for (const Directive& each : directives)
    if (each.name == name) return &each;
  for (const Directive& each : further_directives)
    if (each.name == name) return &each;
  return nullptr;
}

struct WrittenDirective {
  std::string_view whole;
  std::string_view argument;
  std::string_view name;  // one character; three if it begins with '^'
};

// Removes the directive at the beginning of `text`.
Result<WrittenDirective> take_directive(std::string_view& text) {
  const std::string_view begin = text;
  WrittenDirective written;
  text.remove_prefix(1);
  const auto is_modifier = [](char byte) {
    return std::isdigit(static_cast<unsigned char>(byte)) != 0 || byte == ',' || byte == '!' || byte == '<' ||
           byte == '>';
  };
  // A directive has at most one argument. A second '{' ends the loop, and is refused as a name.
  bool argument_read = false;
  while (!text.empty() && (is_modifier(text.front()) || (text.front() == '{' && !argument_read))) {
    if (text.front() != '{') {
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return format_invalid("a '{' of the format has no '}'");
    written.argument = text.substr(1, end - 1);
    argument_read = true;
    text.remove_prefix(end + 1);
  }
  written.name = text.substr(0, text.starts_with('^') ? 3 : 1);
  if (written.name.empty()) return format_invalid("the format ends within a directive");
  text.remove_prefix(written.name.size());
  written.whole = begin.substr(0, begin.size() - text.size());
  return written;
}

// A header can be absent, and Apache then writes "-".
void add_header(FormatBuilder& builder, std::string_view argument) {
  std::string name(argument);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  const auto* const known = std::ranges::find(headers, name, &Header::name);
  if (known != headers.end())
    builder.field(known->field, known->shape, true);
  else
    builder.field(Field::dropped, Shape::text);
}

// %t, and %{…}t with a pattern of strftime(3) or one of the tokens below.
Result<void> add_time(FormatBuilder& builder, std::string_view pattern) {
  // The time at which the request began or ended: either is a time of the request.
  for (const std::string_view moment : {"begin:", "end:"})
    if (pattern.starts_with(moment)) pattern.remove_prefix(moment.size());
  if (pattern.empty()) return builder.strftime("[%d/%b/%Y:%H:%M:%S %z]");
  constexpr std::array<std::pair<std::string_view, Field>, 5> tokens{{{"sec", Field::epoch},
                                                                      {"msec", Field::epoch_milliseconds},
                                                                      {"usec", Field::epoch_microseconds},
                                                                      {"msec_frac", Field::milliseconds},
                                                                      {"usec_frac", Field::microseconds}}};
  for (const auto& [token, field] : tokens) {
    if (pattern != token) continue;
    builder.field(field, Shape::time_part);
    return {};
  }
  return builder.strftime(pattern);
}

Result<void> add_directive(FormatBuilder& builder, const WrittenDirective& written) {
  if (written.name == "%") {
    builder.literal("%");
    return {};
  }
  if (written.name.size() > 1) {  // ^FB, ^FU: durations; ^ti, ^to: trailers
    const bool trailer = written.name == "^ti" || written.name == "^to";
    builder.field(Field::dropped, trailer ? Shape::text : Shape::number);
    return {};
  }
  const char name = written.name.front();
  if (name == 't') return add_time(builder, written.argument);
  if (name == 'i') {
    add_header(builder, written.argument);
    return {};
  }
  const Directive* const known = find_directive(name);
  if (known == nullptr)
    return format_invalid("Apache has no directive " + std::string(written.whole) + " in a LogFormat");
  // %{c}a and %{c}h are the address of the connection. With mod_remoteip that is the proxy's.
  // Such an address is used only if the line has no other one.
  const bool peer = known->field == Field::client && written.argument == "c";
  builder.field(peer ? Field::peer : known->field, known->shape, name == 'q');
  return {};
}

// The quoted string if the text is a whole directive, else the text.
// In a directive the string is quoted, with backslashes before inner quotes; the nickname follows.
std::string_view format_in(std::string_view text) {
  constexpr std::string_view directive = "LogFormat ";
  if (!text.starts_with(directive)) return text;
  text.remove_prefix(std::min(text.find_first_not_of(' ', directive.size()), text.size()));
  if (!text.starts_with('"')) return text.substr(0, text.find(' '));
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return text.substr(1, at - 1);
  }
  return text.substr(1);
}

}  // namespace

Result<LogFormat> compile_apache(std::string_view text) {
  FormatBuilder builder;
  for (std::string_view rest = format_in(text); !rest.empty();) {
    if (rest.front() == '%') {
      const auto written = take_directive(rest);
      const auto added = written ? add_directive(builder, *written) : std::unexpected(written.error());
      if (!added) return std::unexpected(added.error());
      continue;
    }
    // Outside of directives a backslash makes the next character literal, \t and \n excepted.
    const bool escape = rest.front() == '\\' && rest.size() > 1;
    const char byte = escape ? rest[1] : rest.front();
    builder.literal(escape && byte == 't' ? "\t" : escape && byte == 'n' ? "\n" : std::string_view(&byte, 1));
    rest.remove_prefix(escape ? 2 : 1);
  }
  return builder.finish("custom");
}

}  // namespace weir::formats
