// Puts a reply into the bytes that go over the wire.
#pragma once

#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace weir::http {

// What the reply's form depends on besides the reply itself.
struct ReplyForm {
  std::string_view request_id;
  std::string_view date;          // as RFC 9110 §5.6.7 writes it
  bool without_body = false;      // HEAD: the header as if there was one
  bool http_10 = false;           // keeping the connection must be said
  bool close = false;             // so must closing it
  bool streamed = false;          // the body follows: in chunks, over HTTP/1.0 until the connection closes
  bool cross_origin = false;      // the reply depends on the page whose script asks
  std::string_view allow_origin;  // that page's origin, if the script may read the reply
};

// Appends status line, header and body. Line breaks and other control characters in header values are written
// as spaces, so that no value can end its line.
void append_reply(std::string& out, const Reply& reply, const ReplyForm& form);

// Appends one chunk of a streamed body; `bytes` are not empty, since an empty chunk ends the body.
void append_chunk(std::string& out, std::string_view bytes);
void append_last_chunk(std::string& out);

}  // namespace weir::http
