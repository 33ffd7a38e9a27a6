// Writes the log of the process to stderr: one line for each occurrence that an operator needs to see, none
// for each event. "Log" alone means the event log in this project; this is the Logger.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir::telemetry {

// LOG_LEVEL, in ascending order:
// - debug: details for developers
// - info: start, stop and changes of state
// - warn: a problem that Weir handles by itself
// - error: an operator must act, or the process exits
enum class Severity : std::uint8_t { debug, info, warn, error };

struct Field {
  std::string_view name;  // snake_case
  std::string value;      // must not contain a secret; control characters are escaped when it is written
};

// Thread-safe. Lines of several threads are not mixed. write() blocks until the line is written to stderr.
// Implementations: make_logger() for the process, make_silent_logger() and FakeLogger for tests.
class Logger {
 public:
  Logger() = default;
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  virtual ~Logger() = default;

  // Writes one line: `text` is a constant sentence (what happened), `fields` are the details. Never fails: an
  // error of stderr is ignored.
  virtual void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) = 0;

  // write() with the severity of the function's name.
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

// Returns the logger of the process, which uses spdlog. Lines below `min_severity` are dropped. With `json`
// each line is one object with the members time, level and message, then the fields. Without, a line reads
// `TIME LEVEL text name=value …`. Times are in UTC. `clock` is called on the thread that writes.
[[nodiscard]] std::unique_ptr<Logger> make_logger(
    Severity min_severity, bool json, std::function<WallTime()> clock = [] { return read_clock().wall; });

// Returns a logger that drops every line, for tests that do not check the log.
[[nodiscard]] std::unique_ptr<Logger> make_silent_logger();

}  // namespace weir::telemetry
