// How a partition's object is born: the ledger says where its account stands, the log whether it is still the
// log that the account is about, and both together from where the dedupe must be rebuilt.
//
// A machine without I/O that asks the log and the store in turn:
//
//   survey ─▶ ledger row, unrolled minutes ─▶ survey of the record before next_offset ─▶ letters in the rebuild
//                                                                          └─▶ the retirement of the account
//
// The last is where the log is another one and ON_OFFSET_GONE says earliest. If somebody else has written the
// account meanwhile, all begins from the start.
//
// As StoreWork it goes to the writer's thread while next() has a call; surveys are made by the consumer's
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "commit/store_call.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

// What to do where the ledger's offset is gone from the log, or the log is another one.
enum class OnOffsetGone : std::uint8_t { stop, earliest };

struct DedupeBounds {
  std::chrono::seconds window{600};
  std::int64_t records = 1'000'000;
};
// What one of so many partitions may remember. A partition keeps the share that it was opened with: where
// partitions are added to the topic, until it is opened again.
[[nodiscard]] DedupeBounds share_of(DedupeBounds all, std::int32_t partitions);

struct PartitionOpenerSettings {
  std::string topic;    // as the log is called
  DedupeBounds dedupe;  // its records: of all partitions together
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
};

// A question to the log about a partition.
struct LogQuery {
  std::int32_t partition = 0;
  std::optional<std::int64_t> identity_offset;  // the record to know the log by
};
struct LogQueryResult {
  std::int32_t partitions = 1;  // of the topic
  Watermarks bounds;
  std::optional<LogReader::RecordIdentity> identity;
};
// Asks the log. Blocks as long as it does.
[[nodiscard]] Result<LogQueryResult> run_log_query(LogReader& log, const LogQuery& survey);

// All that a Partition needs to begin.
struct OpenedPartition {
  tally::LedgerRow ledger;
  std::int64_t read_from = 0;         // seek here: records before next_offset are only remembered
  std::vector<std::int64_t> letters;  // offsets in [read_from, next_offset) that are dead letters, ascending
  std::vector<WindowStart> unrolled;  // minutes that are not wholly rolled up
  std::int64_t log_end = 0;
  DedupeBounds dedupe;  // its records: this partition's share
};

class PartitionOpener final : public commit::StoreWork {
 public:
  PartitionOpener(std::int32_t partition, PartitionOpenerSettings rules, WallTime now);

  // Something to ask the log now; nothing while it is the store's turn or the opening has ended.
  [[nodiscard]] std::optional<LogQuery> survey() const;
  void surveyed(LogQueryResult found);

  std::optional<commit::StoreCall> next() override;

  [[nodiscard]] std::int32_t partition() const { return partition_; }
  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  // The store's error, if it ended the opening: begin with a new one.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  // Why this partition must not be read (ON_OFFSET_GONE), in words. Then there is no opened().
  [[nodiscard]] const std::optional<std::string>& refusal() const { return refusal_; }
  // Something that the operator should know, if all went well otherwise.
  [[nodiscard]] const std::optional<std::string>& remark() const { return remark_; }
  // Once done() without failure or refusal.
  [[nodiscard]] OpenedPartition take_opened();

 private:
  enum class Phase : std::uint8_t {
    first_survey,
    ledger,
    unrolled,
    second_survey,
    retirement,
    letters,
    done
  };

  void judge(const LogQueryResult& found);
  void judge_other_log(const std::string& why);
  void refuse(std::string why);
  // The call's good response becomes `into`, and `then` is the next phase. An error ends the opening.
  template <class Request>
  [[nodiscard]] commit::StoreCall make_call(Request request, typename Request::Response::value_type& into,
                                            Phase then);
  void take_ledger(Result<tally::LedgerRow> row);
  void take_fresh(Result<std::optional<tally::LedgerRow>> fresh);
  void choose_start(const LogQueryResult& found);

  std::int32_t partition_;
  PartitionOpenerSettings rules_;
  WallTime now_;
  Phase phase_ = Phase::first_survey;
  std::int64_t log_start_ = 0;
  OpenedPartition opened_;
  std::optional<Error> failure_;
  std::optional<std::string> refusal_;
  std::optional<std::string> remark_;
};

}  // namespace weir::consumer
