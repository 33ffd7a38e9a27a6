// The port through which the consumer reads the log. Filled by sqlite (the embedded log, one partition,
// assigned at once and for ever) and kafka (a member of the consumer group); log_reader_contract.hpp holds
// every filler to it.
//
// All calls come from one thread, the consumer's, except wake().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::consumer {

// A record as it lies in the log. Views, valid until the next poll(); limits::json_slack_bytes behind each
// value are readable.
struct RecordView {
  std::int64_t offset = 0;
  RecordTime time;
  std::string_view key;
  std::optional<std::string_view> value;          // absent: a record without a value (a tombstone)
  std::optional<std::string_view> replay_source;  // header weir.replay: "topic/partition/offset"
};

// A record's header that names the dead letter which it is a replay of.
inline constexpr std::string_view replay_header = "weir.replay";

// The hash by which a record at an offset is known again (ledger: last_record_hash).
[[nodiscard]] std::int64_t hash_of(const RecordView& record);

struct Assigned {
  std::vector<std::int32_t> partitions;  // nothing comes from them before seek()
};
struct Revoked {
  std::vector<std::int32_t> partitions;  // still ours until release(): a last flush may be made
};
struct Lost {
  std::vector<std::int32_t> partitions;  // no longer ours: write nothing
};
struct Records {
  std::int32_t partition = 0;
  std::span<const RecordView> records;  // offsets ascending; may be empty where only offsets were skipped
  std::int64_t next_offset = 0;  // the read position behind them; holes before it hold no record for us
  std::int64_t log_end = 0;      // as last seen
};
// The log has not got the offset that was to be read next, before its start or behind its end (it was cut off
// behind our back, or made anew): open the partition anew. Nothing comes from it before the next seek().
struct OffsetOutOfRange {
  std::int32_t partition = 0;
};
using LogEvent = std::variant<Assigned, Revoked, Lost, Records, OffsetOutOfRange>;

struct Watermarks {
  std::int64_t start = 0;  // the first offset that is still there
  std::int64_t end = 0;    // the offset that the next record will get
};

class LogReader {
 public:
  LogReader() = default;
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  virtual ~LogReader() = default;

  // What has happened since the last call; waits at most `wait_max` for the first of it, less after
  // wake(). ErrorKind::unavailable: the log is away, ask again. ErrorKind::internal: it cannot be read and
  // will not mend.
  virtual Result<std::vector<LogEvent>> poll(std::chrono::milliseconds wait_max) = 0;

  // Makes a poll() that waits, or the next one, return at once. From any thread.
  virtual void wake() = 0;

  // The next record that comes from this partition is the first at or behind `offset`.
  virtual Result<void> seek(std::int32_t partition, std::int64_t offset) = 0;
  virtual void pause(std::int32_t partition) = 0;
  virtual void resume(std::int32_t partition) = 0;

  // How many partitions the topic has, whoever reads them; they may become more, never fewer.
  virtual Result<std::int32_t> partition_count() = 0;
  virtual Result<Watermarks> bounds(std::int32_t partition) = 0;  // of any of them, ours or not
  // The record at exactly this offset, if it still yields one: its hash and its time.
  struct RecordIdentity {
    std::int64_t hash = 0;
    RecordTime time;
  };
  virtual Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition,
                                                                std::int64_t offset) = 0;

  // The numbers up to next_offset are in the store: for the log's own bookkeeping (Kafka: the group's offset,
  // for lag tools only; embedded: nothing depends on it). Never waits.
  virtual void store_offset(std::int32_t partition, std::int64_t next_offset) = 0;
  // Answers Revoked: these partitions may go to somebody else now.
  virtual void release(std::span<const std::int32_t> partitions) = 0;
};

}  // namespace weir::consumer
