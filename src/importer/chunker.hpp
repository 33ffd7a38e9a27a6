// An input cut into items, and pieces of them, one request each: lines of an access log or of NDJSON, or the
// elements of a JSON array.
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

inline constexpr std::size_t piece_lines_max = 1000;
inline constexpr std::size_t piece_bytes_max = limits::MiB;
inline constexpr std::size_t item_bytes_max = limits::MiB;

// How an input is divided into items.
enum class Framing : std::uint8_t {
  text_lines,  // each line is one; a line ends with LF, CR LF or CR (servers escape a CR within a value)
  json_lines,  // the same, but a CR alone is white space of JSON
  json_array,  // each element is one
};

// A point in an input, between two pieces.
struct InputPosition {
  std::uint64_t bytes = 0;  // inflated bytes before it
  Hash128 hash;             // of them
  std::uint64_t lines = 0;  // lines (elements of an array) that begin before it
  bool mid_line = false;  // the last of them is not ended: what comes up to its line end still belongs to it

  friend bool operator==(const InputPosition&, const InputPosition&) = default;
};

struct Item {
  std::uint64_t line = 0;  // from 1; in an array, the element's number
  // Without the line end or the white space around an element; of a line also without NULs and byte order
  // marks at its beginning, as copytruncate and concatenation leave them.
  std::string_view text;
  bool too_long = false;  // over item_bytes_max: `text` is its beginning
};

// Items of one piece. The views are into the source, valid until it is read on or taken from.
struct Chunk {
  std::vector<Item> items;  // blank lines have none
  std::size_t bytes = 0;    // how much of what lies ahead belongs to it
  InputPosition behind;     // where the input stands when they are taken
  // The number of the input's last line if that has no line end: it is not part of the piece, for it may
  // still be being written. 0: there is none.
  std::uint64_t unfinished = 0;
};

// Cuts what lies ahead of the source, which must stand at `place`. Takes nothing but the rest of a line whose
// beginning was taken before, and NULs at the beginning of a line. The source must outlive it.
class Chunker {
 public:
  Chunker(Source& source, Framing framing, const InputPosition& place);

  // The next piece: up to piece_lines_max lines or piece_bytes_max bytes, or to the end of the input; without
  // items and bytes: there is nothing more. Then accept() it, or the next call gives the same again.
  // ErrorKind::invalid, array_broken: the array breaks here; what came before it has been given out.
  [[nodiscard]] Result<Chunk> next();

  // All up to this position: a piece that was cut before. ErrorKind::invalid, input_shorter.
  [[nodiscard]] Result<Chunk> up_to(std::uint64_t position);

  // Takes the piece from the source: its views are gone.
  void accept(const Chunk& cut);
  // The piece with its first `count` items alone: it ends with the line, or the element, of the last of them.
  [[nodiscard]] Chunk first_items(Chunk cut, std::size_t count) const;

  [[nodiscard]] const InputPosition& place() const { return place_; }

 private:
  Result<Chunk> cut(std::optional<std::size_t> bytes);
  void skip_rest_of_line();
  void skip_hole(std::optional<std::uint64_t> end);

  Source& source_;
  Framing framing_;
  InputPosition place_;
};

}  // namespace weir::importer
