// The interface through which the consumer reads the event log.
//
// Implementations: kafka (a member of the consumer group) and sqlite (the embedded log, which has partition 0
// only and assigns it once). testing/log_reader_contract.hpp tests each of them and the fake.
//
// Threads: all calls come from the consumer's thread, except wake(), which any thread may call.
//
// Order of calls for a partition:
//
//   poll() returns Assigned ─▶ seek() ─▶ poll() returns Records … ─▶ poll() returns Revoked ─▶ release()
//                                                                 └▶ poll() returns Lost: no call follows
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

// A record of the log. The views are valid until the next poll(). After the last byte of each value,
// limits::json_slack_bytes more bytes are readable: the JSON parser reads past the end.
struct RecordView {
  std::int64_t offset = 0;
  // The time at which the log appended the record.
  RecordTime time;
  std::string_view key;
  // nullopt: a record without a value (a tombstone).
  std::optional<std::string_view> value;
  // Header weir.replay: "topic/partition/offset".
  std::optional<std::string_view> replay_source;
  // Headers traceparent and tracestate, unchecked; empty: none.
  std::string_view traceparent;
  std::string_view tracestate;
};

// The record header that names the dead letter of which the record is a replay.
inline constexpr std::string_view replay_header = "weir.replay";

// Returns a hash of the record's time, key and value. The ledger stores the hash of the last counted record
// (last_record_hash), so that a different log under the same topic name is detected.
[[nodiscard]] std::int64_t hash_of(const RecordView& record);

// Events of poll(). A rebalance of the consumer group reports Assigned, Revoked and Lost.

// These partitions now belong to this process. They yield no record before seek().
struct Assigned {
  std::vector<std::int32_t> partitions;
};
// The group wants these partitions back. They belong to this process until release(), so a last flush is
// possible. They yield no more records.
struct Revoked {
  std::vector<std::int32_t> partitions;
};
// These partitions no longer belong to this process. Another process may own them already: write nothing.
struct Lost {
  std::vector<std::int32_t> partitions;
};
struct Records {
  std::int32_t partition = 0;
  // By ascending offset. Empty if only offsets without a record were passed.
  std::span<const RecordView> records;
  // The new read position. An offset before it that has no record here holds none for us.
  std::int64_t next_offset = 0;
  // The end offset of the log, as last seen.
  std::int64_t log_end = 0;
};
// The read position is before the start of the log or after its end: retention deleted the records, or the
// log was replaced. Open the partition again. It yields no record before the next seek().
struct OffsetOutOfRange {
  std::int32_t partition = 0;
};
using LogEvent = std::variant<Assigned, Revoked, Lost, Records, OffsetOutOfRange>;

struct Watermarks {
  // The smallest offset that is still in the log.
  std::int64_t start = 0;
  // The offset that the next record will get.
  std::int64_t end = 0;
};

// Errors of all calls: ErrorKind::unavailable means that the log does not answer; try again later.
// ErrorKind::internal means that the log cannot be read and will not recover; stop the process.
class LogReader {
 public:
  LogReader() = default;
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  virtual ~LogReader() = default;

  // Returns the events since the last call. Waits at most `wait_max` for the first one; wake() ends the wait.
  // A call that fails loses no event.
  virtual Result<std::vector<LogEvent>> poll(std::chrono::milliseconds wait_max) = 0;

  // Makes the current poll(), or the next one, return at once. Any thread.
  virtual void wake() = 0;

  // Sets the read position: the next record of the partition is the first one at or after `offset`.
  virtual Result<void> seek(std::int32_t partition, std::int64_t offset) = 0;
  // A paused partition yields no record until resume(). Its read position stays.
  virtual void pause(std::int32_t partition) = 0;
  virtual void resume(std::int32_t partition) = 0;

  // Returns the number of partitions of the topic, of all owners. It may grow, but never shrinks.
  virtual Result<std::int32_t> partition_count() = 0;
  // `partition` may be any partition of the topic, also of another owner.
  virtual Result<Watermarks> bounds(std::int32_t partition) = 0;
  struct RecordIdentity {
    // The result of hash_of().
    std::int64_t hash = 0;
    RecordTime time;
  };
  // Returns the identity of the record at exactly `offset`; nullopt if there is no record at it.
  virtual Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition,
                                                                std::int64_t offset) = 0;

  // Reports that the store has counted all offsets before `next_offset`. Kafka commits it as the group's
  // offset, for lag tools only; the embedded log ignores it. Never blocks.
  virtual void store_offset(std::int32_t partition, std::int64_t next_offset) = 0;
  // Completes Revoked: the group may assign these partitions to another process.
  virtual void release(std::span<const std::int32_t> partitions) = 0;
};

}  // namespace weir::consumer
