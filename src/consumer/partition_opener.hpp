// Opens an assigned partition: finds out where to read, and whether the log is still the one that the ledger
// describes.
//
// A state machine without I/O. It asks the log and the store in turn:
//
//   log: bounds ─▶ store: ledger row, pending roll-ups ─▶ log: bounds, and the record before next_offset
//    ▲                                                       ├─▶ store: dead letters, failed replays ─▶ done
//    │                                                       ├─▶ refused (ON_OFFSET_GONE=stop)
//    └── the row has changed since ◀── store: archive the ledger row ─▶ done
//                                      (it is another log, and ON_OFFSET_GONE=earliest)
//
// Threads: while next() returns a store call, the object belongs to the writer's thread. The consumer's
// thread makes the log queries.
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
#include "consumer/on_offset_gone.hpp"

namespace weir::consumer {

// How far back the dedupe remembers a message_id: DEDUP_WINDOW_SEC, DEDUP_WINDOW_EVENTS.
struct DedupeBounds {
  std::chrono::seconds window{600};
  std::int64_t records = 1'000'000;
};
// Returns the bounds of one of `partitions` partitions: an equal part of the records, at least one. A
// partition keeps the bounds it was opened with when partitions are added to the topic.
[[nodiscard]] DedupeBounds share_of(DedupeBounds all, std::int32_t partitions);

struct PartitionOpenerSettings {
  // The topic of the log.
  std::string topic;
  // The dedupe window of all partitions together.
  DedupeBounds dedupe;
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
};

// A question about a partition to the log.
struct LogQuery {
  std::int32_t partition = 0;
  // The offset of the record that identifies the log. nullopt: only the bounds are asked for.
  std::optional<std::int64_t> identity_offset;
};
struct LogQueryResult {
  // The number of partitions of the topic.
  std::int32_t partitions = 1;
  Watermarks bounds;
  // nullopt: there is no record at identity_offset.
  std::optional<LogReader::RecordIdentity> identity;
};
// Asks the log. Blocks as long as the log does. Errors are the log's.
[[nodiscard]] Result<LogQueryResult> run_log_query(LogReader& log, const LogQuery& query);

// What a Partition starts with.
struct OpenedPartition {
  tally::LedgerRow ledger;
  // Seek to this offset. Records before next_offset only rebuild the dedupe window.
  std::int64_t read_from = 0;
  // The offsets of dead letters in [read_from, next_offset), ascending.
  std::vector<std::int64_t> dead_letters;
  // Dead letters of which each replay before next_offset failed, ascending.
  std::vector<commit::DeadLetterId> failed_replays;
  // Minutes that are not completely rolled up.
  std::vector<WindowStart> pending_rollups;
  std::int64_t log_end = 0;
  // The dedupe window of this partition alone.
  DedupeBounds dedupe;
};

class PartitionOpener final : public commit::StoreWork {
 public:
  PartitionOpener(std::int32_t partition, PartitionOpenerSettings settings, WallTime now);

  // Returns the next question to the log; nullopt while the store must answer, and at the end.
  [[nodiscard]] std::optional<LogQuery> next_log_query() const;
  void on_log_query_result(LogQueryResult found);

  // Returns the next call of the store; nullopt while the log must answer, and at the end.
  std::optional<commit::StoreCall> next() override;

  [[nodiscard]] std::int32_t partition() const { return partition_; }
  [[nodiscard]] bool is_done() const { return phase_ == Phase::done; }
  // The store's error that ended the opening. Try again with a new object. ErrorKind::invalid, code
  // ledger_differs: the ledger row breaks its identities, and an operator must correct it.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  // Why the partition must not be read (ON_OFFSET_GONE=stop). An operator must act.
  [[nodiscard]] const std::optional<std::string>& refusal() const { return refusal_; }
  // A warning for the operator about an opening that succeeded.
  [[nodiscard]] const std::optional<std::string>& warning() const { return warning_; }
  // The result. Only once is_done(), without failure() and refusal().
  [[nodiscard]] OpenedPartition take_opened();

 private:
  enum class Phase : std::uint8_t {
    query_bounds,
    open_ledger,
    find_pending_rollups,
    query_identity,
    archive_ledger,
    find_dead_letters,
    find_failed_replays,
    done
  };

  void check_log(const LogQueryResult& found);
  void on_other_log(const std::string& why);
  void refuse(std::string why);
  // The call's good response becomes `into`, and `then` is the next phase. An error ends the opening.
  template <class Request>
  [[nodiscard]] commit::StoreCall make_call(Request request, typename Request::Response::value_type& into,
                                            Phase then);
  void on_ledger_opened(Result<tally::LedgerRow> row);
  void on_ledger_archived(Result<std::optional<tally::LedgerRow>> new_row);
  void choose_read_from(const LogQueryResult& found);
  void fail_with(Error error);

  std::int32_t partition_;
  PartitionOpenerSettings settings_;
  WallTime now_;
  Phase phase_ = Phase::query_bounds;
  std::int64_t log_start_ = 0;
  OpenedPartition opened_;
  std::optional<Error> failure_;
  std::optional<std::string> refusal_;
  std::optional<std::string> warning_;
};

}  // namespace weir::consumer
