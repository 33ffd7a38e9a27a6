// A request is read in these steps, each of which continues where the last call ended:
//
//   1. find_head_end   line by line, so that a wrong line is refused before the head is complete
//   2. parse_head      Beast parses the complete head; Parser records fields and rejects what Beast lets pass
//   3. apply_framing   how the body is delimited, encoded and expected
//   4. read_body       waits for Content-Length bytes, or read_chunks joins the chunks in place
//   5. finish          decompresses the body
#include "http/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/ensure.hpp"
#include "base/text.hpp"

namespace weir::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

// The request line has a method and a version besides the target.
constexpr std::size_t request_line_bytes_max = limits::uri_bytes_max + 256;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_length(std::string_view text) {
  // 18 digits exceed every limit and fit into 64 bits.
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// RFC 9112 §3.2: the characters of a host and port. Without delimiters by which two parsers see two hosts.
bool is_host(std::string_view text) {
  constexpr std::string_view others = "-._~%!$&'()*+;=:[]";
  return std::all_of(text.begin(), text.end(), [&](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           others.find(byte) != std::string_view::npos;
  });
}

// What the Expect header asks for, in the order of precedence.
enum class Expected : std::uint8_t { nothing, continue_100, unknown };

// Parses the Expect header: a list (RFC 9110 §10.1.1) whose empty elements are ignored (§5.6.1).
Expected expected_by(std::string_view list) {
  Expected expected = Expected::nothing;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = trimmed(list.substr(0, comma), header_spaces);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (element.empty()) continue;
    if (!same_ignoring_case(element, "100-continue")) return Expected::unknown;
    expected = Expected::continue_100;
  }
  return expected;
}

// Returns the position of the digit after "HTTP/1." if it is a later minor version. RFC 9110 §2.5 requires to
// treat such a request as one of the highest known version.
std::optional<std::size_t> later_minor_at(std::string_view head, std::size_t line_end) {
  constexpr std::string_view version = " HTTP/1.";
  constexpr std::size_t line_end_bytes = 2;
  if (line_end < version.size() + 1 + line_end_bytes) return std::nullopt;
  const std::size_t at = line_end - line_end_bytes - 1;
  const bool later = head[at] >= '2' && head[at] <= '9';
  if (!later || head.substr(at - version.size(), version.size()) != version) return std::nullopt;
  return at;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

}  // namespace

