// Compares newly loaded settings with those of the running process.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace weir::config {

// The names of the settings that differ, in the order of the alphabet, each with its new value unless that is
// secret: `LOG_LEVEL="debug"`.
struct SettingChanges {
  // Take effect now.
  std::vector<std::string> applied;
  // Take effect after a restart. They are listed each time, until the old value comes back.
  std::vector<std::string> need_restart;
};

// The values that a process works with. Not thread-safe.
class SettingsInForce {
 public:
  explicit SettingsInForce(const Loaded& at_start) : values_(at_start.values) {}

  // Takes over the values that can change while the process runs, and returns what differed.
  SettingChanges update(const Loaded& newer);

 private:
  Texts values_;  // of settings that have neither a value nor a default: none
};

}  // namespace weir::config
