#include "telemetry/logger.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <utility>

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "telemetry/log_level.hpp"

// write() runs on the calling thread. It drops lines below the minimum severity, builds the line, escapes
// control characters, and passes the line to spdlog's stderr sink. The sink's mutex keeps lines whole and in
// order. Each line is flushed at once, so that the last lines before a crash are not lost.
namespace weir::telemetry {
namespace {

spdlog::level::level_enum level_of(Severity severity) {
  switch (severity) {
    case Severity::debug:
      return spdlog::level::debug;
    case Severity::info:
      return spdlog::level::info;
    case Severity::warn:
      return spdlog::level::warn;
    case Severity::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// A quick check that spares the copy for nearly every line. 0xC2 may begin a C1 control character.
bool may_contain_controls(const std::string& line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F || byte == 0xC2;
  });
}

// "2026-01-31T23:59:59.999Z". spdlog's pattern is not used: it prints wrong times before 1970 and in its
// first second.
std::string time_text(WallTime moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(moment - day);
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                      static_cast<int>(time.subseconds().count()));
  return text.data();
}

std::string_view level_name(Severity severity) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(severity)];
}

// Appends ` name=value`. A value that is not one plain ASCII word is quoted and escaped like a JSON string.
void append_text_field(std::string& line, const Field& field) {
  line += ' ';
  line += field.name;
  line += '=';
  const bool plain = !field.value.empty() && std::ranges::all_of(field.value, [](char byte) {
    return byte > ' ' && byte < 0x7F && byte != '"' && byte != '\\' && byte != '=';
  });
  if (plain) {
    line += field.value;
  } else {
    append_json_string(line, field.value);
  }
}

class SpdlogLogger final : public Logger {
 public:
  SpdlogLogger(Severity min_severity, bool json, std::function<WallTime()> clock)
      : json_(json),
        clock_(std::move(clock)),
        logger_("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(level_of(min_severity));
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger_.flush_on(spdlog::level::debug);
  }

  void set_min_severity(Severity min_severity) { logger_.set_level(level_of(min_severity)); }

  void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) override {
    if (!logger_.should_log(level_of(severity))) return;
    // The line is built here and not by a spdlog formatter, because a formatter does not see the fields.
    std::string line;
    if (json_) {
      line = R"({"time":")" + time_text(clock_()) + R"(","level":")";
      line.append(level_name(severity)).append(R"(","message":)");
      append_json_string(line, text);
      for (const Field& field : fields) {
        line += ',';
        append_json_string(line, field.name);
        line += ':';
        append_json_string(line, field.value);
      }
      line += '}';
    } else {
      line = time_text(clock_()) + ' ';
      // The level is padded to a fixed width, so that the texts of all lines begin at the same column.
      line.append(level_name(severity)).resize(time_bytes + 1 + level_bytes, ' ');
      line.append(1, ' ').append(text);
      for (const Field& field : fields) append_text_field(line, field);
    }
    if (may_contain_controls(line)) line = with_escaped_controls(line, Controls::all);
    logger_.log(level_of(severity), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  static constexpr std::size_t time_bytes = std::string_view("1970-01-01T00:00:00.000Z").size();
  static constexpr std::size_t level_bytes = 7;

  bool json_;
  std::function<WallTime()> clock_;
  spdlog::logger logger_;
};

class SilentLogger final : public Logger {
 public:
  void write(Severity /*severity*/, std::string_view /*text*/,
             std::initializer_list<Field> /*fields*/) override {}
};

}  // namespace

std::unique_ptr<Logger> make_logger(Severity min_severity, bool json, std::function<WallTime()> clock) {
  return std::make_unique<SpdlogLogger>(min_severity, json, std::move(clock));
}

void set_min_severity(Logger& logger, Severity min_severity) {
  if (auto* const own = dynamic_cast<SpdlogLogger*>(&logger)) own->set_min_severity(min_severity);
}

std::unique_ptr<Logger> make_silent_logger() { return std::make_unique<SilentLogger>(); }

}  // namespace weir::telemetry
