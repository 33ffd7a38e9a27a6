// Parses one HTTP/1.x request from the bytes of a connection. A state machine without I/O: the caller passes
// the bytes that have arrived, and learns whether they are a request, the beginning of one, or an error.
//
// RFC 9112, read strictly. Beast's parser handles the grammar of the head and the chunks. What Beast accepts,
// although two parsers could understand it differently (request smuggling), is rejected here:
//   - a bare line feed, a folded header field, a line feed in a chunk extension;
//   - a repeated Host or Content-Length, even with equal values, and a list of lengths;
//   - any Transfer-Encoding but "chunked", and Transfer-Encoding in HTTP/1.0.
// HTTP/1.2 to 1.9 are parsed as HTTP/1.1 (RFC 9110 §2.5). A malformed request ends the connection, so the
// bytes after it are never parsed as a request.
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

// Why a request is refused: the status and the text of the error reply.
struct Refusal {
  int status = 400;
  std::string text;
  // The connection closes after the reply, because the start of the next request is unknown.
  bool close = true;
};

// Reads one request after the other. Not thread-safe. Time is linear in the bytes, however small the pieces.
class RequestReader {
 public:
  enum class Step : std::uint8_t {
    more,     // more bytes are needed
    done,     // the head or the body is complete
    refused,  // see refusal(); nothing else may be called until reset()
  };

  RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  // Parses the head. Each call of read_head() and read_body() passes all bytes from the first one of the
  // request: those of the previous call, possibly at another address, and the new ones after them. After
  // `done`, method(), path() and request() without its body are valid until the bytes move.
  //
  // Refusals: 400 malformed, 414 URI too long, 415 unknown Content-Encoding, 417 unknown expectation, 431
  // header too large.
  [[nodiscard]] Step read_head(std::string_view bytes);

  // Parses the body after the head is done. `body_bytes_max` bounds it, both as sent and decompressed. The
  // data of chunks is moved together within `bytes`, which becomes shorter by that.
  //
  // Refusals: 400 malformed or damaged, 413 too large.
  [[nodiscard]] Step read_body(std::span<char>& bytes, std::size_t body_bytes_max);

  // Skips the body without parsing it, instead of read_body(). Returns true if all of it is among the first
  // `available` bytes; then end() is valid. Returns false if some is missing or its length is unknown
  // (chunks).
  [[nodiscard]] bool skip_body(std::size_t available);

  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

  [[nodiscard]] std::string_view method() const { return request_.method; }
  [[nodiscard]] std::string_view path() const { return request_.path; }
  // Whether the client keeps the connection after this request.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool is_http_10() const { return http_10_; }
  // Whether the client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

  // The request, complete once the body is done. Its views point into the bytes and into the reader. The
  // caller sets peer, request_id and client_gone.
  [[nodiscard]] Request& request() { return request_; }
  // The position of the next request in the bytes, once the body is done. 0 before that.
  [[nodiscard]] std::size_t end() const { return end_; }
  // The size of the whole request, as far as it is known; else 0.
  [[nodiscard]] std::size_t bytes_expected() const;
  // The bytes that the reader itself holds for this request: the decompressed body.
  [[nodiscard]] std::size_t held_bytes() const { return inflated_.capacity(); }

  // Forgets the request. The next one can be read.
  void reset();

 private:
  class Parser;
  // Positions in the bytes instead of views, because the bytes may move.
  struct Field {
    std::uint32_t name_at, name_bytes, value_at, value_bytes;
  };

  Step refuse(int status, std::string text, bool close = true);
  Step find_head_end(std::string_view bytes);
  Step check_line(std::string_view bytes, std::size_t line_feed_at);
  Step parse_head(std::string_view bytes);
  Step parse_target(std::string_view target);
  Step apply_framing();
  Step read_chunks(std::span<char>& bytes, std::size_t body_bytes_max);
  Step finish(std::span<char> bytes, std::size_t body_bytes_max);
  void fill_request(std::string_view bytes);

  // While the end of the head is searched. Positions in the bytes.
  std::size_t head_at_ = 0;
  std::size_t head_end_ = 0;  // 0: not found yet
  std::size_t request_line_end_ = 0;
  std::size_t line_at_ = 0;  // the line that is being read
  std::size_t scanned_ = 0;  // no line feed before this
  std::size_t lines_ = 0;

  // Once the head is parsed.
  std::unique_ptr<Parser> parser_;
  std::vector<Field> fields_;
  Field target_{};  // its name is the method, its value the path with the query
  std::size_t path_bytes_ = 0;
  bool keep_alive_ = false;
  bool http_10_ = false;
  bool chunked_ = false;
  bool expects_continue_ = false;
  std::uint64_t content_bytes_ = 0;  // Content-Length
  decompress::Encoding encoding_ = decompress::Encoding::identity;

  // While the body is read.
  bool body_begun_ = false;
  std::size_t body_bytes_ = 0;  // body bytes that directly follow the head
  std::size_t raw_at_ = 0;      // chunked: the position from which on nothing is parsed yet
  std::size_t end_ = 0;
  std::string inflated_;

  Request request_;
  Refusal refusal_;
};

}  // namespace weir::http
