#include "tracing/otlp.hpp"

#include <cstdint>

#include "base/hex.hpp"
#include "base/json_text.hpp"

// Both encoders walk the same tree: request ─▶ resource, scope ─▶ spans ─▶ attributes, links, status. The
// field numbers of protobuf stand in the calls, beside the names that JSON uses.
namespace weir::tracing {
namespace {

constexpr std::string_view scope_name = "weir";
constexpr int status_error = 2;
// Span.flags: the trace flags, "it is known whether the parent is remote", "it is".
constexpr std::uint32_t flag_sampled = 0x01;
constexpr std::uint32_t flag_has_is_remote = 0x100;
constexpr std::uint32_t flag_is_remote = 0x200;

std::uint32_t flags_of(bool sampled, bool is_remote) {
  return flag_has_is_remote | (sampled ? flag_sampled : 0) | (is_remote ? flag_is_remote : 0);
}

bool is_set(const SpanId& id) { return id != SpanId{}; }

std::uint64_t nanoseconds(std::chrono::sys_time<std::chrono::nanoseconds> time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

// Writes the fields of one message. A message within a message is written into a Message of its own first,
// because its length precedes it.
class Message {
 public:
  void text(int field, std::string_view value) {
    if (!value.empty()) bytes(field, value);
  }
  // An id is bytes of a fixed length, in the order in which traceparent has them.
  template <std::size_t size>
  void id(int field, const std::array<std::uint8_t, size>& value) {
    tag(field, length_delimited);
    varint(size);
    for (const std::uint8_t byte : value) out_ += static_cast<char>(byte);
  }
  void message(int field, const Message& value) { bytes(field, value.out_); }
  void number(int field, std::uint64_t value) {
    tag(field, varint_type);
    varint(value);
  }
  void fixed64(int field, std::uint64_t value) { fixed(field, fixed64_type, value, 8); }
  void fixed32(int field, std::uint32_t value) { fixed(field, fixed32_type, value, 4); }
  [[nodiscard]] std::string take() { return std::move(out_); }
  // As bytes(), without leaving out an empty value: within a oneof it differs from none.
  void bytes(int field, std::string_view value) {
    tag(field, length_delimited);
    varint(value.size());
    out_ += value;
  }

 private:
  // Wire types.
  static constexpr int varint_type = 0;
  static constexpr int fixed64_type = 1;
  static constexpr int length_delimited = 2;
  static constexpr int fixed32_type = 5;

  void tag(int field, int wire_type) {
    varint(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire_type));
  }
  // Base 128: seven bits a byte, the lowest first; the highest bit says that another byte follows.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void fixed(int field, int wire_type, std::uint64_t value, int size) {
    tag(field, wire_type);
    for (int i = 0; i < size; ++i) out_ += static_cast<char>(value >> (8 * i));
  }

