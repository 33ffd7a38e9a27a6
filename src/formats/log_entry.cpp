// Interprets the fields of a line after they were matched. Escapes are undone, and "-" becomes an empty text.
// The request line is split, and the client is chosen among the addresses.
#include "formats/log_entry.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include "base/decimal.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"

namespace weir::formats {
namespace {

constexpr std::array<std::string_view, 6> page_extensions{"html", "htm", "php", "asp", "aspx", "jsp"};
constexpr std::size_t host_bytes_max = 255;  // RFC 1035, 3.1

bool is_letter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }

void to_lower(std::string& text) {
  for (char& byte : text)
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
}

// Removes the escape at the beginning of `text` and appends its meaning. An unknown escape is appended
// unchanged.
void take_escape(std::string& out, std::string_view& text) {
  constexpr std::string_view names = "\"\\/bfnrtv";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t\v";
  const char name = text.size() > 1 ? text[1] : '\0';
  const std::size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : 0;
  const bool complete = digits > 0 && text.size() >= 2 + digits;
  const int number = complete ? hex_number(text.substr(2, digits)) : -1;
  if (number >= 0) {
    // nginx writes \u for control characters only. Half of a surrogate pair becomes bytes that are not UTF-8,
    // and the writer of the event replaces these.
    if (name == 'x')
      out += static_cast<char>(number);
    else
      append_utf8(out, static_cast<char32_t>(number));
    text.remove_prefix(2 + digits);
    return;
  }
  const std::size_t known = text.size() > 1 ? names.find(name) : std::string_view::npos;
  if (known != std::string_view::npos)
    out += meanings[known];
  else
    out += text.substr(0, 2);
  text.remove_prefix(std::min<std::size_t>(2, text.size()));
}

// Undoes the escapes of all servers: \xHH of nginx, \" \\ \n \uHHHH of nginx with escape=json, \" \\ \n \xhh
// of Apache. None of these servers writes a backslash that is not an escape.
void unescape(std::string_view text, bool escaped, std::string& out) {
  out.clear();
  while (!text.empty()) {
    const std::size_t plain = escaped ? text.find('\\') : std::string_view::npos;
    out += text.substr(0, plain);
    text.remove_prefix(std::min(plain, text.size()));
    if (!text.empty()) take_escape(out, text);
  }
}

// The same. Servers write "-" for an absent value.
void unescape_optional(std::string_view text, bool escaped, std::string& out) {
  unescape(text, escaped, out);
  if (out == "-") out.clear();
}

// A to Z, digits, dots, hyphens, and the underscore that containers use.
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > host_bytes_max || text.front() == '-' || text.front() == '.')
    return false;
  bool has_character = false;
  for (const char byte : text) {
    const bool character = is_letter(byte) || is_digit(byte);
    if (!character && byte != '.' && byte != '-' && byte != '_') return false;
    has_character |= character;
  }
  return has_character;
}

bool is_address(std::string_view text, int family) {
  text = text.substr(0, text.find('%'));  // the zone of a link-local address
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return false;
  std::ranges::copy(text, terminated.data());
  in6_addr address;
  return ::inet_pton(family, terminated.data(), &address) == 1;
}

bool is_port(std::string_view text) { return std::ranges::all_of(text, is_digit); }

// A method is a token.
bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  return !text.empty() && std::ranges::all_of(text, [&](char byte) {
    return is_letter(byte) || is_digit(byte) || others.find(byte) != std::string_view::npos;
  });
}

// "GET /a b HTTP/1.1": everything between the method and the protocol is the target, also with spaces.
void split_request(std::string_view request, LogEntry& entry) {
  const std::size_t method_end = request.find(' ');
  const std::size_t protocol = request.rfind(' ');
  if (method_end == std::string_view::npos || protocol <= method_end) return;
  const std::string_view version = request.substr(protocol + 1);
  if (!version.starts_with("HTTP/") || version.size() < 6 || !is_digit(version[5])) return;
  const std::string_view method = request.substr(0, method_end);
  const std::string_view target = trimmed(request.substr(method_end + 1, protocol - method_end - 1), " ");
  if (!is_token(method) || target.empty()) return;
  entry.method = method;
  entry.target = target;
}

