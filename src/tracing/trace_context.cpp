#include "tracing/trace_context.hpp"

#include <algorithm>
#include <vector>

#include "base/hex.hpp"
#include "base/text.hpp"

// Parsing follows the text of the specification, sections 3.2 (traceparent) and 3.3 (tracestate). Everything
// works on views; only the accepted tracestate is copied.
namespace weir::tracing {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t traceparent_bytes = 2 + 1 + 32 + 1 + 16 + 1 + 2;
constexpr std::size_t trace_at = 3;
constexpr std::size_t span_at = 36;
constexpr std::size_t flags_at = 53;
constexpr int sampled_flag = 1;

// Upper case digits are not allowed (section 3.2.2).
bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Reads an id. Returns false if it is malformed or all zero.
template <std::size_t bytes>
bool read_id(std::string_view text, std::array<std::uint8_t, bytes>& into) {
  if (!is_lower_hex(text)) return false;
  for (std::size_t i = 0; i < bytes; ++i)
    into[i] = static_cast<std::uint8_t>(hex_number(text.substr(2 * i, 2)));
  return std::ranges::any_of(into, [](std::uint8_t byte) { return byte != 0; });
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// One part of a key: lower case letters, digits and _ - * /
bool is_key_part(std::string_view text, std::size_t bytes_max, bool may_begin_with_digit) {
  if (text.empty() || text.size() > bytes_max) return false;
  if (!is_lower_or_digit(text.front())) return false;
  if (!may_begin_with_digit && text.front() <= '9') return false;
  return std::ranges::all_of(
      text, [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; });
}

// simple-key, or tenant-id "@" system-id (section 3.3.1.3.1).
bool is_key(std::string_view key) {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return is_key_part(key, 256, false);
  return is_key_part(key.substr(0, at), 241, true) && is_key_part(key.substr(at + 1), 14, false);
}

// Up to 256 printable ASCII characters but comma and equals, the last one not a space (section 3.3.1.3.2).
bool is_value(std::string_view value) {
  if (value.empty() || value.size() > 256 || value.back() == ' ') return false;
  return std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

}  // namespace

std::optional<SpanContext> parse_traceparent(std::string_view value) {
  if (value.size() < traceparent_bytes) return std::nullopt;
  const std::string_view version = value.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return std::nullopt;
  if (value[2] != '-' || value[span_at - 1] != '-' || value[flags_at - 1] != '-') return std::nullopt;
  // Version 00 ends here. A higher one may have more fields.
  if (value.size() > traceparent_bytes && (version == "00" || value[traceparent_bytes] != '-'))
    return std::nullopt;
  const std::string_view flags = value.substr(flags_at, 2);
  if (!is_lower_hex(flags)) return std::nullopt;
  SpanContext context;
  if (!read_id(value.substr(trace_at, 32), context.trace)) return std::nullopt;
  if (!read_id(value.substr(span_at, 16), context.span)) return std::nullopt;
  context.sampled = (hex_number(flags) & sampled_flag) != 0;
  return context;
}

TraceState check_tracestate(std::string_view value) {
  std::vector<std::string_view> keys;
  bool malformed = false;
  for (const std::string_view entry : split(value, ',')) {
    const std::string_view member = trimmed(entry, header_spaces);
    if (member.empty()) continue;  // allowed (section 3.3.1.2), and no member
    if (keys.size() == tracestate_members_max) return TraceState::too_many;
    const std::size_t equals = std::min(member.find('='), member.size());
    const std::string_view key = member.substr(0, equals);
    const bool is_good = equals < member.size() && is_key(key) && is_value(member.substr(equals + 1)) &&
                         std::ranges::find(keys, key) == keys.end();
    malformed = malformed || !is_good;
    keys.push_back(key);
  }
  if (malformed) return TraceState::malformed;
  return value.size() > tracestate_bytes_max ? TraceState::too_long : TraceState::valid;
}

std::optional<SpanContext> parse_trace_context(std::string_view traceparent, std::string_view tracestate) {
  auto context = parse_traceparent(traceparent);
  if (!context || tracestate.empty()) return context;
  const TraceState state = check_tracestate(tracestate);
  if (state == TraceState::too_many) return std::nullopt;
  if (state == TraceState::valid) context->state = tracestate;
  return context;
}

std::string to_traceparent(const SpanContext& context) {
  std::string out;
  out.reserve(traceparent_bytes);
  out += "00-";
  for (const std::uint8_t byte : context.trace) append_hex(out, byte);
  out += '-';
  for (const std::uint8_t byte : context.span) append_hex(out, byte);
  return out += context.sampled ? "-01" : "-00";
}

}  // namespace weir::tracing
