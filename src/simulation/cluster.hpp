// A cluster in memory: a log, a database, a dead letter topic, and processes that run the Consumer against
// them. Each process advances only when the driver asks for its next small step. There is no thread and no
// clock, so the driver decides the order of everything.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "commit/testing/fake_metrics_store.hpp"
#include "consumer/consumer.hpp"
#include "consumer/poll_iteration.hpp"
#include "consumer/testing/fake_dead_letter_topic.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "simulation/oracle.hpp"
#include "telemetry/logger.hpp"

namespace weir::simulation {

// A FakeLogReader with an optional planted bug: seek() never goes before the counted offsets, so the dedupe
// window is not rebuilt.
class SimulatedLogReader final : public consumer::LogReader {
 public:
  SimulatedLogReader(consumer::FakeTopic& topic, bool skip_rebuild)
      : reader(topic), skip_rebuild_(skip_rebuild) {}

  consumer::FakeLogReader reader;

  Result<std::vector<consumer::LogEvent>> poll(std::chrono::milliseconds wait_max) override {
    return reader.poll(wait_max);
  }
  void wake() override { reader.wake(); }
  Result<void> seek(std::int32_t partition, std::int64_t offset) override {
    return reader.seek(partition, skip_rebuild_ ? std::max(offset, next_offsets_[partition]) : offset);
  }
  void pause(std::int32_t partition) override { reader.pause(partition); }
  void resume(std::int32_t partition) override { reader.resume(partition); }
  Result<std::int32_t> partition_count() override { return reader.partition_count(); }
  Result<consumer::Watermarks> bounds(std::int32_t partition) override { return reader.bounds(partition); }
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition,
                                                        std::int64_t offset) override {
    // An opening asks for the last counted record.
    next_offsets_[partition] = offset + 1;
    return reader.record_identity(partition, offset);
  }
  void store_offset(std::int32_t partition, std::int64_t next_offset) override {
    reader.store_offset(partition, next_offset);
  }
  void release(std::span<const std::int32_t> partitions) override { reader.release(partitions); }

 private:
  bool skip_rebuild_;
  // The next_offset of each ledger row.
  std::map<std::int32_t, std::int64_t> next_offsets_;
};

// One process. Its destructor is a crash: everything in it is lost.
//
// The driver interleaves three threads of each process as it likes. They are the consumer (run_iteration),
// the writer (run_write_step) and the dead letter topic (end_dlq_copy).
class SimulatedProcess {
 public:
  // `dlq`: nullptr if dead letters are rows of the store only. `skip_rebuild`: a planted bug.
  SimulatedProcess(const consumer::ConsumerSettings& settings, consumer::FakeTopic& topic,
                   commit::FakeDatabase& database, bool skip_rebuild,
                   std::unique_ptr<consumer::FakeDeadLetterTopic> dlq, std::function<Now()> clock);

  // One iteration of the consumer's poll loop.
  void run_iteration();
  // One call of the store by the writer's thread. Returns false if the writer has nothing to do, or waits for
  // a lock of another session.
  bool run_write_step();
  // Ends one copy of a dead letter. Returns false if none is in flight.
  bool end_dlq_copy() { return dlq_ && dlq_->end_one(); }
  // Iterations, write steps and copies until the writer is idle or blocked.
  void run_until_idle();

  // For the driver: this process's membership, its database session, and its state machine.
  [[nodiscard]] consumer::FakeLogReader& log() { return reader_.reader; }
  [[nodiscard]] commit::FakeMetricsStore& session() { return store_; }
  [[nodiscard]] consumer::Consumer& consumer() { return consumer_; }
  // The consumer's command to exit, if it gave one.
  [[nodiscard]] const std::optional<consumer::Exit>& exit() const { return exit_; }

 private:
  std::function<Now()> clock_;
  std::unique_ptr<telemetry::Logger> logger_;
  SimulatedLogReader reader_;
  commit::FakeMetricsStore store_;
  std::unique_ptr<consumer::FakeDeadLetterTopic> dlq_;
  consumer::Consumer consumer_;
  std::deque<consumer::Job> to_write_;
  // The next call of the first job; it may wait for a lock.
  std::optional<commit::StoreCall> call_;
  std::vector<consumer::Job> written_;
  std::optional<consumer::Exit> exit_;
};

