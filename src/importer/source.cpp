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

constexpr std::size_t read_bytes = 256 * 1024;

}  // namespace

ReadBytes read_descriptor(int descriptor) {
  return [descriptor](std::span<char> buffer) -> Result<std::size_t> {
    while (true) {
      const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      // A signal only interrupts the wait.
      if (errno != EINTR)
        return fail(ErrorKind::internal, "read_failed",
                    std::string("cannot read it: ") + std::strerror(errno));
    }
  };
}

Result<OpenFile> open_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(ErrorKind::invalid, "file_unreadable",
                "cannot open it: " + std::string(std::strerror(errno)));
  // The copies of the returned function share the descriptor; the last one closes it.
  const std::shared_ptr<const int> owner(new int(descriptor), [](const int* held) {
    ::close(*held);
    delete held;
  });
  // open(2) opens folders, too, and read(2) would fail later.
  struct stat status{};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode))
    return fail(ErrorKind::invalid, "file_unreadable", "it is a folder: expected a file");
  OpenFile file{[owner, read = read_descriptor(descriptor)](std::span<char> buffer) { return read(buffer); },
                {}};
  if (S_ISREG(status.st_mode)) file.bytes = static_cast<std::uint64_t>(status.st_size);
  return file;
}

Source::Source(ReadBytes read, std::optional<std::uint64_t> raw_bytes_total)
    : read_(std::move(read)), raw_bytes_total_(raw_bytes_total) {}

void Source::fill(std::size_t bytes) {
  while (buffered().size() < bytes && !ended_) inflate_next();
}

// Takes one bounded part from the inflater: 256 KiB of input can be a thousand times as large when inflated.
void Source::inflate_next() {
  if (inflater_is_empty_ && !read_next()) return;
  const auto inflated = inflater_.take();
  if (!inflated) return end_with(inflated.error());
  inflater_is_empty_ = inflated->empty();
  if (inflater_is_empty_) {
    ended_ = all_read_;
    return;
  }
  append(*inflated);
}

void Source::append(std::string_view inflated) {
  if (!content_seen_) inflated.remove_prefix(std::min(inflated.find_first_not_of('\0'), inflated.size()));
  content_seen_ |= !inflated.empty();
  // Each byte is moved at most once for each byte that is dropped, so appending stays linear.
  if (2 * begin_ >= buffer_.size()) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(inflated);
}

bool Source::read_next() {
  raw_.resize(read_bytes);
  const auto got = read_(raw_);
  if (!got) {
    end_with(got.error());
    return false;
  }
  raw_.resize(*got);
  raw_bytes_read_ += *got;
  all_read_ = *got == 0;
  if (all_read_)
    inflater_.end();
  else
    inflater_.feed(raw_);
  return true;
}

void Source::end_with(const Error& error) {
  error_ = error;
  ended_ = true;
}

void Source::consume(std::size_t bytes) {
  ensure(bytes <= buffered().size(), "only buffered bytes are consumed");
  hash_.add(buffered().substr(0, bytes));
  begin_ += bytes;
  position_ += bytes;
}

bool Source::consume_up_to(std::uint64_t position) {
  while (position_ < position) {
    fill(1);
    if (buffered().empty()) return false;
    consume(static_cast<std::size_t>(std::min<std::uint64_t>(buffered().size(), position - position_)));
  }
  return position_ == position;
}

Hash128 Source::hash_after(std::size_t bytes) const {
  ensure(bytes <= buffered().size(), "only buffered bytes are hashed");
  RunningHash hash = hash_;
  hash.add(buffered().substr(0, bytes));
  return hash.at();
}

}  // namespace weir::importer
