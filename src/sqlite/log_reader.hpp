// Reads the embedded event log on a connection of its own, while the writer writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "sqlite/commit_signal.hpp"
#include "sqlite/database.hpp"
#include "sqlite/segment.hpp"

namespace weir::sqlite {

// Implements consumer::LogReader; wake() from any thread, all other calls from one. The first poll() assigns
// partition 0, which is never revoked. Records are copied out of the database once, and the views that poll()
// returns live until the next poll(). No transaction stays open between two calls, so the checkpoints of the
// writer are not held up.
class EmbeddedLogReader final : public consumer::LogReader {
 public:
  // `commits` is EmbeddedLog::commits() of the writer of this file. The file must exist. Errors are those of
  // Database::open().
  static Result<std::unique_ptr<EmbeddedLogReader>> open(const std::filesystem::path& file,
                                                         std::shared_ptr<CommitSignal> commits,
                                                         const std::string& vfs = {});

  // Returns about limits::poll_bytes_max bytes or limits::poll_records_max records, in whole segments.
  // ErrorKind::internal, segment_damaged: a segment fails its check or is missing, and the log cannot be read
  // past it. Other errors are those of errors.hpp.
  Result<std::vector<consumer::LogEvent>> poll(std::chrono::milliseconds wait_max) override;
  void wake() override;
  Result<void> seek(std::int32_t partition, std::int64_t offset) override;
  void pause(std::int32_t partition) override;
  void resume(std::int32_t partition) override;
  Result<std::int32_t> partition_count() override { return 1; }
  Result<consumer::Watermarks> bounds(std::int32_t partition) override;
  // Reads the whole segment that holds the offset.
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition, std::int64_t offset) override;
  // Does nothing: the position is in the ledger alone.
  void store_offset(std::int32_t partition, std::int64_t next_offset) override;
  // Is never called, because the partition is never revoked.
  void release(std::span<const std::int32_t> partitions) override;

 private:
  EmbeddedLogReader(Database database, std::shared_ptr<CommitSignal> commits, Statement from, Statement floor,
                    Statement first);

  // Copies segments from `position` on, parses them and moves the position.
  Result<std::vector<consumer::LogEvent>> read_batch(std::int64_t position);
  Result<void> fetch(std::int64_t position);
  Result<void> decode(std::int64_t position);
  Result<std::optional<SegmentRow>> segment_at(std::int64_t offset);

  Database database_;
  const std::shared_ptr<CommitSignal> commits_;
  Statement from_;   // the segments from the one that holds an offset
  Statement floor_;  // the segment that holds an offset, or the last one before it
  Statement first_;  // the first offset

  bool assigned_ = false;
  bool paused_ = false;
  std::optional<std::int64_t> position_;  // of the next record to read; none before seek()

  // The result of the last poll(): the records of its segments, one after another, and views into them.
  struct Fetched {
    SegmentRow row;
    std::size_t at = 0;  // in bytes_
    std::size_t bytes = 0;
  };
  std::vector<Fetched> fetched_;
  std::string bytes_;
  std::vector<consumer::RecordView> records_;
};

}  // namespace weir::sqlite
