// The folder where import keeps its state, unless --state names another one.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace weir::importer {

// What is known of the user's folders.
struct Homes {
  // The value of $XDG_STATE_HOME.
  std::optional<std::string> xdg_state_home;
  // The value of $HOME.
  std::optional<std::string> home;
  // Returns the home folder in passwd. Called only if neither of these is usable.
  std::function<std::optional<std::string>()> passwd_home;
};

// `$XDG_STATE_HOME/weir`, else `$HOME/.local/state/weir`, else the same in the home folder of the passwd
// entry (XDG Base Directory Specification 0.8). A variable that is empty or not an absolute path counts as
// unset. So the state never depends on the current folder, where the next import would not find it.
// ErrorKind::invalid, state_unknown: there is no absolute path among them; the user must give --state.
[[nodiscard]] Result<std::filesystem::path> default_state_dir(const Homes& homes);

// The home folder in the passwd entry of the effective user; nothing if there is no entry.
[[nodiscard]] std::optional<std::string> home_in_passwd();

}  // namespace weir::importer
