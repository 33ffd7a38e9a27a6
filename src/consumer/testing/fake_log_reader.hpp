// A log in memory, and members that read it. The test is the broker: it appends, assigns, revokes, takes
// away, loses records and lets calls fail. Nothing here waits unless poll() is asked to.
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

// The log: outlives its readers, and may be shared by many. May be called from any thread.
class FakeTopic {
 public:
  explicit FakeTopic(std::int32_t partitions);

  [[nodiscard]] std::int32_t partition_count() const;
  // Answers the record's offset.
  std::int64_t append(std::int32_t partition, FakeRecord record);
  // The next offsets hold no record, as control records and compacted ones do.
  void append_holes(std::int32_t partition, std::int64_t count);
  void add_partition();
  // Retention: records below the offset are gone.
  void prune_before(std::int32_t partition, std::int64_t offset);
  // The topic is deleted and made anew under the same name: all offsets begin again at 0.
  void recreate();
  [[nodiscard]] Watermarks bounds(std::int32_t partition) const;
  // The records that there are, by offset.
  [[nodiscard]] std::map<std::int64_t, FakeRecord> records(std::int32_t partition) const;

 private:
  friend class FakeLogReader;
  struct Stored {
    RecordTime time;
    std::string key;
    std::string value;  // limits::json_slack_bytes stand behind it
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

// One member of the group. What the port says is for the consumer's thread; what stands below "the test" may
// be called from any thread.
class FakeLogReader final : public LogReader {
 public:
  explicit FakeLogReader(FakeTopic& topic) : topic_(topic) {}

  // The test: what the next poll() will tell.
  void assign(std::vector<std::int32_t> partitions);
  void revoke(std::vector<std::int32_t> partitions);
  void lose(std::vector<std::int32_t> partitions);
  // The test: the next `times` calls of this kind fail. A poll that fails delivers nothing and loses nothing.
  enum class Call : std::uint8_t { poll, seek, bounds, record_identity };
  void fail_next(Call call, Error error, int times = 1);
  void records_a_poll_max(std::size_t records);  // for each partition; 10,000 unless told otherwise

  // The test: what happened. `committed` has the last offset told for each partition.
  [[nodiscard]] std::map<std::int32_t, std::int64_t> stored_offsets() const;
  [[nodiscard]] std::set<std::int32_t> owned() const;     // assigned, and neither released nor lost
  [[nodiscard]] std::set<std::int32_t> revoking() const;  // Revoked was delivered, release() has not come
  [[nodiscard]] std::set<std::int32_t> paused() const;

  // The port.
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
  struct Place {
    std::optional<std::int64_t> position;  // unknown before seek()
    bool paused = false;
    bool revoked = false;
  };

  Result<void> scripted(Call call);
  void give_changes(std::vector<LogEvent>& events);
  void give_records(std::vector<LogEvent>& events);
  [[nodiscard]] bool has_news() const;
  [[nodiscard]] bool has_partition(std::int32_t partition) const;

  FakeTopic& topic_;
  // Everything below is guarded by the topic's mutex.
  std::deque<LogEvent> changes_;
  std::map<std::int32_t, Place> places_;
  std::array<std::deque<Error>, 5> failures_;
  std::map<std::int32_t, std::int64_t> stored_offsets_;
  std::size_t records_a_poll_max_ = 10'000;
  bool woken_ = false;
  // What the views of the last poll() point into.
  std::vector<std::shared_ptr<const FakeTopic::Stored>> held_;
  std::deque<std::vector<RecordView>> views_;
};

}  // namespace weir::consumer
