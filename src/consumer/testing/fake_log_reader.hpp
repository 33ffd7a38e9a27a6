// A log in memory, and group members that read it. The test acts as the broker: it appends records, assigns,
// revokes and removes partitions, deletes records and makes calls fail. Only poll() waits, if its argument
// says so.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consumer/log_reader.hpp"

namespace weir::consumer {

struct FakeRecord {
  RecordTime time;
  std::string key;
  std::optional<std::string> value;
  std::optional<std::string> replay_source;
};

// The topic. Outlives its readers; several readers may share it. Any thread.
class FakeTopic {
 public:
  explicit FakeTopic(std::int32_t partitions);

  [[nodiscard]] std::int32_t partition_count() const;
  // Returns the record's offset.
  std::int64_t append(std::int32_t partition, FakeRecord record);
  // The next `count` offsets hold no record, like those of control records and of compacted records.
  void append_holes(std::int32_t partition, std::int64_t count);
  void add_partition();
  // Deletes the records before `offset`, as retention does.
  void prune_before(std::int32_t partition, std::int64_t offset);
  // Deletes the topic and creates it again under the same name: all offsets start at 0.
  void recreate();
  [[nodiscard]] Watermarks bounds(std::int32_t partition) const;
  // Returns the existing records by offset.
  [[nodiscard]] std::map<std::int64_t, FakeRecord> records(std::int32_t partition) const;

 private:
  friend class FakeLogReader;
  struct Stored {
    RecordTime time;
    std::string key;
    std::string value;  // value_bytes bytes, then limits::json_slack_bytes
    std::size_t value_bytes = 0;
    bool has_value = false;
    std::optional<std::string> replay_source;
  };
  struct Partition {
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::map<std::int64_t, std::shared_ptr<const Stored>> records;
  };

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Partition> partitions_;
};

// One member of the group. The LogReader's calls are for the consumer's thread; the test's calls are for any
// thread.
class FakeLogReader final : public LogReader {
 public:
  explicit FakeLogReader(FakeTopic& topic) : topic_(topic) {}

  // For the test: events that the next poll() returns.
  void assign(std::vector<std::int32_t> partitions);
  void revoke(std::vector<std::int32_t> partitions);
  void lose(std::vector<std::int32_t> partitions);
  // For the test: the next `times` calls of this kind fail. A poll() that fails loses no event.
  enum class Call : std::uint8_t { poll, seek, bounds, record_identity };
  void fail_next(Call call, Error error, int times = 1);
  void records_a_poll_max(std::size_t records);  // for each partition; 10,000 by default

  // For the test: what the consumer did. stored_offsets() has the last offset of each partition.
  [[nodiscard]] std::map<std::int32_t, std::int64_t> stored_offsets() const;
  [[nodiscard]] std::set<std::int32_t> owned() const;     // assigned, neither released nor lost
  [[nodiscard]] std::set<std::int32_t> revoking() const;  // poll() returned Revoked; no release() yet
  [[nodiscard]] std::set<std::int32_t> paused() const;

  // LogReader.
  Result<std::vector<LogEvent>> poll(std::chrono::milliseconds wait_max) override;
  void wake() override;
  Result<void> seek(std::int32_t partition, std::int64_t offset) override;
  void pause(std::int32_t partition) override;
  void resume(std::int32_t partition) override;
  Result<std::int32_t> partition_count() override;
  Result<Watermarks> bounds(std::int32_t partition) override;
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition, std::int64_t offset) override;
  void store_offset(std::int32_t partition, std::int64_t next_offset) override;
  void release(std::span<const std::int32_t> partitions) override;

 private:
  struct Owned {
    std::optional<std::int64_t> position;  // nullopt before seek()
    bool paused = false;
    bool revoked = false;
  };

  Result<void> scripted_result(Call call);
  void take_rebalances(std::vector<LogEvent>& events);
  void take_records(std::vector<LogEvent>& events);
  [[nodiscard]] bool has_events() const;
  [[nodiscard]] bool has_partition(std::int32_t partition) const;

  FakeTopic& topic_;
  // The topic's mutex guards the members below.
  std::deque<LogEvent> rebalances_;
  std::map<std::int32_t, Owned> owned_;
  std::array<std::deque<Error>, 5> failures_;
  std::map<std::int32_t, std::int64_t> stored_offsets_;
  std::size_t records_a_poll_max_ = 10'000;
  bool woken_ = false;
  // The memory of the views of the last poll().
  std::vector<std::shared_ptr<const FakeTopic::Stored>> polled_;
  std::deque<std::vector<RecordView>> views_;
};

}  // namespace weir::consumer
