// First the notation is read as nginx reads its configuration: quoted strings, backslashes, escape=. Then the
// format is read from left to right: literals and variables. The table says which field a variable means and
// which bytes its value may have. A variable without a use here is dropped, but its value must still match.
#include "formats/nginx_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "formats/format_builder.hpp"

namespace weir::formats {
namespace {

enum class Escape : std::uint8_t { by_default, json, none };

struct Variable {
  std::string_view name;
  Field field;
  Shape shape;
};

// The variables that are used, and those whose values have a shape of their own. For all others see
// shape_of_other().
constexpr std::array<Variable, 36> variables{{
    {"remote_addr", Field::client, Shape::addresses},
    {"realip_remote_addr", Field::peer, Shape::addresses},
    {"http_x_forwarded_for", Field::forwarded, Shape::addresses},
    {"proxy_add_x_forwarded_for", Field::forwarded, Shape::addresses},
    {"proxy_protocol_addr", Field::forwarded, Shape::addresses},
    {"http_x_real_ip", Field::forwarded, Shape::addresses},
    {"http_cf_connecting_ip", Field::forwarded, Shape::addresses},
    {"http_true_client_ip", Field::forwarded, Shape::addresses},
    {"remote_user", Field::user, Shape::user},
    {"request", Field::request, Shape::text},
    {"request_method", Field::method, Shape::word},
    {"request_uri", Field::target, Shape::text},
    {"uri", Field::target, Shape::text},
    {"document_uri", Field::target, Shape::text},
    {"args", Field::query, Shape::text},
    {"query_string", Field::query, Shape::text},
    {"status", Field::status, Shape::status},
    {"http_referer", Field::referrer, Shape::text},
    {"http_user_agent", Field::user_agent, Shape::text},
    {"host", Field::host, Shape::host},
    {"http_host", Field::host, Shape::host},
    {"server_name", Field::host, Shape::host},
    {"scheme", Field::dropped, Shape::word},
    {"body_bytes_sent", Field::dropped, Shape::number},
    {"bytes_sent", Field::dropped, Shape::number},
    {"request_length", Field::dropped, Shape::number},
    {"request_time", Field::dropped, Shape::number},
    {"connection", Field::dropped, Shape::number},
    {"connection_requests", Field::dropped, Shape::number},
    {"connection_time", Field::dropped, Shape::number},
    {"remote_port", Field::dropped, Shape::number},
    {"server_port", Field::dropped, Shape::number},
    {"gzip_ratio", Field::dropped, Shape::number},
    {"pid", Field::dropped, Shape::number},
    {"ssl_client_s_dn", Field::dropped, Shape::text},
    {"ssl_client_i_dn", Field::dropped, Shape::text},
}};

// Headers, cookies and arguments hold any text. With several upstreams, a value is a list.
Shape shape_of_other(std::string_view name) {
  for (const std::string_view text : {"http_", "sent_http_", "upstream_http_", "cookie_", "arg_"})
    if (name.starts_with(text)) return Shape::text;
  return name.starts_with("upstream_") ? Shape::words : Shape::word;
}

// Characters of a variable's name.
bool is_name(char byte) { return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_'; }

// Removes the variable at the beginning of `text`, which is a '$', and returns its name; empty if there is
// none.
std::string_view take_variable(std::string_view& text) {
  // Braces separate a name from a text that follows it.
  const bool braced = text.substr(1).starts_with('{');
  std::string_view name = text.substr(braced ? 2 : 1);
  name = name.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(name, is_name) - name.begin()));
  if (name.empty() || (braced && !text.substr(2 + name.size()).starts_with('}'))) return {};
  text.remove_prefix(name.size() + (braced ? 3 : 1));
  return name;
}

// The character that a backslash and `byte` stand for in nginx's configuration.
char unescaped(char byte) {
  if (byte == 't') return '\t';
  if (byte == 'r') return '\r';
  return byte == 'n' ? '\n' : byte;
}

bool is_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

// Removes one word or quoted string of a directive, as nginx reads its configuration. False at the end.
bool take_argument(std::string_view& text, std::string& argument) {
  while (!text.empty() && (is_space(text.front()) || text.front() == ';')) text.remove_prefix(1);
  if (text.empty()) return false;
  argument.clear();
  const char quote = text.front() == '\'' || text.front() == '"' ? text.front() : '\0';
  if (quote != '\0') text.remove_prefix(1);
  while (!text.empty()) {
    const char byte = text.front();
    if (quote != '\0' ? byte == quote : is_space(byte) || byte == ';') break;
    const bool escape = byte == '\\' && text.size() > 1;
    argument += escape ? unescaped(text[1]) : byte;
    text.remove_prefix(escape ? 2 : 1);
  }
  if (quote != '\0' && !text.empty()) text.remove_prefix(1);
  return true;
}

// The format string without quotes and backslashes, and the escaping of values.
struct Notation {
  std::string format;
  Escape escape = Escape::by_default;
};

// Accepts the three ways of giving a format that nginx_format.hpp lists.
Result<Notation> read_notation(std::string_view text) {
  constexpr std::string_view directive = "log_format";
  constexpr std::string_view escape = "escape=";
  Notation notation;
  std::string argument;
  const bool whole =
      text.starts_with(directive) && text.size() > directive.size() && is_space(text[directive.size()]);
  if (whole) {
    text.remove_prefix(directive.size());
    take_argument(text, argument);  // the format's name
  }
  std::string_view after = text;
  if (take_argument(after, argument) && argument.starts_with(escape)) {
    const std::string kind = argument.substr(escape.size());
    if (kind != "default" && kind != "json" && kind != "none")
      return format_invalid("escape=" + kind + ": expected default, json or none");
    notation.escape = kind == "json" ? Escape::json : kind == "none" ? Escape::none : Escape::by_default;
    text = after.substr(std::min(after.find_first_not_of(" \t\r\n"), after.size()));
  }
  // A format that is not quoted is one string.
  const bool is_quoted = whole || text.starts_with('\'');
  if (!is_quoted) {
    for (; !text.empty(); text.remove_prefix(1)) {
      const bool backslash = text.front() == '\\' && text.size() > 1;
      if (backslash) text.remove_prefix(1);
      notation.format += backslash ? unescaped(text.front()) : text.front();
    }
  } else {
    while (take_argument(text, argument)) notation.format += argument;
  }
  return notation;
}

// Every value may be empty: nginx writes nothing, or "-", for a variable without a value.
Result<void> add_variable(FormatBuilder& builder, std::string_view name) {
  if (name == "time_local") return builder.strftime("%d/%b/%Y:%H:%M:%S %z");
  if (name == "time_iso8601") return builder.strftime("%Y-%m-%dT%H:%M:%S%z");
  if (name == "msec") {
    builder.field(Field::epoch, Shape::time_part);
    return {};
  }
  if (name == "is_args") return {};  // the '?' before $args, which the query may begin with
  const auto* const known = std::ranges::find(variables, name, &Variable::name);
  if (known != variables.end())
    builder.field(known->field, known->shape, true);
  else
    builder.field(Field::dropped, shape_of_other(name), true);
  return {};
}

}  // namespace

bool is_nginx_notation(std::string_view text) {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    std::string_view rest = text.substr(at);
    if (!take_variable(rest).empty()) return true;
  }
  return false;
}

Result<LogFormat> compile_nginx(std::string_view text) {
  const auto notation = read_notation(text);
  if (!notation) return std::unexpected(notation.error());
  FormatBuilder builder(notation->escape != Escape::none);
  std::string_view rest = notation->format;
  while (!rest.empty()) {
    // Text up to the next variable.
    const std::size_t plain = std::min(rest.find('$'), rest.size());
    builder.literal(rest.substr(0, plain));
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    const std::string_view name = take_variable(rest);
    if (name.empty()) return format_invalid("a '$' has no variable's name after it");
    if (const auto added = add_variable(builder, name); !added) return std::unexpected(added.error());
  }
  return builder.finish("custom");
}

}  // namespace weir::formats