// Beast's parser calls these functions for each part that it finds. They record the part, or reject what
// Beast lets pass.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
 public:
  // Fields are recorded in `fields`, as offsets from `base`.
  void begin(const char* base, std::vector<Field>& fields) {
    base_ = base;
    fields_ = &fields;
    header_limit(std::numeric_limits<std::uint32_t>::max());  // find_head_end() has checked the size
    body_limit(boost::none);
  }

  // Chunk data is moved to `where`, within the bytes of the current call.
  void move_chunks_to(char* where) { chunk_target_ = where; }
  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }
  void reset_chunk_bytes() { chunk_bytes_ = 0; }

  std::string_view method;
  std::string_view target;
  std::string_view error;  // why a function below stopped the parser; else empty
  int error_status = 400;
  int version = 11;
  int hosts = 0;
  bool has_transfer_encoding = false;
  bool has_length = false;
  std::uint64_t length = 0;
  Expected expected = Expected::nothing;
  std::string_view encoding;

 private:
  using Code = beast::error_code;

  void stop(Code& code, std::string_view why, int status = 400) {
    error = why;
    error_status = status;
    code = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb, beast::string_view its_method, beast::string_view its_target,
                       int its_version, Code&) override {
    method = view(its_method);
    target = view(its_target);
    version = its_version;
  }
  void on_response_impl(int, beast::string_view, int, Code&) override {}

  void on_field_impl(beast::http::field name, beast::string_view name_text, beast::string_view value_text,
                     Code& code) override {
    const std::string_view value = view(value_text);
    if (in_trailer_) return;  // checked by Beast, and ignored: no field that we use is allowed in a trailer
    if (fields_->size() >= limits::header_fields_max) return stop(code, "too many header fields", 431);
    const auto offset = [this](const char* at) { return static_cast<std::uint32_t>(at - base_); };
    fields_->push_back({offset(name_text.data()), static_cast<std::uint32_t>(name_text.size()),
                        offset(value.data()), static_cast<std::uint32_t>(value.size())});
    switch (name) {
      case beast::http::field::host:
        if (++hosts > 1) return stop(code, "Host is repeated");
        if (!is_host(value)) return stop(code, "Host is not a valid host");
        return;
      case beast::http::field::content_length:
        if (has_length) return stop(code, "Content-Length is repeated");
        if (!is_length(value)) return stop(code, "Content-Length is not a valid length");
        has_length = true;
        std::from_chars(value.data(), value.data() + value.size(), length);
        return;
      case beast::http::field::transfer_encoding:
        if (has_transfer_encoding) return stop(code, "Transfer-Encoding is repeated");
        if (!same_ignoring_case(value, "chunked")) return stop(code, "Transfer-Encoding is not chunked");
        has_transfer_encoding = true;
        return;
      case beast::http::field::expect:
        expected = std::max(expected, expected_by(value));
        return;
      case beast::http::field::content_encoding:
        if (!encoding.empty()) return stop(code, "Content-Encoding is repeated", 415);
        encoding = value;
        return;
      default:
        return;
    }
  }
  void on_header_impl(Code&) override { in_trailer_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(beast::string_view, Code&) override { return 0; }

  void on_chunk_header_impl(std::uint64_t, beast::string_view extensions, Code& code) override {
    if (has_control(view(extensions))) code = beast::http::error::bad_chunk_extension;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view data, Code&) override {
    std::memmove(chunk_target_, data.data(), data.size());
    chunk_target_ += data.size();
    chunk_bytes_ += data.size();
    return data.size();
  }
  void on_finish_impl(Code&) override {}

  const char* base_ = nullptr;
  std::vector<Field>* fields_ = nullptr;
  bool in_trailer_ = false;
  char* chunk_target_ = nullptr;
  std::size_t chunk_bytes_ = 0;
};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

void RequestReader::reset() {
  head_at_ = head_end_ = request_line_end_ = line_at_ = scanned_ = lines_ = 0;
  content_bytes_ = 0;
  body_bytes_ = raw_at_ = end_ = 0;
  inflated_ = std::string();
  request_.body = {};
}

RequestReader::Step RequestReader::refuse(int status, std::string text, bool close) {
  refusal_ = {status, std::move(text), close};
  return Step::refused;
}

RequestReader::Step RequestReader::read_head(std::string_view bytes) {
  if (head_end_ == 0) {
    const Step found = find_head_end(bytes);
    if (found != Step::done) return found;
  }
  return parse_head(bytes);
}

// Sets head_end_ once the empty line after the fields has arrived.
RequestReader::Step RequestReader::find_head_end(std::string_view bytes) {
  while (head_end_ == 0) {
    const std::size_t line_feed = bytes.find('\n', scanned_);
    const std::size_t seen = std::min(line_feed, bytes.size());  // the end of the line, or of the bytes
    if (lines_ == 0 && seen - line_at_ > request_line_bytes_max) return refuse(414, "the URI is too long");
    if (seen - head_at_ > limits::header_bytes_max) return refuse(431, "the header is too large");
    if (line_feed == std::string_view::npos) {
      scanned_ = bytes.size();
      return Step::more;
    }
    const Step checked = check_line(bytes, line_feed);
    if (checked == Step::refused) return checked;
  }
  return Step::done;
}

// Checks a complete line and moves to the next one.
RequestReader::Step RequestReader::check_line(std::string_view bytes, std::size_t line_feed_at) {
  if (line_feed_at == line_at_ || bytes[line_feed_at - 1] != '\r')
    return refuse(400, "a line of the header does not end with CR LF");
  const bool empty = line_feed_at - 1 == line_at_;
  if (empty && lines_ > 0) {
    head_end_ = line_feed_at + 1;
    return Step::done;
  }
  if (empty) {
    // RFC 9112 §2.2: some clients send an empty line after a body; one before the request is allowed.
    if (head_at_ != 0) return refuse(400, "empty lines before the request line");
    head_at_ = line_feed_at + 1;
  } else {
    if (lines_ > 0 && (bytes[line_at_] == ' ' || bytes[line_at_] == '\t'))
      return refuse(400, "a header field is folded");
    if (++lines_ > limits::header_fields_max + 1) return refuse(431, "too many header fields");
  }
  line_at_ = scanned_ = line_feed_at + 1;
  if (lines_ == 1 && request_line_end_ == 0) request_line_end_ = line_at_;
  return Step::done;
}

