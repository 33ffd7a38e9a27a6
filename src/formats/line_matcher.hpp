// Matches one line against the parts of a text format. LineReader uses it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "formats/log_entry.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// A field ends where its shape ends, or before the literal that follows. If the literal may also be within
// the field, each of its occurrences is tried, the nearest first. The work is bounded to 64 passes over the
// line.
//
// For one line and one thread. Format, line and `found` must outlive it.
class LineMatcher {
 public:
  LineMatcher(const LogFormat& format, std::string_view line, Captured& found)
      : parts_(format.parts), line_(line), found_(found), may_be_glued_(format.escaped) {}

  // Fills `found` and returns the offset at which the entry ends. If that is not the end of the line, another
  // entry may follow; that is possible only if the format ends with a literal.
  [[nodiscard]] std::optional<std::size_t> match();

  // After match() returned nothing: the last offset at which a part did not match, and what was expected
  // there.
  [[nodiscard]] std::size_t missed_at() const { return missed_at_; }
  [[nodiscard]] std::string expected() const;

  // The offset of the time.
  [[nodiscard]] std::size_t time_at() const { return time_at_; }

 private:
  // Each returns false if the rest of the line does not match, after miss() has recorded where.
  bool match_from(std::size_t part, std::size_t at);
  bool match_before_literal(std::size_t part, std::size_t at, std::size_t end);
  bool match_end(std::size_t at);
  bool read_time(std::size_t part, std::size_t& at);
  [[nodiscard]] std::size_t extent(const FormatPart& part, std::size_t at) const;
  bool accept(const FormatPart& part, std::size_t begin, std::size_t end);
  [[nodiscard]] bool is_user(std::string_view text) const;
  bool miss(std::size_t part, std::size_t at);

  // The format, the line, and the values that were found.
  const std::vector<FormatPart>& parts_;
  std::string_view line_;
  Captured& found_;
  bool may_be_glued_;
  std::size_t end_ = 0;
  std::size_t work_ = 0;  // bytes looked at while occurrences were tried
  std::size_t missed_at_ = 0;
  std::size_t missed_part_ = 0;
  std::size_t time_at_ = std::string_view::npos;
};

}  // namespace weir::formats
