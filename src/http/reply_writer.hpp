// Writes replies as HTTP/1.1 messages (RFC 9112).
#pragma once

#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace weir::http {

// What the bytes depend on, besides the reply itself.
struct ReplyForm {
  std::string_view request_id;
  std::string_view date;      // of the Date header (http_date.hpp)
  bool without_body = false;  // HEAD: the headers as if there were a body
  bool http_10 = false;       // a connection that is kept must be announced
  bool close = false;         // a connection that is closed must be announced, too
  // The body follows later: in chunks, or over HTTP/1.0 until the connection closes.
  bool streamed = false;
  bool cross_origin = false;      // the reply depends on the Origin header of the request
  std::string_view allow_origin;  // the origin whose scripts may read the reply; empty: none
};

// Appends status line, headers and body. Control characters in header values, line breaks included, become
// spaces, so that no value can add a header.
void append_reply(std::string& out, const Reply& reply, const ReplyForm& form);

// Appends one chunk of a streamed body. `bytes` must not be empty: an empty chunk ends the body.
void append_chunk(std::string& out, std::string_view bytes);
// Appends the chunk that ends the body.
void append_last_chunk(std::string& out);

}  // namespace weir::http
