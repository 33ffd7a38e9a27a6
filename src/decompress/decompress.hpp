// Decompresses gzip (RFC 1952) and zstd (RFC 8878) with a bound on the output. The size of compressed input
// says nothing about the size of its output, so every function here stops at a bound.
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

// Returns the encoding that a Content-Encoding header names, in any case: gzip, x-gzip, zstd, identity, or an
// empty value, which means identity. Returns nothing for all other values and for lists of encodings; the
// caller replies 415.
[[nodiscard]] std::optional<Encoding> encoding_named(std::string_view name);

// Decompresses a complete body: one or several gzip members, or one or several zstd frames. `limit` bounds
// their output together, in bytes. Thread-safe.
//
// After the result, limits::json_slack_bytes are readable and zero. They lie within the string's capacity,
// and a move of the string keeps them.
//
// Memory: at most 2 × `limit`, plus the state of the decoder (gzip 40 KB; zstd at most 8 MiB, the window that
// RFC 9659 allows).
//
// Errors have ErrorKind::invalid:
//   too_large      the output would exceed `limit`; the caller replies 413
//   bad_encoding   the input is damaged or incomplete, or other bytes follow a gzip member or zstd frame;
//                  the caller replies 400
// The result may be gzip again; it is not decompressed a second time.
[[nodiscard]] Result<std::string> inflate(Encoding encoding, std::string_view bytes, std::size_t limit);

// Decompresses a file piece by piece. The first bytes tell the format: plain, gzip of one or several members,
// or zstd of one or several frames. Zeros after the last gzip member are padding, as in gzip(1).
//
// Not thread-safe. Memory: one piece, plus the zstd window (at most 128 MiB, the default of the zstd tool).
//
//   inflater.feed(chunk);
//   while (true) {
//     auto piece = inflater.take();          // Result<std::string_view>
//     if (!piece || piece->empty()) break;   // an error, or the next chunk is needed
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

  // Adds the next bytes of the file. Call it only after take() has returned an empty piece. `chunk` must stay
  // valid until take() returns an empty piece again.
  void feed(std::string_view chunk);

  // Declares that the file has no more bytes.
  void end();

  // Returns the next decompressed bytes, at most piece_bytes_max, valid until the next call. An empty piece
  // means that everything that was fed has been returned.
  //
  // Error: ErrorKind::invalid, bad_encoding. The file is damaged at this point, or, after end(), incomplete.
  // The pieces before it are valid. After an error every call returns the same error.
  [[nodiscard]] Result<std::string_view> take();

 private:
  class Format;
  class Plain;
  class Gzip;
  class Zstd;

  static constexpr std::size_t magic_bytes = 4;

  bool detect_format();

  std::string head_;            // the first bytes of the file, until they tell the format
  std::string_view head_rest_;  // the part of head_ that the format has not read yet
  std::string_view input_;      // the part of the last chunk that has not been read yet
  bool ended_ = false;
  std::optional<Error> error_;
  std::unique_ptr<Format> format_;  // null until head_ tells it
};

}  // namespace weir::decompress
