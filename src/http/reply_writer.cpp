// The bytes are written by hand into the output of the io thread: one pass, and no allocation once its
// capacity fits. Every reply passes here.
#include "http/reply_writer.hpp"

namespace weir::http {

namespace {

// The reason phrases of RFC 9110 §15. Other statuses get an empty one, which RFC 9112 §4 allows.
std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

void append_number(std::string& out, std::size_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

// Appends one header. Its value may come from a client.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const std::size_t at = out.size();
  out.append(value);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(at), out.end(),
      [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }, ' ');
  out.append("\r\n");
}

// Vary also without an allowed origin: a cache must not use this reply for another page.
void append_cross_origin(std::string& out, std::string_view allow_origin) {
  out.append("Vary: Origin\r\n");
  if (allow_origin.empty()) return;
  append_field(out, "Access-Control-Allow-Origin", allow_origin);
  out.append(
      "Access-Control-Allow-Credentials: true\r\n"
      "Access-Control-Expose-Headers: X-Request-Id, Retry-After, X-Weir-Rejected\r\n");
}

}  // namespace

void append_reply(std::string& out, const Reply& reply, const ReplyForm& form) {
  // RFC 9110 §6.4.1: these two never have a body, and no headers about it.
  const bool may_have_body = reply.status != 204 && reply.status != 304;
  // 256 bytes are enough for the headers of most replies.
  out.reserve(out.size() + 256 + reply.body.size());
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(reply.status));
  out.append(" ").append(reason_of(reply.status)).append("\r\n");
  if (may_have_body) {
    append_field(out, "Content-Type", reply.content_type);
    if (!form.streamed) {
      out.append("Content-Length: ");
      append_number(out, reply.body.size());
      out.append("\r\n");
    } else if (!form.http_10) {
      out.append("Transfer-Encoding: chunked\r\n");
    }
  }
  out.append("Date: ").append(form.date).append("\r\n");
  append_field(out, "X-Request-Id", form.request_id);
  for (const auto& [name, value] : reply.headers) append_field(out, name, value);
  if (form.cross_origin) append_cross_origin(out, form.allow_origin);
  if (form.close)
    out.append("Connection: close\r\n");
  else if (form.http_10)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (may_have_body && !form.without_body) out.append(reply.body);
}

void append_chunk(std::string& out, std::string_view bytes) {
  append_number(out, bytes.size(), 16);
  out.append("\r\n").append(bytes).append("\r\n");
}

void append_last_chunk(std::string& out) { out.append("0\r\n\r\n"); }

}  // namespace weir::http
