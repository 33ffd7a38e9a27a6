#include "app/control_file.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/ensure.hpp"
#include "base/hex.hpp"

namespace weir::app {
namespace {

constexpr std::size_t token_bytes = 16;

std::filesystem::path path_in(const std::filesystem::path& directory) { return directory / "weir.control"; }

}  // namespace

std::string make_control_token() {
  std::array<unsigned char, token_bytes> bytes{};
  // getrandom(2) with up to 256 bytes is neither interrupted nor cut short once the pool is initialised.
  ensure(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
         "the system provides random bytes");
  std::string token;
  for (const unsigned char byte : bytes) append_hex(token, byte);
  return token;
}

// The file is made under another name and renamed, so that no reader sees half of it.
Result<void> write_control_file(const std::filesystem::path& directory, const Control& control) {
  const std::string path = path_in(directory).string();
  const std::string made = path + ".new";
  const std::string text = control.url + '\n' + control.token + '\n' + control.fingerprint + '\n';
  const int file = open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  // open() applies the mode to a new file only. fchmod() also restricts a file that an earlier run left.
  bool written = file >= 0 && fchmod(file, 0600) == 0 &&
                 write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) close(file);
  written = written && rename(made.c_str(), path.c_str()) == 0;
  if (written) return {};
  return fail(ErrorKind::internal, "cannot_write", path + ": " + std::generic_category().message(errno));
}

std::optional<Control> read_control_file(const std::filesystem::path& directory) {
  std::ifstream file(path_in(directory));
  Control control;
  if (!std::getline(file, control.url) || !std::getline(file, control.token)) return std::nullopt;
  // A file of another length is incomplete or comes from another version.
  if (control.token.size() != 2 * token_bytes) return std::nullopt;
  std::getline(file, control.fingerprint);
  return control;
}

void remove_control_file(const std::filesystem::path& directory) {
  // A file that is left does no harm: its token is not valid in the next run.
  std::error_code ignored;
  std::filesystem::remove(path_in(directory), ignored);
}

}  // namespace weir::app
