// Two ways through the same decoders: inflate() holds a whole body in memory and bounds its output;
// Inflater passes a file through in pieces.
//
// zlib decodes one gzip member and then reports Z_STREAM_END. libzstd decodes one frame and then returns 0.
// Both loops below then start the next member or frame. RFC 1952 §2.2 and RFC 8878 §3 allow several in one
// stream, and tools write them: pigz, gzip -c >> file, zstd on several threads.
#include "decompress/decompress.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#define ZLIB_CONST  // zlib reads its input and does not change it
#include <zlib.h>
#include <zstd.h>

#include "base/ensure.hpp"
#include "base/limits.hpp"

namespace weir::decompress {
namespace {

constexpr std::size_t slack = limits::json_slack_bytes;
constexpr int zstd_body_window_log_max = 23;  // 8 MiB, RFC 9659
constexpr int zstd_file_window_log_max = 27;  // 128 MiB, the default of the zstd tool
constexpr int gzip_window_bits = 15 + 16;     // zlib: the largest window; 16 selects the gzip format
// Ratio of JSON events to their compressed size, for the first allocation.
constexpr std::size_t expected_ratio = 4;
// Largest ratio up to which a size that a zstd frame declares is allocated at once.
constexpr std::size_t believed_ratio = 64;

std::unexpected<Error> too_large(std::size_t limit) {
  return fail(ErrorKind::invalid, "too_large",
              "the body is larger than " + std::to_string(limit) + " bytes after decompression");
}

std::unexpected<Error> bad_encoding(std::string_view encoding, std::string_view why) {
  return fail(ErrorKind::invalid, "bad_encoding",
              "not readable as " + std::string(encoding) + ": " + std::string(why));
}

// The memory for a result. It grows by doubling, at most to one byte more than the limit: if that byte is
// used, the output exceeds the limit.
class OutputBuffer {
 public:
  OutputBuffer(std::size_t bytes_expected, std::size_t limit) : limit_(limit) {
    text_.resize(std::clamp<std::size_t>(bytes_expected, 1, limit_ + 1) + slack);
  }

  char* free_at() { return text_.data() + used_; }
  [[nodiscard]] std::size_t free_bytes() const { return text_.size() - slack - used_; }
  void use(std::size_t bytes) { used_ += bytes; }
  [[nodiscard]] bool over_limit() const { return used_ > limit_; }

  void grow_if_full() {
    if (free_bytes() > 0 || over_limit()) return;
    text_.resize(std::min(2 * used_, limit_ + 1) + slack);
  }

