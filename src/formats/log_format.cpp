#include "formats/log_format.hpp"

#include <algorithm>
#include <array>

#include "base/ensure.hpp"
#include "base/json_text.hpp"
#include "formats/apache_format.hpp"
#include "formats/format_builder.hpp"
#include "formats/nginx_format.hpp"

namespace weir::formats {
namespace {

struct BuiltIn {
  std::string_view name;
  std::string_view notation;  // compiled like one that a user gives
};

// Formats with more fields come first: of two formats that fit equally many lines, `auto` chooses the first
// one.
constexpr std::array<BuiltIn, 4> text_formats{{
    {"combined", R"(%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i")"},
    // Debian's other_vhosts_access.log. A host has a port or not, so %v alone reads both forms.
    {"vhost_combined", R"(%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i")"},
    // The log_format main of nginx's own packages and images.
    {"main", R"($remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent )"
             R"("$http_referer" "$http_user_agent" "$http_x_forwarded_for")"},
    {"common", R"(%h %l %u %t "%r" %>s %b)"},
}};

struct Member {
  std::string_view format;
  Field field;
  std::string_view path;
};

// Of several members for one field, the first one that a line has is used. caddy: Caddy's encoder `json` with
// any time_format that has a zone. traefik: accessLog.format=json, with the headers that its configuration
// keeps.
constexpr std::array<Member, 22> members{{
    {"caddy", Field::client, "request.client_ip"},
    {"caddy", Field::client, "request.remote_ip"},
    {"caddy", Field::client, "request.remote_addr"},
    {"caddy", Field::method, "request.method"},
    {"caddy", Field::host, "request.host"},
    {"caddy", Field::target, "request.uri"},
    {"caddy", Field::referrer, "request.headers.Referer"},
    {"caddy", Field::user_agent, "request.headers.User-Agent"},
    {"caddy", Field::status, "status"},
    {"caddy", Field::timestamp, "ts"},
    {"traefik", Field::client, "ClientHost"},
    {"traefik", Field::client, "ClientAddr"},
    {"traefik", Field::method, "RequestMethod"},
    {"traefik", Field::host, "RequestHost"},
    {"traefik", Field::host, "RequestAddr"},
    {"traefik", Field::target, "RequestPath"},
    {"traefik", Field::referrer, "request_Referer"},
    {"traefik", Field::user_agent, "request_User-Agent"},
    {"traefik", Field::status, "DownstreamStatus"},
    {"traefik", Field::timestamp, "StartUTC"},
    {"traefik", Field::timestamp, "StartLocal"},
    {"traefik", Field::timestamp, "time"},
}};

// The members of one JSON format are adjacent in their table.
std::vector<LogFormat> compile_built_in() {
  std::vector<LogFormat> formats;
  for (const BuiltIn& each : text_formats) {
    const bool nginx = each.notation.find('$') != std::string_view::npos;
    auto format = nginx ? compile_nginx(each.notation) : compile_apache(each.notation);
    ensure(format.has_value(), "a built-in format can be compiled");
    format->name = each.name;
    formats.push_back(std::move(*format));
  }
  for (const Member& each : members) {
    if (formats.back().name != each.format)
      formats.push_back({.name = std::string(each.format), .syntax = Syntax::json, .parts = {}});
    formats.back().parts.push_back(
        {.shape = Shape::member, .field = each.field, .text = std::string(each.path)});
  }
  return formats;
}

// For errors: "expected …".
std::string_view name_of(Field field) {
  using enum Field;
  switch (field) {
    case client:
    case forwarded:
    case peer:
      return "the client's address";
    case ident:
      return "the client's identity, in most logs '-',";
    case user:
      return "the user's name";
    case request:
      return "the request line";
    case method:
      return "the request's method";
    case target:
      return "the request's target";
    case query:
      return "the query";
    case status:
      return "a status of three digits or '-'";
    case referrer:
      return "the referrer";
    case user_agent:
      return "the user agent";
    case host:
      return "the host's name";
    case year:
      return "the time's year of four digits";
    case year_of_century:
      return "the time's year of two digits";
    case month:
      return "the time's month of two digits";
    case month_name:
      return "the time's month by its English name";
    case day:
      return "the time's day";
    case day_name:
      return "the time's day of the week by its English name";
    case day_of_year:
      return "the time's day of the year";
    case hour:
    case hour_of_12:
      return "the time's hour";
    case half_day:
      return "the time's AM or PM";
    case minute:
      return "the time's minute";
    case second:
      return "the time's second";
    case milliseconds:
    case microseconds:
      return "the time's fraction of a second";
    case zone:
      return "the time's zone like +0000";
    case epoch:
    case epoch_milliseconds:
    case epoch_microseconds:
      return "the time as a number since 1970";
    case timestamp:
      return "the time";
    default:
      return "a value";
  }
}

}  // namespace

const std::vector<LogFormat>& built_in_formats() {
  static const std::vector<LogFormat> formats = compile_built_in();
  return formats;
}

Result<LogFormat> parse_log_format(std::string_view text) {
  std::string names;
  for (const LogFormat& format : built_in_formats()) {
    if (format.name == text) return format;
    names += format.name + ", ";
  }
  if (text.size() > format_bytes_max)
    return format_invalid("the format has more than " + std::to_string(format_bytes_max) + " bytes");
  // An Apache format may hold a '$' as a literal, but not before a name.
  if (is_nginx_notation(text)) return compile_nginx(text);
  if (text.find('%') != std::string_view::npos) return compile_apache(text);
  std::string reason = "unknown format ";
  append_json_string(reason, text);
  return format_invalid(reason + ": expected auto, " + names +
                        "activities, an nginx log_format string or an Apache LogFormat string");
}

std::string describe(const FormatPart& part) {
  if (part.shape == Shape::literal) {
    std::string quoted;
    append_json_string(quoted, part.text);
    return quoted;
  }
  // The path helps to find the member in the documentation of the server.
  if (part.shape == Shape::member) return std::string(name_of(part.field)) + " in the member " + part.text;
  if (part.field == Field::dropped && part.shape == Shape::number) return "a number or '-'";
  return std::string(name_of(part.field));
}

}  // namespace weir::formats
