#include "importer/default_state_dir.hpp"

#include <array>
#include <pwd.h>
#include <unistd.h>

namespace weir::importer {
namespace {

// For the texts of one entry. A larger entry counts as missing.
constexpr std::size_t passwd_entry_bytes_max = 16384;

// The XDG specification says to ignore a relative path.
bool is_absolute(const std::optional<std::string>& folder) { return folder && folder->starts_with('/'); }

}  // namespace

Result<std::filesystem::path> default_state_dir(const Homes& homes) {
  if (is_absolute(homes.xdg_state_home)) return std::filesystem::path(*homes.xdg_state_home) / "weir";
  const auto home = is_absolute(homes.home) ? homes.home : homes.passwd_home();
  if (is_absolute(home)) return std::filesystem::path(*home) / ".local" / "state" / "weir";
  return fail(ErrorKind::invalid, "state_unknown",
              "HOME is not set and the user has no home folder in the passwd database: expected --state DIR");
}

std::optional<std::string> home_in_passwd() {
  std::array<char, passwd_entry_bytes_max> text{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return std::string(found->pw_dir);
}

}  // namespace weir::importer
