#include "observe/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json_text.hpp"

namespace weir::observe {
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

// JSON escapes what is below U+0020; a terminal also obeys U+007F to U+009F.
std::string with_visible_controls(const std::string& line) {
  std::string out;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const auto byte = static_cast<unsigned char>(line[at]);
    const auto next = static_cast<unsigned char>(at + 1 < line.size() ? line[at + 1] : 0);
    const bool is_wide = byte == 0xC2 && next >= 0x80 && next <= 0x9F;
    if (byte >= 0x20 && byte != 0x7F && !is_wide) {
      out += line[at];
      continue;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    const unsigned char code = is_wide ? next : byte;
    out.append("\\u00").append(1, digits[code >> 4]).append(1, digits[code & 15]);
    if (is_wide) ++at;
  }
  return out;
}

bool holds_controls(const std::string& line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F || byte == 0xC2;
  });
}

// `name=value`; quoted and escaped where it is more than one plain word.
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

class SpdLog final : public Log {
 public:
  SpdLog(Severity least, bool json)
      : json_(json), logger_("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(level_of(least));
    // The time is UTC, as every time that we write down.
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
        spdlog::pattern_time_type::utc);
    logger_.set_formatter(std::move(formatter));
    logger_.flush_on(spdlog::level::debug);
  }

  void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) override {
    if (!logger_.should_log(level_of(severity))) return;
    std::string line;
    if (json_) {
      line = "\"message\":";
      append_json_string(line, text);
      for (const Field& field : fields) {
        line += ',';
        append_json_string(line, field.name);
        line += ':';
        append_json_string(line, field.value);
      }
    } else {
      line = text;
      for (const Field& field : fields) append_text_field(line, field);
    }
    if (holds_controls(line)) line = with_visible_controls(line);
    logger_.log(level_of(severity), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  bool json_;
  spdlog::logger logger_;
};

class SilentLog final : public Log {
 public:
  void write(Severity /*severity*/, std::string_view /*text*/,
             std::initializer_list<Field> /*fields*/) override {}
};

}  // namespace

std::unique_ptr<Log> make_log(Severity least, bool json) { return std::make_unique<SpdLog>(least, json); }

std::unique_ptr<Log> make_silent_log() { return std::make_unique<SilentLog>(); }

}  // namespace weir::observe
