#include "config/settings_in_force.hpp"

#include <set>

#include "base/json_text.hpp"
#include "config/variable.hpp"

namespace weir::config {
namespace {

// A setting without a value or a default counts as empty.
std::string text_in(const Texts& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

}  // namespace

SettingChanges SettingsInForce::update(const Loaded& newer) {
  std::set<std::string> names;
  // A setting may be in one of the two only: it was added, or its source does not have it any more.
  for (const auto& [name, text] : values_) names.insert(name);
  for (const auto& [name, text] : newer.values) names.insert(name);
  SettingChanges changes;
  for (const std::string& name : names) {
    const std::string text = text_in(newer.values, name);
    if (text == text_in(values_, name)) continue;
    const Variable& variable = *find_variable(name);
    std::string shown = name;
    if (!variable.is_secret_for(name)) append_json_string(shown += '=', text);
    if (variable.takes_effect == TakesEffect::while_running) {
      values_[name] = text;
      changes.applied.push_back(std::move(shown));
    } else {
      // values_ keeps the old value, so that the next update() names the setting again.
      changes.need_restart.push_back(std::move(shown));
    }
  }
  return changes;
}

}  // namespace weir::config