// The path of a target in origin form ("/a?b"), which may begin with "//", or in absolute form
// ("http://host/a?b").
std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || target.find('/') != scheme + 1) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view() : target.substr(path);
}

// Formats have the request line, or method, target and query, or several of these: later ones replace earlier
// ones.
void fill_target(const Captured& found, LogEntry& entry) {
  entry.method.clear();
  entry.target.clear();
  std::string text;
  if (found[Field::request].data() != nullptr) {
    unescape(found[Field::request], found.escaped, text);
    split_request(text, entry);
  }
  if (found[Field::method].data() != nullptr) {
    unescape(found[Field::method], found.escaped, text);
    if (is_token(text) && text != "-") entry.method = text;
  }
  if (found[Field::target].data() != nullptr)
    unescape_optional(found[Field::target], found.escaped, entry.target);
  if (found[Field::query].data() != nullptr && !entry.target.empty() &&
      entry.target.find('?') == std::string::npos) {
    unescape_optional(found[Field::query], found.escaped, text);
    if (!text.empty() && text.front() != '?') entry.target += '?';
    entry.target += text;
  }
}

// The first address of a header that a proxy sets. "-" and "unknown" (RFC 7239, 6.2) mean that there is none.
// Any other text that is not an address is `bad`.
std::string_view forwarded_client(std::string_view text, bool& bad) {
  bad = false;
  const std::string_view first = trimmed(text.substr(0, text.find(',')), " ");
  if (first.empty() || first == "-" || first == "unknown") return {};
  const std::string_view host = host_in(first);
  const bool valid = is_address(host, AF_INET) || is_address(host, AF_INET6);
  bad = !valid;
  return valid ? host : std::string_view();
}

}  // namespace

std::string_view host_in(std::string_view text) {
  text = trimmed(text, " ");
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view port = text.substr(end + 1);
    if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return {};
    const std::string_view address = text.substr(1, end - 1);
    return is_address(address, AF_INET6) ? address : std::string_view();
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return is_host_name(text) ? text : std::string_view();
  if (text.find(':', colon + 1) != std::string_view::npos)
    return is_address(text, AF_INET6) ? text : std::string_view();
  const std::string_view host = text.substr(0, colon);
  return is_host_name(host) && is_port(text.substr(colon + 1)) ? host : std::string_view();
}

std::string_view client_in(std::string_view text) { return host_in(text.substr(0, text.find(','))); }

bool fill_entry(const Captured& found, LogEntry& entry) {
  // A header for the client is preferred, because the connection is then a proxy's.
  std::string_view client = forwarded_client(found[Field::forwarded], entry.bad_forwarded);
  if (client.empty()) client = client_in(found[Field::client]);
  if (client.empty()) client = client_in(found[Field::peer]);
  if (client.empty()) return false;
  entry.client = client;
  to_lower(entry.client);
  fill_target(found, entry);
  unescape_optional(found[Field::user_agent], found.escaped, entry.user_agent);
  unescape_optional(found[Field::referrer], found.escaped, entry.referrer);
  entry.host = host_in(found[Field::host]);
  to_lower(entry.host);
  const std::string_view status = found[Field::status];
  entry.status = 0;
  if (status.size() == 3 && std::ranges::all_of(status, is_digit))
    entry.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  return true;
}

std::string_view activity_type_of(const LogEntry& entry) {
  constexpr std::string_view page_view = "page_view";
  constexpr std::string_view request = "request";
  const bool answered = (entry.status >= 200 && entry.status <= 299) || entry.status == 304;
  if (entry.method != "GET" || !answered || entry.target.empty()) return request;
  const std::string_view path = path_of(entry.target);
  std::string_view segment = path.substr(path.rfind('/') + 1);
  segment = segment.substr(0, segment.find(';'));
  const std::size_t dot = segment.rfind('.');
  // A name that begins with its only dot, or ends with it, has no extension.
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == segment.size()) return page_view;
  std::string extension(segment.substr(dot + 1));
  to_lower(extension);
  return std::ranges::find(page_extensions, extension) != page_extensions.end() ? page_view : request;
}

}  // namespace weir::formats
