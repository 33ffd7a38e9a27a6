// The bytes of one input: a file or standard input, decompressed where it is gzip or zstd, read once from the
// beginning to the end.
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

// Reads the next bytes into `buffer` and returns their number; 0 at the end. Blocks until one byte is there.
using ReadBytes = std::function<Result<std::size_t>(std::span<char> buffer)>;

// Reads from a descriptor, which the caller keeps and closes. ErrorKind::internal, read_failed.
[[nodiscard]] ReadBytes read_descriptor(int descriptor);

struct OpenFile {
  // Reads the file, and closes it when its last copy is destroyed.
  ReadBytes read;
  // The size when it was opened. Absent if it is not a regular file.
  std::optional<std::uint64_t> bytes;
};

// ErrorKind::invalid, file_unreadable: it cannot be opened, or it is a folder.
[[nodiscard]] Result<OpenFile> open_file(const std::filesystem::path& path);

// A buffered reader over the decompressed bytes, like Rust's BufRead. fill() reads ahead, and buffered()
// shows the bytes that were read and not consumed. consume() goes past them and hashes them.
//
// NUL bytes at the very beginning are skipped and count for nothing: logrotate's copytruncate leaves them.
// Memory: about twice the largest fill(), however well the input is compressed. For one thread.
class Source {
 public:
  // `raw_bytes_total`: size of the file as it is stored, for progress.
  explicit Source(ReadBytes read, std::optional<std::uint64_t> raw_bytes_total = std::nullopt);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Reads until `bytes` are buffered or the input ends. Blocks for no byte beyond that.
  void fill(std::size_t bytes);

  // Valid until the next fill() or consume().
  [[nodiscard]] std::string_view buffered() const { return std::string_view(buffer_).substr(begin_); }
  // Whether the input has no byte after buffered().
  [[nodiscard]] bool ended() const { return ended_; }
  // Why the input ended early: it could not be read, or its compression is damaged or cut off.
  // read_failed, or an error of decompress.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // Goes past the next `bytes`, which must be buffered.
  void consume(std::size_t bytes);
  // Consumes everything before `position`. False if the input ends before it or `position` is already passed.
  [[nodiscard]] bool consume_up_to(std::uint64_t position);

  // Decompressed bytes consumed, and their hash.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] Hash128 hash() const { return hash_.at(); }
  // The value of hash() after consume(bytes). They must be buffered. Costs one pass over them.
  [[nodiscard]] Hash128 hash_after(std::size_t bytes) const;

  // For progress: bytes of the file, as they are stored; the total where it is known.
  [[nodiscard]] std::uint64_t raw_bytes_read() const { return raw_bytes_read_; }
  [[nodiscard]] std::optional<std::uint64_t> raw_bytes_total() const { return raw_bytes_total_; }

 private:
  void inflate_next();
  void append(std::string_view inflated);
  bool read_next();  // false: there is no more to decompress
  void end_with(const Error& error);

  ReadBytes read_;
  std::optional<std::uint64_t> raw_bytes_total_;
  std::uint64_t raw_bytes_read_ = 0;
  std::string raw_;  // the bytes that the inflater works on
  decompress::Inflater inflater_;
  std::string buffer_;     // decompressed; consumed bytes are dropped when more are appended
  std::size_t begin_ = 0;  // of the bytes that are not consumed
  std::uint64_t position_ = 0;
  RunningHash hash_;
  bool content_seen_ = false;      // a byte other than NUL has come
  bool inflater_is_empty_ = true;  // it has returned everything that it was fed
  bool all_read_ = false;          // read_ has returned 0
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::importer
