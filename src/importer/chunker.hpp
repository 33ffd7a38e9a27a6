// Splits an input into items and groups them into chunks. Items are the lines of an access log or of NDJSON,
// or the elements of a JSON array. A chunk is what one request carries, if its body stays within Weir's
// limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "importer/source.hpp"

namespace weir::importer {

// Bounds of a chunk and of an item. An item above its bound is reported and not sent.
inline constexpr std::size_t chunk_lines_max = 1000;
inline constexpr std::size_t chunk_bytes_max = limits::MiB;  // a chunk ends with the item that reaches it
inline constexpr std::size_t item_bytes_max = limits::MiB;

// How an input is divided into items.
enum class Framing : std::uint8_t {
  text_lines,  // an item is a line; LF, CR LF or CR ends it (servers escape a CR within a value)
  json_lines,  // an item is a line; LF or CR LF ends it (a CR alone is white space of JSON)
  json_array,  // an item is an element
};

// A boundary between two chunks of an input.
struct InputPosition {
  // Number of decompressed bytes before the boundary.
  std::uint64_t bytes = 0;
  // Hash of these bytes (RunningHash).
  Hash128 hash;
  // Number of lines (or elements) that begin before the boundary.
  std::uint64_t lines = 0;
  // Whether the last of these lines has not ended, so that its rest follows.
  bool mid_line = false;

  friend bool operator==(const InputPosition&, const InputPosition&) = default;
};

// A line or an element.
struct Item {
  // Number of the line, or of the element in an array; from 1.
  std::uint64_t line = 0;
  // A line without its end and without NUL bytes and byte order marks at its beginning, as copytruncate and
  // concatenation leave them. An element without the white space around it.
  std::string_view text;
  // Whether the item is longer than item_bytes_max. Then `text` is its beginning.
  bool too_long = false;
};

// The views point into the source. They are valid until the source is filled or consumed.
struct Chunk {
  // The lines or elements in order, without blank lines.
  std::vector<Item> items;
  // How many buffered bytes the chunk covers, from the position of the source on.
  std::size_t bytes = 0;
  InputPosition end;
  // The number of the input's last line if that line has no end. It belongs to no chunk, because a server may
  // still be writing it. 0: every line has an end.
  std::uint64_t unterminated_line = 0;
};

// Cutting is deterministic: from the same position, the same bytes give the same items. A resumed import
// relies on that. The source must outlive the chunker. For one thread.
class Chunker {
 public:
  // The source must be at `position`.
  Chunker(Source& source, Framing framing, const InputPosition& position);

  // The next chunk: up to chunk_lines_max lines or chunk_bytes_max bytes, or the rest of the input. The input
  // has ended if the chunk covers no byte. Until accept() is called, the same chunk is returned again.
  // ErrorKind::invalid, array_broken: the input is no JSON array from here on. Everything before was
  // returned.
  [[nodiscard]] Result<Chunk> next();

  // Everything up to `position`, which was the end of a chunk in an earlier import.
  // ErrorKind::invalid, input_shorter: the input ends before it.
  [[nodiscard]] Result<Chunk> up_to(std::uint64_t position);

  // Goes past the chunk: consumes it from the source, which ends its views.
  void accept(const Chunk& chunk);

  // The part of the chunk that ends with its item number `count`, counted from 1.
  [[nodiscard]] Chunk first_items(Chunk chunk, std::size_t count) const;

  [[nodiscard]] const InputPosition& position() const { return position_; }

 private:
  Result<Chunk> cut(std::optional<std::size_t> bytes);
  void skip_rest_of_line();
  void skip_nul_bytes(std::optional<std::uint64_t> end);

  Source& source_;
  Framing framing_;
  InputPosition position_;
};

}  // namespace weir::importer
