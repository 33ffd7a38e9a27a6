// A world for the consumer machine: a log, a database, a broker that moves partitions about, and processes
// that are asked to take one small step at a time. No thread and no clock; who drives it decides what happens
// next.
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
#include "consumer/testing/fake_dead_letter_topic.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "consumer/turn.hpp"
#include "simulation/oracle.hpp"
#include "telemetry/logger.hpp"

namespace weir::simulation {

// A log reader of which a fault can be planted: what was counted before is never read again, so nothing is
// rebuilt.
class ForgetfulReader final : public consumer::LogReader {
 public:
  ForgetfulReader(consumer::FakeTopic& topic, bool forgetful) : reader(topic), forgetful_(forgetful) {}

  consumer::FakeLogReader reader;

  Result<std::vector<consumer::LogEvent>> poll(std::chrono::milliseconds wait_max) override {
    return reader.poll(wait_max);
  }
  void wake() override { reader.wake(); }
  Result<void> seek(std::int32_t partition, std::int64_t offset) override {
    return reader.seek(partition, forgetful_ ? std::max(offset, counted_to_[partition]) : offset);
  }
  void pause(std::int32_t partition) override { reader.pause(partition); }
  void resume(std::int32_t partition) override { reader.resume(partition); }
  Result<std::int32_t> partition_count() override { return reader.partition_count(); }
  Result<consumer::Watermarks> bounds(std::int32_t partition) override { return reader.bounds(partition); }
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition,
                                                        std::int64_t offset) override {
    counted_to_[partition] = offset + 1;  // an opening asks for the last record that was counted
    return reader.record_identity(partition, offset);
  }
  void store_offset(std::int32_t partition, std::int64_t next_offset) override {
    reader.store_offset(partition, next_offset);
  }
  void release(std::span<const std::int32_t> partitions) override { reader.release(partitions); }

 private:
  bool forgetful_;
  std::map<std::int32_t, std::int64_t> counted_to_;
};

// A process: what is lost when it crashes, which is what its destructor does.
class SimulatedProcess {
 public:
  // `copies`: nullptr if dead letters are not copied.
  SimulatedProcess(const consumer::ConsumerSettings& settings, consumer::FakeTopic& topic,
                   commit::FakeDatabase& database, bool forgetful,
                   std::unique_ptr<consumer::FakeDeadLetterTopic> copies, std::function<Now()> clock);

  // One turn of the consumer's thread. False if there is nothing that it could be waiting for.
  void run_turn();
  // One call of the writer's thread. False if it has nothing to do, or waits for a lock of somebody else.
  bool take_write_step();
  // A copy of a dead letter ends. False if none is under way.
  bool take_copy_step() { return copies_ && copies_->end_one(); }
  // Turns, write steps and copies until the writer has nothing to do or is blocked.
  void settle();

  [[nodiscard]] consumer::FakeLogReader& log() { return reader_.reader; }
  [[nodiscard]] commit::FakeMetricsStore& session() { return store_; }
  [[nodiscard]] consumer::Consumer& consumer() { return consumer_; }
  [[nodiscard]] bool idle() const { return to_write_.empty() && ended_.empty(); }
  [[nodiscard]] const std::optional<consumer::Exit>& left() const { return left_; }

 private:
  std::function<Now()> clock_;
  std::unique_ptr<telemetry::Logger> silence_;
  ForgetfulReader reader_;
  commit::FakeMetricsStore store_;
  std::unique_ptr<consumer::FakeDeadLetterTopic> copies_;
  consumer::Consumer consumer_;
  std::deque<consumer::Job> to_write_;
  std::optional<commit::StoreCall> call_;  // made up, and not made yet: it may be waiting for a lock
  std::vector<consumer::Job> ended_;
  std::optional<consumer::Exit> left_;
};

struct ClusterRules {
  std::int32_t partitions = 1;
  consumer::ConsumerSettings consumer;
  commit::PlantedBugs store_bugs;
  bool forgetful = false;     // the dedupe is not rebuilt
  bool copies = false;        // dead letters are copied…
  bool hasty_copies = false;  // …and told to be there before they are
};

// Everything that outlives a process.
class SimulatedCluster {
 public:
  explicit SimulatedCluster(ClusterRules rules);

  [[nodiscard]] Now now() const { return now_; }
  void advance(std::chrono::milliseconds by);
  void turn_wall_clock(std::chrono::milliseconds by);

  // Appends to the log and tells the oracle. `ahead`: of a writer whose clock is ahead by so much.
  Oracle::Verdict append(std::int32_t partition, const Told& what, std::chrono::milliseconds ahead = {});
  void append_holes(std::int32_t partition, std::int64_t count) { topic.append_holes(partition, count); }

  [[nodiscard]] std::unique_ptr<SimulatedProcess> start_process() { return start_process(rules_.consumer); }
  [[nodiscard]] std::unique_ptr<SimulatedProcess> start_process(consumer::ConsumerSettings settings);
  // What the store has now is on its disk, or with its standby…
  void checkpoint();
  // …and is all that it has from here on: after a power cut, which all processes must have died of, or once
  // the standby has been promoted, which ends all sessions. Answers how many writes of accounts are taken
  // back.
  std::int64_t fall_back();
  // Whether the letter stands in the store, and would after falling back.
  [[nodiscard]] bool keeps(const commit::DeadLetterId& letter) const {
    return kept_.dead_letters.contains(letter) && database.dead_letters.contains(letter);
  }
  // The log lets go of what surely nobody reads again: what a checkpoint has, less the dedupe window. Answers
  // how many offsets that were.
  std::int64_t prune_log();
  // Retention that does not ask: records go, counted or not.
  void cut_log(std::int32_t partition, std::int64_t offset);
  // The topic is deleted and made anew. Who reads it must be told (FakeLogReader::lose).
  void make_topic_anew();
  // The log's end is in the store, for all partitions; and no minute is left to be rolled up.
  [[nodiscard]] bool all_counted() const;
  [[nodiscard]] bool all_rolled_up() const { return database.pending_rollups.empty(); }
  // No window is left that should have gone two hours ago: hours and days are looked at once an hour.
  [[nodiscard]] bool all_pruned() const;
  // The first thing that was found wrong, now or in any transaction since.
  [[nodiscard]] std::optional<std::string> fault() const;
  [[nodiscard]] bool transaction_fault() const { return fault_.has_value(); }

  consumer::FakeTopic topic;
  commit::FakeDatabase database;
  consumer::FakeDlq letter_topic;

 private:
  void check(const commit::Changes& changes);

  ClusterRules rules_;
  Now now_;
  Oracle oracle_;
  std::map<std::int32_t, commit::Fence> accounts_;  // next_offset and version as last committed
  commit::FakeTables kept_;
  std::optional<std::string> fault_;
  std::int64_t commits_ = 0;
};

// Settings under which everything that the consumer does happens within few events and seconds.
[[nodiscard]] consumer::ConsumerSettings hurried_settings();

}  // namespace weir::simulation
