// Determines the format of an input: as --format says, or from its first lines. Rejects what import cannot
// read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"
#include "importer/chunker.hpp"
#include "importer/source.hpp"

namespace weir::importer {

// The value of --format.
struct FormatChoice {
  enum class Kind : std::uint8_t { automatic, activities, access_log };
  Kind kind = Kind::automatic;
  // The format, if the kind is access_log.
  formats::LogFormat log;
};

// Accepts auto, activities, a built-in name, or an nginx or Apache format string.
// ErrorKind::invalid, format_invalid: the text says what is wrong and what is expected.
[[nodiscard]] Result<FormatChoice> parse_format_choice(std::string_view text);

// How the lines or elements of an input are found, and how each one is read.
struct InputFormat {
  Framing framing = Framing::text_lines;
  // The format of an access log. Without it, the items are activities.
  std::optional<formats::LogFormat> log;
};

struct Recognized {
  InputFormat format;
  // Tells the user which format was chosen and why. Empty if the user chose it.
  std::string note;
};

// Looks at the buffered bytes of a source at its beginning, and consumes none. With `automatic` it reads up
// to 100 whole lines that are not blank, or 8 MiB. It chooses the format in which most of these lines can be
// read wholly. If none can be read, it chooses activities if the first one begins with a brace, else
// combined. ErrorKind::invalid, unsupported_format: xz, bzip2, tar, UTF-16, gzip within gzip and the like, by
// name.
[[nodiscard]] Result<Recognized> recognize(Source& source, const FormatChoice& choice);

}  // namespace weir::importer