  std::string out_;
};

// KeyValue { key = 1, value = 2: AnyValue { string_value = 1 | int_value = 3 } }
Message key_value(std::string_view name, std::string_view text) {
  Message value;
  value.bytes(1, text);
  Message pair;
  pair.text(1, name);
  pair.message(2, value);
  return pair;
}

Message key_value(std::string_view name, std::int64_t number) {
  Message value;
  value.number(3, static_cast<std::uint64_t>(number));
  Message pair;
  pair.text(1, name);
  pair.message(2, value);
  return pair;
}

Message message_of(const SpanContext& link) {
  Message out;
  out.id(1, link.trace);
  out.id(2, link.span);
  out.text(3, link.state);
  out.fixed32(6, flags_of(link.sampled, true));
  return out;
}

Message message_of(const Span& span) {
  Message out;
  out.id(1, span.context.trace);
  out.id(2, span.context.span);
  out.text(3, span.context.state);
  if (is_set(span.parent)) out.id(4, span.parent);
  out.text(5, span.name);
  out.number(6, static_cast<std::uint64_t>(span.kind));
  out.fixed64(7, nanoseconds(span.start));
  out.fixed64(8, nanoseconds(span.end));
  for (const Attribute& attribute : span.attributes)
    std::visit([&](const auto& value) { out.message(9, key_value(attribute.name, value)); }, attribute.value);
  for (const SpanContext& link : span.links) out.message(13, message_of(link));
  if (span.links_dropped > 0) out.number(14, span.links_dropped);
  if (span.failed) {
    Message status;
    status.text(2, span.error);
    status.number(3, status_error);
    out.message(15, status);
  }
  out.fixed32(16, flags_of(span.context.sampled, span.parent_is_remote));
  return out;
}

std::string encode_protobuf(std::span<const Span> spans, const TextPairs& resource,
                            std::string_view version) {
  Message scope;
  scope.text(1, scope_name);
  scope.text(2, version);
  Message scope_spans;
  scope_spans.message(1, scope);
  for (const Span& span : spans) scope_spans.message(2, message_of(span));
  Message attributes;
  for (const auto& [name, value] : resource) attributes.message(1, key_value(name, value));
  Message resource_spans;
  resource_spans.message(1, attributes);
  resource_spans.message(2, scope_spans);
  Message request;
  request.message(1, resource_spans);
  return request.take();
}

// Ids are hexadecimal in OTLP's JSON, unlike bytes in the JSON mapping of protobuf.
template <std::size_t size>
std::string hex(const std::array<std::uint8_t, size>& id) {
  std::string out;
  for (const std::uint8_t byte : id) append_hex(out, byte);
  return out;
}

void add_pair(JsonText& json, std::string_view name, std::string_view text) {
  json.begin_object().member("key", name).key("value").begin_object().member("stringValue", text);
  json.end_object().end_object();
}

void add_pair(JsonText& json, std::string_view name, std::int64_t number) {
  json.begin_object().member("key", name).key("value").begin_object();
  json.member("intValue", std::to_string(number)).end_object().end_object();
}

void add_context(JsonText& json, const SpanContext& context) {
  json.member("traceId", hex(context.trace)).member("spanId", hex(context.span));
  if (!context.state.empty()) json.member("traceState", context.state);
}

void add_span(JsonText& json, const Span& span) {
  json.begin_object();
  add_context(json, span.context);
  if (is_set(span.parent)) json.member("parentSpanId", hex(span.parent));
  json.member("flags", flags_of(span.context.sampled, span.parent_is_remote));
  json.member("name", span.name).member("kind", static_cast<int>(span.kind));
  // 64-bit integers are strings in the JSON mapping of protobuf.
  json.member("startTimeUnixNano", std::to_string(nanoseconds(span.start)));
  json.member("endTimeUnixNano", std::to_string(nanoseconds(span.end)));
  json.key("attributes").begin_array();
  for (const Attribute& attribute : span.attributes)
    std::visit([&](const auto& value) { add_pair(json, attribute.name, value); }, attribute.value);
  json.end_array();
  json.key("links").begin_array();
  for (const SpanContext& link : span.links) {
    json.begin_object();
    add_context(json, link);
    json.member("flags", flags_of(link.sampled, true)).end_object();
  }
  json.end_array().member("droppedLinksCount", span.links_dropped);
  json.key("status").begin_object();
  if (span.failed) json.member("message", span.error).member("code", status_error);
  json.end_object().end_object();
}

std::string encode_json(std::span<const Span> spans, const TextPairs& resource, std::string_view version) {
  JsonText json;
  json.begin_object().key("resourceSpans").begin_array().begin_object();
  json.key("resource").begin_object().key("attributes").begin_array();
  for (const auto& [name, value] : resource) add_pair(json, name, value);
  json.end_array().end_object();
  json.key("scopeSpans").begin_array().begin_object();
  json.key("scope").begin_object().member("name", scope_name).member("version", version).end_object();
  json.key("spans").begin_array();
  for (const Span& span : spans) add_span(json, span);
  json.end_array().end_object().end_array();
  json.end_object().end_array().end_object();
  return json.take();
}

}  // namespace

std::string_view content_type_of(Protocol protocol) {
  return protocol == Protocol::http_json ? "application/json" : "application/x-protobuf";
}

std::string encode(std::span<const Span> spans, const TextPairs& resource, std::string_view version,
                   Protocol protocol) {
  return protocol == Protocol::http_json ? encode_json(spans, resource, version)
                                         : encode_protobuf(spans, resource, version);
}

}  // namespace weir::tracing
