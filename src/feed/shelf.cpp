#include "feed/shelf.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "base/ensure.hpp"
#include "feed/running_hash.hpp"

namespace weir::feed {
namespace {

constexpr std::string_view extension = ".journal";

std::unexpected<Error> unusable(const std::filesystem::path& folder, const std::string& why) {
  return fail(Move::caller, "state_unusable", "the state folder " + folder.string() + ": " + why);
}

// Held only while the shelf is looked through, never while the input is read: nobody waits long.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] bool held() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

Result<std::vector<Identity>> inputs_in(const std::filesystem::path& folder) {
  std::vector<Identity> known;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != extension) continue;
    if (const auto identity = Journal::identity_in(at->path())) known.push_back(*identity);
  }
  if (error) return unusable(folder, error.message());
  std::ranges::sort(known, std::greater(), &Identity::bytes);
  return known;
}

}  // namespace

Result<Shelf> Shelf::open(const std::filesystem::path& state_dir, std::string_view log_id) {
  // A log's id may hold any characters; its hash is a name that any file system takes.
  const std::filesystem::path folder = state_dir / ("log-" + to_hex(murmur3(log_id)));
  std::error_code error;
  for (const auto& one : {state_dir, folder})
    if (!error && std::filesystem::create_directories(one, error) && !error)
      std::filesystem::permissions(one, std::filesystem::perms::owner_all, error);
  if (error) return unusable(folder, error.message());
  return Shelf(folder);
}

Result<std::unique_ptr<Journal>> Shelf::journal_of(Source& source, const Identity& first) const {
  ensure(source.position() == 0, "an input is known by its beginning");
  std::size_t enough = static_cast<std::size_t>(first.bytes);
  while (true) {
    source.want(enough);
    const FolderLock lock(folder_);
    if (!lock.held()) return unusable(folder_, std::strerror(errno));
    const auto known = inputs_in(folder_);
    if (!known) return std::unexpected(known.error());
    if (!known->empty() && known->front().bytes > source.ahead().size() && !source.ended()) {
      enough = static_cast<std::size_t>(known->front().bytes);
      continue;
    }
    Identity found = first;
    for (const Identity& one : *known) {
      if (one.bytes > source.ahead().size()) continue;
      if (source.hash_behind(static_cast<std::size_t>(one.bytes)) != one.first_piece) continue;
      found = one;
      break;
    }
    return Journal::open(folder_ / (to_hex(found.first_piece) + std::string(extension)), found);
  }
}

}  // namespace weir::feed
