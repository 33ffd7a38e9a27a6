// Where import keeps what it remembers unless --state says otherwise.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace weir::importer {

// Where the user's files are, each as far as it is known.
struct Homes {
  std::optional<std::string> xdg_state_home;            // $XDG_STATE_HOME
  std::optional<std::string> home;                      // $HOME
  std::function<std::optional<std::string>()> of_user;  // asked only without the two above
};

// `$XDG_STATE_HOME/weir`, else `$HOME/.local/state/weir`, else the same in the home of the user's passwd
// entry. A variable that is empty or not an absolute path counts as unset (XDG Base Directory Specification
// 0.8): the state is never in the current folder, where the next import would not find it.
// ErrorKind::invalid, state_unknown.
[[nodiscard]] Result<std::filesystem::path> default_state_dir(const Homes& homes);

// The home folder in the passwd entry of the effective user.
[[nodiscard]] std::optional<std::string> home_in_passwd();

}  // namespace weir::importer
