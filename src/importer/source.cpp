#include "importer/source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ensure.hpp"

namespace weir::importer {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;

}  // namespace

ReadBytes read_descriptor(int descriptor) {
  return [descriptor](std::span<char> room) -> Result<std::size_t> {
    while (true) {
      const ssize_t got = ::read(descriptor, room.data(), room.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR)
        return fail(ErrorKind::internal, "read_failed",
                    std::string("cannot read on: ") + std::strerror(errno));
    }
  };
}

Result<OpenFile> open_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(ErrorKind::invalid, "file_unreadable",
                "cannot open it: " + std::string(std::strerror(errno)));
  const std::shared_ptr<const int> owner(new int(descriptor), [](const int* held) {
    ::close(*held);
    delete held;
  });
  struct stat status{};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode))
    return fail(ErrorKind::invalid, "file_unreadable", "it is a folder: expected a file");
  OpenFile file{[owner, read = read_descriptor(descriptor)](std::span<char> room) { return read(room); }, {}};
  if (S_ISREG(status.st_mode)) file.bytes = static_cast<std::uint64_t>(status.st_size);
  return file;
}

Source::Source(ReadBytes read, std::optional<std::uint64_t> raw_bytes)
    : read_(std::move(read)), raw_bytes_(raw_bytes) {}

void Source::want(std::size_t bytes) {
  while (ahead().size() < bytes && !ended_) inflate_on();
}

// One piece of the inflater at a time: a chunk can be a thousand times its size when it is inflated.
void Source::inflate_on() {
  if (hungry_ && !feed()) return;
  const auto inflated = inflater_.take();
  if (!inflated) return end_with(inflated.error());
  hungry_ = inflated->empty();
  if (hungry_) {
    ended_ = all_read_;
    return;
  }
  append(*inflated);
}

void Source::append(std::string_view inflated) {
  if (!begun_) inflated.remove_prefix(std::min(inflated.find_first_not_of('\0'), inflated.size()));
  begun_ |= !inflated.empty();
  if (2 * begin_ >= buffer_.size()) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(inflated);
}

bool Source::feed() {
  chunk_.resize(chunk_bytes);
  const auto got = read_(chunk_);
  if (!got) {
    end_with(got.error());
    return false;
  }
  chunk_.resize(*got);
  raw_read_ += *got;
  all_read_ = *got == 0;
  if (all_read_)
    inflater_.end();
  else
    inflater_.feed(chunk_);
  return true;
}

void Source::end_with(const Error& fault) {
  fault_ = fault;
  ended_ = true;
}

void Source::take(std::size_t bytes) {
  ensure(bytes <= ahead().size(), "only bytes that lie ahead are taken");
  hash_.add(ahead().substr(0, bytes));
  begin_ += bytes;
  position_ += bytes;
}

bool Source::take_up_to(std::uint64_t position) {
  while (position_ < position) {
    want(1);
    if (ahead().empty()) return false;
    take(static_cast<std::size_t>(std::min<std::uint64_t>(ahead().size(), position - position_)));
  }
  return position_ == position;
}

Hash128 Source::hash_behind(std::size_t bytes) const {
  ensure(bytes <= ahead().size(), "only bytes that lie ahead are hashed");
  RunningHash hash = hash_;
  hash.add(ahead().substr(0, bytes));
  return hash.at();
}

}  // namespace weir::importer
