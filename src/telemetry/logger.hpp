// The operator's log: one line an occurrence, none per event. Text for people, JSON for machines.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir::telemetry {

enum class Severity : std::uint8_t { debug, info, warn, error };

struct Field {
  std::string_view name;  // snake_case
  std::string value;      // never a secret; control characters are escaped on the way out
};

// Any thread may write. Written whole lines to stderr, in order.
class Logger {
 public:
  Logger() = default;
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  virtual ~Logger() = default;

  virtual void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) = 0;

  void debug(std::string_view text, std::initializer_list<Field> fields = {}) {
    write(Severity::debug, text, fields);
  }
  void info(std::string_view text, std::initializer_list<Field> fields = {}) {
    write(Severity::info, text, fields);
  }
  void warn(std::string_view text, std::initializer_list<Field> fields = {}) {
    write(Severity::warn, text, fields);
  }
  void error(std::string_view text, std::initializer_list<Field> fields = {}) {
    write(Severity::error, text, fields);
  }
};

// The log of the process, on spdlog. With json each line is one object: time, level, message, then the
// fields. The time is UTC, of the clock; that is called on the thread that writes.
[[nodiscard]] std::unique_ptr<Logger> make_logger(
    Severity least, bool json, std::function<WallTime()> clock = [] { return read_clock().wall; });

// For tests that do not look at the log.
[[nodiscard]] std::unique_ptr<Logger> make_silent_logger();

}  // namespace weir::telemetry
