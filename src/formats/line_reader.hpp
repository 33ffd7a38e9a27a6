// Reads the entries of an access log, line by line.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "formats/log_entry.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Keeps its buffers between lines. For one thread.
class LineReader {
 public:
  // `format` must outlive the reader.
  explicit LineReader(const LogFormat& format);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // Reads the entry at the beginning of `line`, which has no line end, and returns the rest of the line. The
  // rest is empty, or begins with another entry that was glued to the first one. Read it in the same way.
  // White space after the last entry is not returned.
  //
  // ErrorKind::invalid, unreadable_line: the line does not match the format completely. The text says at
  // which byte what was expected and what was found. About 0.5 µs, and at most 64 passes over the line.
  [[nodiscard]] Result<std::string_view> read(std::string_view line, LogEntry& entry);

 private:
  // Reads JSON lines. Defined in the .cpp, because it holds a parser of simdjson.
  class Json;

  Result<std::string_view> read_text(std::string_view line, LogEntry& entry);
  static std::unexpected<Error> unreadable(std::string_view line, std::size_t at, std::string_view expected);

  const LogFormat& format_;
  std::unique_ptr<Json> json_;  // for JSON formats
};

}  // namespace weir::formats
