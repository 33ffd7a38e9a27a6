// Lays the parts of a format over a line. For LineReader; text formats only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "formats/log_entry.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// A field ends where its shape ends, or where the literal after it stands. Where the literal may stand within
// the field, too, each place is tried, the nearest first; the work is bounded. A value for one line.
class LineMatcher {
 public:
  LineMatcher(const LogFormat& format, std::string_view line, Captured& found)
      : parts_(format.parts), line_(line), found_(found), may_be_glued_(format.escaped) {}

  // The byte at which the entry ends. If it is not the end of the line, another entry may be glued to this
  // one: that is only possible where the format ends with a literal.
  [[nodiscard]] std::optional<std::size_t> match();

  // After match() gave nothing: the last byte that could not be matched, and what was expected there.
  [[nodiscard]] std::size_t missed_at() const { return missed_at_; }
  [[nodiscard]] std::string expected() const;

  // Where the time begins in the line.
  [[nodiscard]] std::size_t time_at() const { return time_at_; }

 private:
  bool match_from(std::size_t part, std::size_t at);
  bool match_before_literal(std::size_t part, std::size_t at, std::size_t end);
  bool match_end(std::size_t at);
  bool read_time(std::size_t part, std::size_t& at);
  [[nodiscard]] std::size_t extent(const PendingBatch& part, std::size_t at) const;
  bool accept(const PendingBatch& part, std::size_t begin, std::size_t end);
  [[nodiscard]] bool is_user(std::string_view text) const;
  bool miss(std::size_t part, std::size_t at);

  const std::vector<PendingBatch>& parts_;
  std::string_view line_;
  Captured& found_;
  bool may_be_glued_;
  std::size_t end_ = 0;
  std::size_t work_ = 0;  // bytes looked at while places were tried
  std::size_t missed_at_ = 0;
  std::size_t missed_part_ = 0;
  std::size_t time_at_ = std::string_view::npos;
};

}  // namespace weir::formats