  // Returns the result. The zeros after it are part of its capacity.
  std::string take() {
    std::fill_n(free_at(), slack, '\0');
    text_.resize(used_);
    return std::move(text_);
  }

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
  std::string text_;
};

// Owns the state of zlib. Throws std::bad_alloc if there is no memory for it.
class GzipStream {
 public:
  GzipStream() {
    if (inflateInit2(&stream_, gzip_window_bits) != Z_OK) throw std::bad_alloc();
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() { inflateEnd(&stream_); }

  z_stream& operator*() { return stream_; }
  z_stream* operator->() { return &stream_; }

 private:
  z_stream stream_{};
};

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using ZstdContext = std::unique_ptr<ZSTD_DCtx, FreeZstd>;

ZstdContext zstd_context(int window_log_max) {
  ZstdContext context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  const std::size_t set = ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
  ensure(ZSTD_isError(set) == 0, "libzstd accepts the window size");
  return context;
}

// zlib counts in 32 bits; a larger input is passed to it in parts.
unsigned zlib_bytes(std::size_t bytes) {
  return static_cast<unsigned>(std::min<std::size_t>(bytes, std::size_t{1} << 30));
}

Result<std::string> inflate_gzip(std::string_view bytes, std::size_t limit) {
  GzipStream stream;
  OutputBuffer output(expected_ratio * bytes.size(), limit);
  std::string_view rest = bytes;
  while (true) {
    output.grow_if_full();
    if (output.over_limit()) return too_large(limit);
    stream->next_in = reinterpret_cast<const Bytef*>(rest.data());
    stream->avail_in = zlib_bytes(rest.size());
    stream->next_out = reinterpret_cast<Bytef*>(output.free_at());
    stream->avail_out = zlib_bytes(output.free_bytes());
    const std::size_t given = stream->avail_in;
    const std::size_t offered = stream->avail_out;
    const int state = ::inflate(&*stream, Z_NO_FLUSH);
    rest.remove_prefix(given - stream->avail_in);
    output.use(offered - stream->avail_out);
    if (state == Z_STREAM_END) {
      if (rest.empty()) break;
      inflateReset(&*stream);  // the next member follows
      continue;
    }
    // zlib has read everything and wants more, although there is space for its output.
    if (state == Z_BUF_ERROR || (state == Z_OK && rest.empty() && stream->avail_out > 0)) {
      return bad_encoding("gzip", "it is incomplete");
    }
    if (state == Z_MEM_ERROR) throw std::bad_alloc();
    if (state != Z_OK) return bad_encoding("gzip", stream->msg != nullptr ? stream->msg : "it is damaged");
  }
  if (output.over_limit()) return too_large(limit);
  return output.take();
}

Result<std::string> inflate_zstd(std::string_view bytes, std::size_t limit) {
  const auto declared = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR) return bad_encoding("zstd", "it does not begin with a zstd frame");
  if (declared != ZSTD_CONTENTSIZE_UNKNOWN && declared > limit) return too_large(limit);
  const ZstdContext context = zstd_context(zstd_body_window_log_max);
  // The declared size is untrusted input. A small frame must not make the server allocate much memory.
  const std::size_t expected = declared == ZSTD_CONTENTSIZE_UNKNOWN
                                   ? expected_ratio * bytes.size()
                                   : std::min<std::size_t>(declared, believed_ratio * bytes.size());
  OutputBuffer output(expected, limit);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    output.grow_if_full();
    if (output.over_limit()) return too_large(limit);
    ZSTD_outBuffer out{output.free_at(), output.free_bytes(), 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return bad_encoding("zstd", ZSTD_getErrorName(left));
    output.use(out.pos);
    if (left == 0 && in.pos == in.size) break;
    if (left == 0) continue;  // the next frame follows
    if (in.pos == in.size && out.pos < out.size) return bad_encoding("zstd", "it is incomplete");
  }
  if (output.over_limit()) return too_large(limit);
  return output.take();
}

}  // namespace

std::optional<Encoding> encoding_named(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char letter) { return std::tolower(letter); });
  if (lower.empty() || lower == "identity") return Encoding::identity;
  if (lower == "gzip" || lower == "x-gzip") return Encoding::gzip;
  if (lower == "zstd") return Encoding::zstd;
  return std::nullopt;
}

Result<std::string> inflate(Encoding encoding, std::string_view bytes, std::size_t limit) {
  if (encoding == Encoding::gzip) return inflate_gzip(bytes, limit);
  if (encoding == Encoding::zstd) return inflate_zstd(bytes, limit);
  if (bytes.size() > limit) return too_large(limit);
  OutputBuffer output(bytes.size(), limit);
  std::ranges::copy(bytes, output.free_at());
  output.use(bytes.size());
  return output.take();
}

// One format that a file may have.
class Inflater::Format {
 public:
  Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;
  virtual ~Format() = default;

  // Reads from the start of `rest` and removes what it has read. Returns an empty piece only when all of
  // `rest` has been read and all its output has been returned.
  virtual Result<std::string_view> take(std::string_view& rest) = 0;

  // Whether the file may end here.
  [[nodiscard]] virtual bool is_complete() const = 0;
  [[nodiscard]] virtual std::string_view name() const = 0;
};

// Passes the bytes through.
class Inflater::Plain final : public Format {
 public:
  Result<std::string_view> take(std::string_view& rest) override {
    const std::string_view piece = rest.substr(0, piece_bytes_max);
    rest.remove_prefix(piece.size());
    return piece;
  }
  bool is_complete() const override { return true; }
  std::string_view name() const override { return "plain text"; }
};

// zlib stops at the end of each member, so this class remembers whether it is between two of them.
class Inflater::Gzip final : public Format {
 public:
  Result<std::string_view> take(std::string_view& rest) override {
    while (true) {
      if (between_members_) {
        is_padded_ |= rest.starts_with('\0');
        rest.remove_prefix(std::min(rest.find_first_not_of('\0'), rest.size()));
        if (rest.empty()) return std::string_view();
        if (is_padded_) return bad_encoding("gzip", "bytes follow the zeros at its end");
        inflateReset(&*stream_);
        between_members_ = false;
      }
      auto piece = inflate_some(rest);
      if (!piece || !piece->empty() || (rest.empty() && !between_members_)) return piece;
    }
  }
  bool is_complete() const override { return between_members_; }
  std::string_view name() const override { return "gzip"; }

