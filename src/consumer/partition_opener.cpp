#include "consumer/partition_opener.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"

namespace weir::consumer {
namespace {

// "<topic>~20261122T181500Z"
std::string retired_name(const std::string& topic, WallTime now) {
  std::string time = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return topic + "~" + time;
}

// The database has constraints against it, which a person can drop.
Error does_not_add_up(const tally::LedgerRow& row) {
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

Result<LogQueryResult> run_log_query(LogReader& log, const LogQuery& survey) {
  LogQueryResult found;
  Result<std::int32_t> partitions = log.partition_count();
  if (!partitions) return propagate(partitions);
  found.partitions = *partitions;
  Result<Watermarks> bounds = log.bounds(survey.partition);
  if (!bounds) return propagate(bounds);
  found.bounds = *bounds;
  if (!survey.identity_offset) return found;

  auto identity = log.record_identity(survey.partition, *survey.identity_offset);
  if (!identity) return propagate(identity);
  found.identity = *identity;
  return found;
}

PartitionOpener::PartitionOpener(std::int32_t partition, PartitionOpenerSettings rules, WallTime now)
    : partition_(partition), rules_(std::move(rules)), now_(now) {}

std::optional<LogQuery> PartitionOpener::survey() const {
  if (phase_ == Phase::first_survey) return LogQuery{partition_, std::nullopt};
  if (phase_ == Phase::second_survey) return LogQuery{partition_, opened_.ledger.next_offset - 1};
  return std::nullopt;
}

void PartitionOpener::surveyed(LogQueryResult found) {
  if (phase_ == Phase::first_survey) {
    log_start_ = found.bounds.start;
    phase_ = Phase::ledger;
    return;
  }
  ensure(phase_ == Phase::second_survey, "a survey was asked for");
  opened_.dedupe = share_of(rules_.dedupe, found.partitions);
  opened_.log_end = found.bounds.end;
  log_start_ = found.bounds.start;
  judge(found);
  if (phase_ == Phase::second_survey) choose_start(found);
}

template <class Request>
commit::StoreCall PartitionOpener::make_call(Request request, typename Request::Response::value_type& into,
                                             Phase then) {
  return commit::Call(std::move(request), [this, &into, then](typename Request::Response response) {
    if (!response) {
      failure_ = std::move(response).error();
      phase_ = Phase::done;
      return;
    }
    into = *std::move(response);
    phase_ = then;
  });
}

std::optional<commit::StoreCall> PartitionOpener::next() {
  const tally::LedgerRow& ledger = opened_.ledger;
  if (phase_ == Phase::ledger)
    return commit::Call(commit::OpenLedger{partition_, log_start_, now_},
                        [this](Result<tally::LedgerRow> row) { take_ledger(std::move(row)); });
  if (phase_ == Phase::unrolled)
    return make_call(commit::FindPendingRollups{partition_}, opened_.unrolled, Phase::second_survey);
  if (phase_ == Phase::retirement)
    return commit::Call(
        commit::ArchiveLedger{{.seen = commit::fence_of(ledger),
                               .as_topic = retired_name(rules_.topic, now_),
                               .start_offset = log_start_,
                               .now = now_}},
        [this](Result<std::optional<tally::LedgerRow>> fresh) { take_fresh(std::move(fresh)); });
  if (phase_ == Phase::letters)
    return make_call(commit::FindDeadLetters{partition_, opened_.read_from, ledger.next_offset},
                     opened_.letters, Phase::done);
  return std::nullopt;
}

void PartitionOpener::take_ledger(Result<tally::LedgerRow> row) {
  phase_ = Phase::done;
  if (!row) {
    failure_ = std::move(row).error();
  } else if (!row->adds_up()) {
    failure_ = does_not_add_up(*row);
  } else {
    opened_.ledger = *std::move(row);
    phase_ = Phase::unrolled;
  }
}

void PartitionOpener::take_fresh(Result<std::optional<tally::LedgerRow>> fresh) {
  if (!fresh) {
    failure_ = std::move(fresh).error();
    phase_ = Phase::done;
  } else if (!*fresh) {
    opened_ = {};
    remark_.reset();
    phase_ = Phase::first_survey;
  } else {
    opened_.ledger = **fresh;
    opened_.read_from = opened_.ledger.next_offset;
    phase_ = Phase::done;
  }
}

// The rules of ON_OFFSET_GONE. Whether the log is another one can only be told by a record that is still
// there.
void PartitionOpener::judge(const LogQueryResult& found) {
  const tally::LedgerRow& ledger = opened_.ledger;
  const std::string at = std::to_string(ledger.next_offset);
  // An offset that yielded no record when it was passed, and so has no hash, never yields one later.
  const bool other_record = found.identity && found.identity->hash != ledger.last_record_hash;
  if (other_record || ledger.next_offset > found.bounds.end) {
    const std::string why = !other_record ? ", the log ends at " + std::to_string(found.bounds.end)
                            : ledger.last_record_hash
                                ? ", and the record before it is another one"
                                : ", and the log has a record before it that the ledger does not know";
    return judge_other_log("the log is not the one that was counted: the ledger stands at offset " + at +
                           why);
  }
  if (found.bounds.start > ledger.next_offset) {
    const std::string gone = "offsets " + at + " to " + std::to_string(found.bounds.start - 1) +
                             " are gone from the log and were never counted";
    if (rules_.on_offset_gone == OnOffsetGone::stop)
      return refuse(gone + "; set ON_OFFSET_GONE=earliest to count them as skipped");
    remark_ = gone + "; they count as skipped (ON_OFFSET_GONE=earliest)";
    return;
  }
  if (!found.identity && ledger.last_record_hash)
    remark_ = "the record before offset " + at + " is gone, so the log cannot be recognised by it";
}

void PartitionOpener::judge_other_log(const std::string& why) {
  if (rules_.on_offset_gone == OnOffsetGone::stop) {
    return refuse(why +
                  "; restore that log, or set ON_OFFSET_GONE=earliest to count this one from its start");
  }
  remark_ = why + "; its account is kept as " + retired_name(rules_.topic, now_) +
            " and a new one begins (ON_OFFSET_GONE=earliest)";
  phase_ = Phase::retirement;
}

void PartitionOpener::refuse(std::string why) {
  refusal_ = std::move(why);
  phase_ = Phase::done;
}

void PartitionOpener::choose_start(const LogQueryResult& found) {
  const tally::LedgerRow& ledger = opened_.ledger;
  // Not from a time on: record times may jump, and a later record may be as early as any before it
  // (tally/dedupe.hpp).
  const std::int64_t by_count = ledger.next_offset - opened_.dedupe.records;
  opened_.read_from = std::max({by_count, ledger.start_offset, ledger.counted_from, found.bounds.start});
  phase_ = opened_.read_from < ledger.next_offset ? Phase::letters : Phase::done;
}

OpenedPartition PartitionOpener::take_opened() {
  ensure(done() && !failure_ && !refusal_, "only what was opened can be taken");
  return std::move(opened_);
}

}  // namespace weir::consumer