RequestReader::Step RequestReader::parse_head(std::string_view bytes) {
  std::string_view head = bytes.substr(0, head_end_);
  std::string as_http_11;  // a copy, so that the bytes of the client stay unchanged
  if (const auto minor = later_minor_at(head, request_line_end_)) {
    as_http_11 = head;
    as_http_11[*minor] = '1';
    head = as_http_11;
  }
  *parser_ = Parser{};
  fields_.clear();
  parser_->begin(head.data(), fields_);
  beast::error_code code;
  const std::size_t head_bytes = head_end_ - head_at_;
  const std::size_t parsed = parser_->put(asio::buffer(head.data() + head_at_, head_bytes), code);
  if (!parser_->error.empty()) return refuse(parser_->error_status, std::string(parser_->error));
  if (code == beast::http::error::bad_version)
    return refuse(400, "the version is neither HTTP/1.0 nor HTTP/1.1");
  if (code) return refuse(400, "the header is malformed: " + code.message());
  if (parsed != head_bytes || !parser_->is_header_done()) return refuse(400, "the header is malformed");

  target_ = {static_cast<std::uint32_t>(parser_->method.data() - head.data()),
             static_cast<std::uint32_t>(parser_->method.size()), 0, 0};
  keep_alive_ = parser_->keep_alive();
  http_10_ = parser_->version == 10;
  if (parser_->target.size() > limits::uri_bytes_max) return refuse(414, "the URI is too long");
  if (!http_10_ && parser_->hosts == 0) return refuse(400, "Host is missing");
  const Step target = parse_target(parser_->target);
  if (target != Step::done) return target;
  const Step framing = apply_framing();
  if (framing == Step::done) fill_request(bytes);
  return framing;
}

// Parses the forms of RFC 9112 §3.2: "/path?query", "http://host/path?query", and "*" for OPTIONS.
RequestReader::Step RequestReader::parse_target(std::string_view target) {
  const char* const base = parser_->method.data() - target_.name_at;
  if (target.front() != '/' && target != "*") {
    const std::size_t scheme = target.find("://");
    const std::string_view name = target.substr(0, std::min(scheme, target.size()));
    if (scheme == std::string_view::npos ||
        !(same_ignoring_case(name, "http") || same_ignoring_case(name, "https")))
      return refuse(400, "the request target is neither a path nor an http URL");
    const std::size_t authority_end = target.find_first_of("/?", scheme + 3);
    // The path may be empty; then only a query follows the authority, or nothing.
    target.remove_prefix(std::min(authority_end, target.size()));
  }
  target_.value_at = static_cast<std::uint32_t>(target.data() - base);
  target_.value_bytes = static_cast<std::uint32_t>(target.size());
  path_bytes_ = std::min(target.find('?'), target.size());
  return Step::done;
}

// RFC 9112 §6. Both ways to delimit a body at once are the usual means of request smuggling.
RequestReader::Step RequestReader::apply_framing() {
  chunked_ = parser_->has_transfer_encoding;
  if (chunked_ && http_10_) return refuse(400, "Transfer-Encoding is not allowed in HTTP/1.0");
  if (chunked_ && parser_->has_length)
    return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
  content_bytes_ = parser_->length;
  raw_at_ = head_end_;
  body_begun_ = false;

  const auto encoding = decompress::encoding_named(parser_->encoding);
  if (!encoding) return refuse(415, "Content-Encoding must be gzip, zstd or identity");
  encoding_ = *encoding;
  expects_continue_ = false;
  if (http_10_) return Step::done;
  if (parser_->expected == Expected::unknown) return refuse(417, "unknown expectation");
  expects_continue_ = parser_->expected == Expected::continue_100 && (chunked_ || content_bytes_ > 0);
  return Step::done;
}

