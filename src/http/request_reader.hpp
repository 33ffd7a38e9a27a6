// Cuts one request out of a connection's bytes. Strict, and without a socket: it is told what has arrived and
// answers whether that is a request, the beginning of one, or nothing that we take.
//
// RFC 9112, read strictly. Beast's parser does the head's grammar and the chunks; what it lets pass although
// two readers could understand it differently is refused here: a bare line feed, a folded header, a second
// Host or Content-Length (alike or not), a list of lengths, any Transfer-Encoding but "chunked",
// Transfer-Encoding in HTTP/1.0, a line feed in a chunk's extension. HTTP/1.2 to 1.9 are read as HTTP/1.1.
// A request that is refused for its form ends the connection, so that nothing after it is ever taken for a
// request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "decompress/decompress.hpp"
#include "http/exchange.hpp"

namespace weir::http {

struct Refusal {
  int status = 400;
  std::string text;
  bool close = true;  // where the next request would begin is not known, or not worth reading on for
};

class RequestReader {
 public:
  enum class Step : std::uint8_t { more, done, refused };

  RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  // Both are given all bytes from the request's first on, at each call the same with more behind; they may
  // have moved between calls. Linear in the bytes, however small the pieces. After `refused` only refusal()
  // may be asked.
  //
  // The head: after `done` method(), path(), … are good until the bytes move.
  [[nodiscard]] Step read_head(std::string_view bytes);

  // Once the head is done, its body, of at most `body_bytes_max` both as sent and inflated. A chunked body is
  // put together in place, for which `bytes` may come back shorter.
  [[nodiscard]] Step read_body(std::span<char>& bytes, std::size_t body_bytes_max);

  // Instead of read_body(): passes over the body without reading it. True if all of it is among the first
  // `available` bytes; then end() is valid. False if some is missing or its length is unknown (chunks).
  [[nodiscard]] bool skip_body(std::size_t available);

  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

  [[nodiscard]] std::string_view method() const { return request_.method; }
  [[nodiscard]] std::string_view path() const { return request_.path; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool is_http_10() const { return http_10_; }
  // The client waits for "100 Continue" before it sends its body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

  // The whole request, once the body is done; its views are into the bytes and into the reader. Without peer
  // and request_id, which are the caller's to set.
  [[nodiscard]] Request& request() { return request_; }
  // Where the next request begins in the bytes.
  [[nodiscard]] std::size_t end() const { return end_; }
  // How many bytes the whole request will have, as far as that is known by now.
  [[nodiscard]] std::size_t bytes_expected() const;
  // Bytes that the reader itself holds for this request: the inflated body.
  [[nodiscard]] std::size_t held_bytes() const { return inflated_.capacity(); }

  // Forgets the request, for the next one.
  void start_over();

 private:
  class Parser;
  struct Field {  // as offsets, since the bytes may move
    std::uint32_t name_at, name_bytes, value_at, value_bytes;
  };

  Step refuse(int status, std::string text, bool close = true);
  Step find_head_end(std::string_view bytes);
  Step take_line(std::string_view bytes, std::size_t line_feed_at);
  Step parse_head(std::string_view bytes);
  Step take_target(std::string_view target);
  Step take_framing();
  Step read_chunks(std::span<char>& bytes, std::size_t body_bytes_max);
  Step finish(std::span<char> bytes, std::size_t body_bytes_max);
  void fill_request(std::string_view bytes);

  // The head, while it is looked for.
  std::size_t head_at_ = 0;
  std::size_t head_end_ = 0;  // 0: not found yet
  std::size_t request_line_end_ = 0;
  std::size_t line_at_ = 0;
  std::size_t scanned_ = 0;
  std::size_t lines_ = 0;

  // The head, once it is parsed.
  std::unique_ptr<Parser> parser_;
  std::vector<Field> fields_;
  Field target_{};  // name: the method; value: path and query
  std::size_t path_bytes_ = 0;
  bool keep_alive_ = false;
  bool http_10_ = false;
  bool chunked_ = false;
  bool expects_continue_ = false;
  std::uint64_t content_bytes_ = 0;
  decompress::Encoding encoding_ = decompress::Encoding::identity;

  // The body.
  bool body_begun_ = false;
  std::size_t body_bytes_ = 0;  // arrived and put together, behind the head
  std::size_t raw_at_ = 0;      // chunks from here on have not been looked at
  std::size_t end_ = 0;
  std::string inflated_;

  Request request_;
  Refusal refusal_;
};

}  // namespace weir::http
