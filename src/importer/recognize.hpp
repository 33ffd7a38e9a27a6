// What an input is: of which format, as its owner says or as its first lines show; or something that import
// cannot read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"
#include "importer/chunker.hpp"
#include "importer/source.hpp"

namespace weir::importer {

// --format.
struct FormatChoice {
  enum class Kind : std::uint8_t { automatic, activities, access_log };
  Kind kind = Kind::automatic;
  formats::LogFormat log;  // of an access log
};

// Reads auto, activities, a built-in name, or an nginx or Apache format string. Error ErrorKind::invalid,
// format_invalid.
[[nodiscard]] Result<FormatChoice> parse_format_choice(std::string_view text);

struct InputFormat {
  Framing framing = Framing::text_lines;
  std::optional<formats::LogFormat> log;  // nothing: activities
};

struct Recognized {
  InputFormat format;
  std::string note;  // for the person who waits: what was taken, and why; empty if there is nothing to say
};

// Looks at what lies ahead of the source, which stands at its beginning, and takes nothing. `automatic` reads
// on to 100 whole lines that are not blank, or 8 MiB, and takes the format that most of them have wholly; if
// none has one, the common case: combined, or activities if the first of them begins with a brace. Error
// ErrorKind::invalid, foreign_format: xz, bzip2, tar, UTF-16, gzip within gzip and the like, with its name.
[[nodiscard]] Result<Recognized> recognize(Source& source, const FormatChoice& choice);

}  // namespace weir::importer
