// The bytes of one input, inflated, in order and once: a file, or standard input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "decompress/decompress.hpp"
#include "importer/running_hash.hpp"

namespace weir::importer {

// Fills `room` with the next bytes as far as they have come, and says how many; 0: the end. Waits for the
// first.
using ReadBytes = std::function<Result<std::size_t>(std::span<char> room)>;

// Reads from a descriptor that stays its owner's.
[[nodiscard]] ReadBytes read_descriptor(int descriptor);

// Reads a file, which closes with the last copy of the function. ErrorKind::invalid, file_unreadable.
struct OpenFile {
  ReadBytes read;
  std::optional<std::uint64_t> bytes;  // absent where it is no regular file
};
[[nodiscard]] Result<OpenFile> open_file(const std::filesystem::path& path);

// NULs at the very beginning, the hole that copytruncate leaves in a file, are no part of it: they are passed
// over. Holds about twice as many bytes as were asked to lie ahead, however well they were compressed. One
// thread.
class Source {
 public:
  explicit Source(ReadBytes read, std::optional<std::uint64_t> raw_bytes = std::nullopt);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Reads on until so many bytes lie ahead or no more come; waits for no more than that.
  void want(std::size_t bytes);

  // What was read and not yet taken; valid until the next want() or take().
  [[nodiscard]] std::string_view ahead() const { return std::string_view(buffer_).substr(begin_); }
  // Nothing comes behind ahead().
  [[nodiscard]] bool ended() const { return ended_; }
  // Why it ended before its end: could not be read, or its compression is broken or cut off.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

  // Goes on behind the next `bytes`, which must lie ahead.
  void take(std::size_t bytes);
  // Takes all up to this position; false if the input ends before it.
  [[nodiscard]] bool take_up_to(std::uint64_t position);

  [[nodiscard]] std::uint64_t position() const { return position_; }  // inflated bytes taken
  [[nodiscard]] Hash128 hash() const { return hash_.at(); }           // of them
  // What hash() will be when the next `bytes`, which must lie ahead, are taken.
  [[nodiscard]] Hash128 hash_behind(std::size_t bytes) const;

  // For a progress bar: bytes as they lie in the file, read so far and in all.
  [[nodiscard]] std::uint64_t raw_read() const { return raw_read_; }
  [[nodiscard]] std::optional<std::uint64_t> raw_bytes() const { return raw_bytes_; }

 private:
  void inflate_on();
  void append(std::string_view inflated);
  bool feed();  // false: it cannot be read on
  void end_with(const Error& fault);

  ReadBytes read_;
  std::optional<std::uint64_t> raw_bytes_;
  std::uint64_t raw_read_ = 0;
  std::string chunk_;
  decompress::Inflater inflater_;
  std::string buffer_;     // inflated; what was taken is dropped when more is read
  std::size_t begin_ = 0;  // of what lies ahead
  std::uint64_t position_ = 0;
  RunningHash hash_;
  bool begun_ = false;     // a byte other than NUL has come
  bool hungry_ = true;     // the inflater has given out all that it was fed
  bool all_read_ = false;  // …and there is no more to feed it
  bool ended_ = false;
  std::optional<Error> fault_;
};

}  // namespace weir::importer