// Settings and planted bugs of a cluster.
struct ClusterSettings {
  std::int32_t partitions = 1;
  consumer::ConsumerSettings consumer;
  commit::PlantedBugs store_bugs;
  // Planted bug: the dedupe window is not rebuilt.
  bool skip_rebuild = false;
  bool dlq_enabled = false;
  // Planted bug: copies are acknowledged before they are written.
  bool dlq_acknowledges_early = false;
};

// What outlives a process: log, database, dead letter topic and time. Checks every committed transaction
// against the oracle.
class SimulatedCluster {
 public:
  // The clocks start at fixed times, so a run does not depend on the date.
  explicit SimulatedCluster(ClusterSettings settings);

  // The simulated time of all processes.
  [[nodiscard]] Now now() const { return now_; }
  // Both clocks.
  void advance(std::chrono::milliseconds by);
  void step_wall_clock(std::chrono::milliseconds by);

  // Appends a record to the log and to the oracle. `ahead`: how far the writer's clock is ahead.
  Oracle::Verdict append(std::int32_t partition, const consumer::TestEvent& event,
                         std::chrono::milliseconds ahead = {});
  // Appends offsets without a record.
  void append_holes(std::int32_t partition, std::int64_t count) { topic.append_holes(partition, count); }

  // Starts a process without partitions. The cluster must outlive it.
  [[nodiscard]] std::unique_ptr<SimulatedProcess> start_process() {
    return start_process(settings_.consumer);
  }
  [[nodiscard]] std::unique_ptr<SimulatedProcess> start_process(consumer::ConsumerSettings settings);

  // Remembers the state of the store: what its disk or its standby has.
  void checkpoint();
  // Restores the store's last checkpoint: after a power cut, which ends all processes, or after the promotion
  // of the standby, which ends all sessions. Returns the number of ledger writes that are lost.
  std::int64_t restore_checkpoint();
  // Whether the dead letter is in the store and in its checkpoint.
  [[nodiscard]] bool is_durable(const commit::DeadLetterId& dead_letter) const {
    return checkpoint_.dead_letters.contains(dead_letter) && database.dead_letters.contains(dead_letter);
  }
  // Deletes the records that no process will read again: those that the checkpoint has counted, except the
  // dedupe window. Returns the number of deleted offsets.
  std::int64_t prune_log();
  // Deletes the records before `offset`, counted or not.
  void cut_log(std::int32_t partition, std::int64_t offset);
  // Deletes and recreates the topic. Its readers must then be sent Lost (FakeLogReader::lose).
  void recreate_topic();

  // The store has counted every partition to its end.
  [[nodiscard]] bool all_counted() const;
  // No minute has a pending roll-up.
  [[nodiscard]] bool all_rolled_up() const { return database.pending_rollups.empty(); }
  // No window is left that retention should have taken two hours ago. (Hours and days are pruned once an
  // hour.)
  [[nodiscard]] bool all_pruned() const;
  // Returns the first difference between store and oracle, in a transaction or in the present state.
  [[nodiscard]] std::optional<std::string> fault() const;
  // A transaction differed from the oracle. Cheap, unlike fault().
  [[nodiscard]] bool has_transaction_fault() const { return fault_.has_value(); }

  // Tests may change these directly, for faults and for checks.
  consumer::FakeTopic topic;
  commit::FakeDatabase database;
  consumer::FakeDlq dlq;

 private:
  // Compares a transaction with the oracle. Called by the database after each commit.
  void check(const commit::Changes& changes);

  ClusterSettings settings_;
  Now now_;
  Oracle oracle_;
  // The next_offset and version of each ledger row, as last committed.
  std::map<std::int32_t, commit::Fence> fences_;
  // The state that restore_checkpoint() restores.
  commit::FakeTables checkpoint_;
  // The first fault of a transaction.
  std::optional<std::string> fault_;
  std::int64_t commits_ = 0;
};

// Returns settings under which every action of the consumer occurs within few events and seconds.
[[nodiscard]] consumer::ConsumerSettings fast_settings();

}  // namespace weir::simulation