std::size_t RequestReader::bytes_expected() const {
  return head_end_ == 0 || chunked_ ? 0 : head_end_ + static_cast<std::size_t>(content_bytes_);
}

bool RequestReader::skip_body(std::size_t available) {
  if (chunked_ || available - head_end_ < content_bytes_) return false;
  end_ = bytes_expected();
  return true;
}

RequestReader::Step RequestReader::read_body(std::span<char>& bytes, std::size_t body_bytes_max) {
  if (chunked_) return read_chunks(bytes, body_bytes_max);
  if (content_bytes_ > body_bytes_max) return refuse(413, "the body is too large");
  if (bytes.size() - head_end_ < content_bytes_) return Step::more;
  body_bytes_ = static_cast<std::size_t>(content_bytes_);
  end_ = head_end_ + body_bytes_;
  return finish(bytes, body_bytes_max);
}

// Moves the data of each chunk down over the chunk headers, so that the body directly follows the head.
RequestReader::Step RequestReader::read_chunks(std::span<char>& bytes, std::size_t body_bytes_max) {
  if (!body_begun_) parser_->body_limit(body_bytes_max);
  body_begun_ = true;
  parser_->move_chunks_to(bytes.data() + head_end_ + body_bytes_);
  while (!parser_->is_done()) {
    beast::error_code code;
    parser_->reset_chunk_bytes();
    raw_at_ += parser_->put(asio::buffer(bytes.data() + raw_at_, bytes.size() - raw_at_), code);
    body_bytes_ += parser_->chunk_bytes();
    if (code == beast::http::error::need_more || (!code && raw_at_ == bytes.size() && !parser_->is_done())) {
      // The incomplete rest follows the data, so that the buffer does not grow by the chunk headers.
      const std::size_t rest = bytes.size() - raw_at_;
      if (rest > limits::header_bytes_max) return refuse(400, "a chunk's header is too large");
      char* const body_end = bytes.data() + head_end_ + body_bytes_;
      std::memmove(body_end, bytes.data() + raw_at_, rest);
      raw_at_ = head_end_ + body_bytes_;
      bytes = bytes.first(raw_at_ + rest);
      return Step::more;
    }
    if (code == beast::http::error::body_limit) return refuse(413, "the body is too large");
    if (code) return refuse(400, "the chunked body is malformed: " + code.message());
  }
  end_ = raw_at_;
  return finish(bytes, body_bytes_max);
}

RequestReader::Step RequestReader::finish(std::span<char> bytes, std::size_t body_bytes_max) {
  const std::string_view all(bytes.data(), bytes.size());
  fill_request(all);
  request_.body = all.substr(head_end_, body_bytes_);
  if (encoding_ == decompress::Encoding::identity || body_bytes_ == 0) return Step::done;
  auto inflated = decompress::inflate(encoding_, request_.body, body_bytes_max);
  if (!inflated) {
    const bool too_large = inflated.error().code == "too_large";
    // The request was complete, so the start of the next one is known and the connection stays open.
    return refuse(too_large ? 413 : 400, std::move(inflated).error().text, false);
  }
  inflated_ = *std::move(inflated);
  request_.body = inflated_;
  return Step::done;
}

// Turns the recorded positions into views of the bytes, which may have moved.
void RequestReader::fill_request(std::string_view bytes) {
  request_.method = bytes.substr(target_.name_at, target_.name_bytes);
  const std::string_view target = bytes.substr(target_.value_at, target_.value_bytes);
  request_.path = path_bytes_ == 0 ? std::string_view("/") : target.substr(0, path_bytes_);
  request_.query = target.substr(std::min(path_bytes_ + 1, target.size()));
  request_.headers.clear();
  for (const Field& field : fields_)
    request_.headers.emplace_back(bytes.substr(field.name_at, field.name_bytes),
                                  bytes.substr(field.value_at, field.value_bytes));
}

}  // namespace weir::http
