// Reads the embedded event log over a connection of its own, while the writer writes.
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

// Fills consumer::LogReader. Partition 0 is assigned by the first poll() and stays so. Records are
// copied out of the database once and read where they lie; no transaction is held between two calls,
// so that the writer's checkpoints are never in the way.
class EmbeddedLogReader final : public consumer::LogReader {
 public:
  // `commits` is the writer's (EmbeddedLog::commits), of the same file.
  static Result<std::unique_ptr<EmbeddedLogReader>> open(const std::filesystem::path& file,
                                                         std::shared_ptr<CommitSignal> commits,
                                                         const std::string& vfs = {});

  Result<std::vector<consumer::LogEvent>> poll(std::chrono::milliseconds wait_max) override;
  void wake() override;
  Result<void> seek(std::int32_t partition, std::int64_t offset) override;
  void pause(std::int32_t partition) override;
  void resume(std::int32_t partition) override;
  Result<std::int32_t> partition_count() override { return 1; }
  Result<consumer::Watermarks> bounds(std::int32_t partition) override;
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition, std::int64_t offset) override;
  void store_offset(std::int32_t partition, std::int64_t next_offset) override;
  void release(std::span<const std::int32_t> partitions) override;

 private:
  EmbeddedLogReader(Database database, std::shared_ptr<CommitSignal> commits, Statement from, Statement floor,
                    Statement first);

  Result<std::vector<consumer::LogEvent>> read_batch(std::int64_t position);
  Result<void> fetch(std::int64_t position);
  Result<void> decode(std::int64_t position);
  Result<std::optional<SegmentRow>> segment_at(std::int64_t offset);

  Database database_;
  const std::shared_ptr<CommitSignal> commits_;
  Statement from_;   // segments from the one that holds an offset
  Statement floor_;  // the one segment that holds an offset
  Statement first_;

  bool assigned_ = false;
  bool paused_ = false;
  std::optional<std::int64_t> position_;

  // What the last poll() handed out: the bodies of its segments one behind another, and views into them.
  struct Fetched {
    SegmentRow row;
    std::size_t body_at = 0;
    std::size_t body_bytes = 0;
  };
  std::vector<Fetched> fetched_;
  std::string bodies_;
  std::vector<consumer::RecordView> records_;
};

}  // namespace weir::sqlite
