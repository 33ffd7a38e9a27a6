#include "config/source_texts.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "base/secret_name.hpp"
#include "config/variable.hpp"

namespace weir::config {
namespace {

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string mapped(std::string_view text, char (*map)(char)) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), map);
  return out;
}

// key="value" in CONFIG_FILE …; without the value if the key looks like that of a secret.
std::string shown(std::string_view key, std::string_view text, std::string_view where) {
  std::string out;
  append_json_string(out, key);
  out = out.substr(1, out.size() - 2);
  if (!is_secret_name(mapped(key, to_lower))) append_json_string(out += '=', text);
  return out.append(" ").append(where);
}

// CONFIG_FILE cannot name another file, and Consul cannot tell where Consul is.
bool may_come_from(const Variable& variable, Origin origin) {
  if (variable.takes_effect != TakesEffect::as_source) return true;
  return origin == Origin::file && variable.name != "CONFIG_FILE";
}

}  // namespace

void SourceTexts::add(std::string_view key, std::string text, std::string_view where) {
  // KAFKA_PROPERTY_x_y is the same property in either case.
  std::string name = mapped(key, to_upper);
  // Batch_Size is refused: a mixture of cases is more likely a mistake than a name.
  const bool one_case = key == name || key == mapped(key, to_lower);
  const Variable* const variable = one_case ? find_variable(name) : nullptr;
  if (variable == nullptr)
    errors.push_back({std::string(key),
                      shown(key, text, where) +
                          ": expected the name of a setting, in lower case or in upper case "
                          "(docs/SETTINGS.md lists them)",
                      origin});
  else if (!may_come_from(*variable, origin))
    errors.push_back({name,
                      name + " " + std::string(where) +
                          ": it tells where settings are read from; expected it in the environment or on the "
                          "command line" +
                          (origin == Origin::consul && name != "CONFIG_FILE" ? ", or in CONFIG_FILE" : ""),
                      origin});
  else if (!texts.try_emplace(name, std::move(text)).second)
    errors.push_back({name,
                      name + " " + std::string(where) +
                          ": it is set twice, in lower and in upper case; expected one of them",
                      origin});
}

}  // namespace weir::config
