#include "config/show.hpp"

#include <algorithm>
#include <array>

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"

namespace weir::config {
namespace {

// Appends a table cell.
void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out.append(text).append(width > text.size() ? width - text.size() : 0, ' ');
}

// A value of plain characters as it is, any other one as a JSON string: it stays one word on one line.
std::string quoted_if_needed(const std::string& value) {
  if (is_visible_ascii(value)) return value;
  std::string out;
  append_json_string(out, value);
  return printable(out);
}

// "30 (serve: 1)"
std::string default_in_words(const Variable& variable) {
  if (variable.default_value.empty()) return "not set";
  if (variable.secret) return "***";
  std::string text(variable.default_value);
  if (!variable.serve_default.empty()) text.append(" (serve: ").append(variable.serve_default).append(")");
  return text;
}

std::string meaning_of(const Variable& variable) {
  std::string text(variable.help);
  if (variable.support == Support::kafka_only) text.append(" (Kafka only)");
  if (!variable.is_supported()) text.append("; not supported yet");
  return text;
}

}  // namespace

std::string_view name_of(Origin origin) {
  constexpr std::array<std::string_view, 5> names{"default", "file", "Consul", "environment", "command line"};
  return names[static_cast<std::size_t>(origin)];
}

std::string to_text(const std::vector<SettingError>& errors) {
  std::string out;
  for (const SettingError& error : errors) out.append(error.text).append("\n");
  return out;
}

std::string to_table(const Loaded& loaded, const std::vector<SettingError>& refused) {
  // The widths of the columns come first.
  std::vector<std::string> values;
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const EffectiveSetting& setting : loaded.effective) {
    values.push_back(quoted_if_needed(setting.value));
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(value_width, values.back().size());
  }
  std::string out;
  for (std::size_t at = 0; at < values.size(); ++at) {
    const EffectiveSetting& setting = loaded.effective[at];
    append_padded(out, setting.name, name_width + 2);
    append_padded(out, values[at], value_width + 2);
    out.append(name_of(setting.origin));
    if (!setting.used) out.append(", not used");
    if (std::ranges::find(refused, setting.name, &SettingError::variable) != refused.end())
      out.append(", the value in Consul is refused");
    out.append("\n");
  }
  for (const SettingError& error : refused) out.append("refused: ").append(error.text).append("\n");
  return out;
}

std::string help_of_variables(Command command) {
  std::string out = "Environment variables:\n";
  for (const Variable& variable : variables()) {
    // An unsupported setting would only raise expectations.
    if (!variable.used_by.has(command) || !variable.is_supported()) continue;
    append_padded(out.append("  "), variable.name, std::max<std::size_t>(24, variable.name.size() + 2));
    append_padded(out, variable.default_for(command), 30);
    out.append(variable.help).append("\n");
  }
  return out;
}

std::string option_name(const Variable& variable) {
  std::string out;
  // Names consist of A to Z, digits and underscores.
  for (const char c : variable.name) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  return out;
}

std::string variables_in_markdown() {
  std::string out = "| variable | default | expected | meaning | a new value |\n|---|---|---|---|---|\n";
  for (const Variable& variable : variables())
    // No text of the table has a '|'.
    out.append("| ")
        .append(variable.name)
        .append(" | ")
        .append(default_in_words(variable))
        .append(" | ")
        .append(variable.value_spec.expected())
        .append(" | ")
        .append(meaning_of(variable))
        .append(variable.takes_effect == TakesEffect::while_running ? " | at once |\n"
                                                                    : " | after a restart |\n");
  return out;
}

}  // namespace weir::config
