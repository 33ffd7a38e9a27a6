// The phases run in the order of the enum. on_log_query_result() and each response of the store complete one
// phase and choose the next. An error of the store ends the opening at once; the consumer then starts a new
// one after a delay. The ledger row is read without a lock: if another process changes it later, the fence of
// the first transaction fails and the partition is opened again.
#include "consumer/partition_opener.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"

namespace weir::consumer {
namespace {

// "<topic>~20261122T181500Z"
std::string archived_topic_name(const std::string& topic, WallTime now) {
  std::string time = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return topic + "~" + time;
}

// The tables have constraints against such a row, but an operator may have dropped them.
Error ledger_does_not_add_up(const tally::LedgerRow& row) {
  const auto member = [](const char* name, std::int64_t value) {
    return " " + std::string(name) + " " + std::to_string(value);
  };
  return {ErrorKind::invalid, "ledger_differs",
          "the row of activity_ledger of partition " + std::to_string(row.partition) + " does not add up:" +
              member("start_offset", row.start_offset) + member("next_offset", row.next_offset) +
              member("read", row.read) + member("tallied", row.tallied) + member("duplicate", row.duplicate) +
              member("dead_lettered", row.dead_lettered) + member("skipped", row.skipped) +
              "; expected read = tallied + duplicate + dead_lettered and next_offset - start_offset = read + "
              "skipped"};
}

}  // namespace

DedupeBounds share_of(DedupeBounds all, std::int32_t partitions) {
  all.records = std::max<std::int64_t>(all.records / std::max(partitions, 1), 1);
  return all;
}

Result<LogQueryResult> run_log_query(LogReader& log, const LogQuery& query) {
  LogQueryResult found;
  Result<std::int32_t> partitions = log.partition_count();
  if (!partitions) return propagate(partitions);
  found.partitions = *partitions;
  Result<Watermarks> bounds = log.bounds(query.partition);
  if (!bounds) return propagate(bounds);
  found.bounds = *bounds;
  if (!query.identity_offset) return found;

  auto identity = log.record_identity(query.partition, *query.identity_offset);
  if (!identity) return propagate(identity);
  found.identity = *identity;
  return found;
}

PartitionOpener::PartitionOpener(std::int32_t partition, PartitionOpenerSettings settings, WallTime now)
    : partition_(partition), settings_(std::move(settings)), now_(now) {}

std::optional<LogQuery> PartitionOpener::next_log_query() const {
  if (phase_ == Phase::query_bounds) return LogQuery{partition_, std::nullopt};
  if (phase_ == Phase::query_identity) return LogQuery{partition_, opened_.ledger.next_offset - 1};
  return std::nullopt;
}

void PartitionOpener::on_log_query_result(LogQueryResult found) {
  if (phase_ == Phase::query_bounds) {
    log_start_ = found.bounds.start;
    phase_ = Phase::open_ledger;
    return;
  }
  ensure(phase_ == Phase::query_identity, "each log query result was asked for");
  // The bounds are read again: retention may have moved the start of the log since the first query.
  opened_.dedupe = share_of(settings_.dedupe, found.partitions);
  opened_.log_end = found.bounds.end;
  log_start_ = found.bounds.start;
  check_log(found);
  if (phase_ == Phase::query_identity) choose_read_from(found);
}

template <class Request>
commit::StoreCall PartitionOpener::make_call(Request request, typename Request::Response::value_type& into,
                                             Phase then) {
  return commit::Call(std::move(request), [this, &into, then](typename Request::Response response) {
    if (!response) return fail_with(std::move(response).error());
    into = *std::move(response);
    phase_ = then;
  });
}

std::optional<commit::StoreCall> PartitionOpener::next() {
  const tally::LedgerRow& ledger = opened_.ledger;
  if (phase_ == Phase::open_ledger)
    return commit::Call(commit::OpenLedger{partition_, log_start_, now_},
                        [this](Result<tally::LedgerRow> row) { on_ledger_opened(std::move(row)); });
  if (phase_ == Phase::find_pending_rollups)
    return make_call(commit::FindPendingRollups{partition_}, opened_.pending_rollups, Phase::query_identity);
  if (phase_ == Phase::archive_ledger)
    return commit::Call(
        commit::ArchiveLedger{{.seen = commit::fence_of(ledger),
                               .as_topic = archived_topic_name(settings_.topic, now_),
                               .start_offset = log_start_,
                               .now = now_}},
        [this](Result<std::optional<tally::LedgerRow>> row) { on_ledger_archived(std::move(row)); });
  if (phase_ == Phase::find_dead_letters)
    return make_call(commit::FindDeadLetters{partition_, opened_.read_from, ledger.next_offset},
                     opened_.dead_letters, Phase::find_failed_replays);
  if (phase_ == Phase::find_failed_replays)
    return make_call(commit::FindFailedReplays{}, opened_.failed_replays, Phase::done);
  return std::nullopt;
}

void PartitionOpener::on_ledger_opened(Result<tally::LedgerRow> row) {
  if (!row) return fail_with(std::move(row).error());
  if (!row->adds_up()) return fail_with(ledger_does_not_add_up(*row));
  opened_.ledger = *std::move(row);
  phase_ = Phase::find_pending_rollups;
}

void PartitionOpener::on_ledger_archived(Result<std::optional<tally::LedgerRow>> new_row) {
  if (!new_row) return fail_with(std::move(new_row).error());
  if (!*new_row) {
    // Another process has written the row since it was read: begin again.
    opened_ = {};
    warning_.reset();
    phase_ = Phase::query_bounds;
    return;
  }
  // The new row has no counted records, so there is nothing to rebuild.
  opened_.ledger = **new_row;
  opened_.read_from = opened_.ledger.next_offset;
  phase_ = Phase::done;
}

// Applies ON_OFFSET_GONE. Only a record that is still in the log can prove that the log is another one.
void PartitionOpener::check_log(const LogQueryResult& found) {
  const tally::LedgerRow& ledger = opened_.ledger;
  const std::string at = std::to_string(ledger.next_offset);
  // Two signs of another log: a different record before next_offset, or an end before next_offset.
  // An offset that had no record when it was counted has no hash, and never gets a record later.
  const bool other_record = found.identity && found.identity->hash != ledger.last_record_hash;
  if (other_record || ledger.next_offset > found.bounds.end) {
    const std::string why = !other_record ? ", the log ends at " + std::to_string(found.bounds.end)
                            : ledger.last_record_hash
                                ? ", and the record before it is another one"
                                : ", and the log has a record before it that the ledger does not know";
    return on_other_log("the log is not the one that was counted: the ledger stands at offset " + at + why);
  }
  if (found.bounds.start > ledger.next_offset) {
    const std::string gone = "offsets " + at + " to " + std::to_string(found.bounds.start - 1) +
                             " are gone from the log and were never counted";
    if (settings_.on_offset_gone == OnOffsetGone::stop)
      return refuse(gone + "; set ON_OFFSET_GONE=earliest to count them as skipped");
    warning_ = gone + "; they count as skipped (ON_OFFSET_GONE=earliest)";
    return;
  }
  // The last counted record is gone, but no uncounted one. Nothing is missing, and nothing identifies the
  // log.
  if (!found.identity && ledger.last_record_hash)
    warning_ = "the record before offset " + at + " is gone, so the log cannot be recognised by it";
}

void PartitionOpener::on_other_log(const std::string& why) {
  if (settings_.on_offset_gone == OnOffsetGone::stop) {
    return refuse(why +
                  "; restore that log, or set ON_OFFSET_GONE=earliest to count this one from its start");
  }
  warning_ = why + "; its ledger row is archived as " + archived_topic_name(settings_.topic, now_) +
             " and a new row begins (ON_OFFSET_GONE=earliest)";
  phase_ = Phase::archive_ledger;
}

void PartitionOpener::refuse(std::string why) {
  refusal_ = std::move(why);
  phase_ = Phase::done;
}

void PartitionOpener::fail_with(Error error) {
  failure_ = std::move(error);
  phase_ = Phase::done;
}

void PartitionOpener::choose_read_from(const LogQueryResult& found) {
  const tally::LedgerRow& ledger = opened_.ledger;
  // The window is bounded by records, not by time. Record times may jump, so a later record may be as early
  // as any record before it (tally/dedupe.hpp).
  const std::int64_t by_count = ledger.next_offset - opened_.dedupe.records;
  opened_.read_from = std::max({by_count, ledger.start_offset, ledger.counted_from, found.bounds.start});
  phase_ = opened_.read_from < ledger.next_offset ? Phase::find_dead_letters : Phase::done;
}

OpenedPartition PartitionOpener::take_opened() {
  ensure(is_done() && !failure_ && !refusal_, "only an opened partition is taken");
  return std::move(opened_);
}

}  // namespace weir::consumer