 private:
  Result<std::string_view> inflate_some(std::string_view& rest) {
    stream_->next_in = reinterpret_cast<const Bytef*>(rest.data());
    stream_->avail_in = zlib_bytes(rest.size());
    stream_->next_out = reinterpret_cast<Bytef*>(piece_.data());
    stream_->avail_out = zlib_bytes(piece_.size());
    const std::size_t given = stream_->avail_in;
    const int state = ::inflate(&*stream_, Z_NO_FLUSH);
    rest.remove_prefix(given - stream_->avail_in);
    if (state == Z_MEM_ERROR) throw std::bad_alloc();
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) {
      return bad_encoding("gzip", stream_->msg != nullptr ? stream_->msg : "it is damaged");
    }
    between_members_ = state == Z_STREAM_END;
    return std::string_view(piece_.data(), piece_.size() - stream_->avail_out);
  }

  GzipStream stream_;
  bool between_members_ = false;
  bool is_padded_ = false;  // zeros have followed a member
  std::array<char, piece_bytes_max> piece_;
};

// libzstd may keep output back when the piece is full; then it is called again without input.
class Inflater::Zstd final : public Format {
 public:
  Result<std::string_view> take(std::string_view& rest) override {
    while (!rest.empty() || has_more_output_) {
      ZSTD_inBuffer in{rest.data(), rest.size(), 0};
      ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
      const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return bad_encoding("zstd", ZSTD_getErrorName(left));
      rest.remove_prefix(in.pos);
      between_frames_ = left == 0;
      has_more_output_ = !between_frames_ && out.pos == out.size;
      if (out.pos > 0) return std::string_view(piece_.data(), out.pos);
    }
    return std::string_view();
  }
  bool is_complete() const override { return between_frames_; }
  std::string_view name() const override { return "zstd"; }

 private:
  ZstdContext context_ = zstd_context(zstd_file_window_log_max);
  bool between_frames_ = false;
  bool has_more_output_ = false;  // the piece was too small for the output of what has been read
  std::array<char, piece_bytes_max> piece_;
};

Inflater::Inflater() = default;

Inflater::~Inflater() = default;

void Inflater::feed(std::string_view chunk) {
  ensure(input_.empty(), "a chunk is fed when the previous one has been taken");
  input_ = chunk;
}

void Inflater::end() { ended_ = true; }

// Collects the first bytes until they tell the format. Returns false if it needs more of them.
bool Inflater::detect_format() {
  const std::size_t wanted = std::min(magic_bytes - head_.size(), input_.size());
  head_.append(input_.substr(0, wanted));
  input_.remove_prefix(wanted);
  if (head_.size() < magic_bytes && !ended_) return false;
  head_rest_ = head_;
  // A zstd file may begin with a skippable frame (RFC 8878 §3.1.2), whose magic number has 16 values.
  const bool skippable_frame =
      head_.size() == magic_bytes && (head_[0] & '\xF0') == '\x50' && head_.ends_with("\x2A\x4D\x18");
  if (head_.starts_with("\x1F\x8B")) {
    format_ = std::make_unique<Gzip>();
  } else if (head_.starts_with("\x28\xB5\x2F\xFD") || skippable_frame) {
    format_ = std::make_unique<Zstd>();
  } else {
    format_ = std::make_unique<Plain>();
  }
  return true;
}

Result<std::string_view> Inflater::take() {
  if (error_) return std::unexpected(*error_);
  if (!format_ && !detect_format()) return std::string_view();
  while (true) {
    // The bytes that told the format come first.
    std::string_view& rest = head_rest_.empty() ? input_ : head_rest_;
    auto piece = format_->take(rest);
    if (!piece) error_ = piece.error();
    if (!piece || !piece->empty()) return piece;
    if (head_rest_.empty() && input_.empty()) break;
  }
  if (ended_ && !format_->is_complete()) {
    error_ = bad_encoding(format_->name(), "it is incomplete").error();
    return std::unexpected(*error_);
  }
  return std::string_view();
}

}  // namespace weir::decompress
