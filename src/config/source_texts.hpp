// Texts of settings as CONFIG_FILE and Consul have them, before they are read. Value types.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

// Texts of variables by their names.
using Texts = std::map<std::string, std::string, std::less<>>;

// Where the value of a setting comes from. A later origin is used before an earlier one.
enum class Origin : std::uint8_t { default_value, file, consul, environment, command_line };

// What is wrong with one setting, or with two that do not fit together.
struct SettingError {
  std::string variable;
  // One line with the variable, its value unless that is secret, and what was expected.
  std::string text;
  // Where the refused value comes from; default_value if it is not about one value.
  Origin origin = Origin::default_value;
};

// The settings of one source, and what is wrong with the source itself.
struct SourceTexts {
  Origin origin = Origin::default_value;
  Texts texts;
  std::vector<SettingError> errors;

  // Adds the text of `key`, which is the name of a variable in lower or upper case. An error instead: no
  // variable has the name, this source cannot have it, or an earlier key means the same variable. `where`
  // tells the place: "in CONFIG_FILE /etc/weir.toml, line 3".
  void add(std::string_view key, std::string text, std::string_view where);
};

}  // namespace weir::config
