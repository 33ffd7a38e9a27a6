// gzip (RFC 1952) and zstd (RFC 8878), inflated under a bound: what comes out is never trusted to be small
// because what came in was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::decompress {

enum class Encoding : std::uint8_t { identity, gzip, zstd };

// The value of a Content-Encoding header, in any case: gzip, x-gzip, zstd, identity or empty. Lists of
// encodings and all others have no Encoding: 415.
[[nodiscard]] std::optional<Encoding> encoding_named(std::string_view name);

// A whole body at once, for any thread: one or several gzip members, one or several zstd frames; the bound
// holds for all of them together. Behind the result limits::json_slack_bytes are readable and zero (they are
// within the string's capacity, and moving the string keeps them). Holds at most 2 × limit while it works,
// whatever the ratio, besides the decoder's own state (gzip 40 KB; zstd at most 8 MiB, the window that RFC
// 9659 allows).
//
// Errors are ErrorKind::invalid: too_large, the result would exceed `limit` bytes (413); bad_encoding, the
// bytes are broken, cut off, or something else stands after a gzip member or zstd frame (400). gzip in gzip
// is inflated once.
[[nodiscard]] Result<std::string> inflate(Encoding encoding, std::string_view bytes, std::size_t limit);

// A file in pieces: plain, gzip of one or several members, zstd of one or several frames, told by the first
// bytes. Zeros behind the last gzip member are taken for padding, as gzip(1) does. One thread; memory bounded
// by the piece and zstd's window (at most 128 MiB, the zstd tool's own default).
//
//   inflater.feed(chunk);
//   while (true) {
//     auto piece = inflater.take();          // Result<std::string_view>
//     if (!piece || piece->empty()) break;   // broken, or hungry
//     …
//   }
//   …after the last chunk: inflater.end(), and take() until it is empty.
class Inflater {
 public:
  static constexpr std::size_t piece_bytes_max = 64 * 1024;

  Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  // The next bytes of the file, when take() has given an empty piece. They must stay until it has done so
  // again.
  void feed(std::string_view chunk);

  // No more bytes will be fed.
  void end();

  // The next inflated bytes, valid until the next call. Empty: all that was fed has been given out. Error
  // ErrorKind::invalid, bad_encoding: the file is broken at this point, or, after end(), cut off; what was
  // given out before is good. After an error only the same error comes.
  [[nodiscard]] Result<std::string_view> take();

 private:
  class Format;
  class Plain;
  class Gzip;
  class Zstd;

  static constexpr std::size_t magic_bytes = 4;

  bool tell_format();

  std::string head_;            // the first bytes, until they tell the format
  std::string_view head_rest_;  // …and what of them the format has not read
  std::string_view input_;
  bool ended_ = false;
  std::optional<Error> broken_;
  std::unique_ptr<Format> format_;
};

}  // namespace weir::decompress
