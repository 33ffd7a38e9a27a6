// send() repeats four steps until one of them ends it. It fetches the state of the log, decides between send,
// resend and skip, posts, and acts on the outcome. The journal has an intent from the decision to send until
// the outcome is known. Only an outcome of the first sending may end it, because a repeated one says nothing
// about the first.
#include "importer/sender.hpp"

#include <algorithm>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"

namespace weir::importer {
namespace {

constexpr std::chrono::milliseconds retry_delay_min{50};
constexpr std::chrono::milliseconds retry_delay_max{2000};

// Says what a user needs to decide: which lines, when, and where in the log to look.
std::unexpected<Error> in_doubt_error(const Intent& intent, const RequestBatch& batch, const LogState& log) {
  return fail(
      ErrorKind::invalid, "in_doubt",
      "lines " + std::to_string(intent.first_line) + " to " + std::to_string(intent.end.lines) +
          " are in doubt: they were sent at " + activity::format_rfc3339(intent.sent_at) +
          ", no answer came, and Weir may not recognize their ids any more. The event log ended at offset " +
          std::to_string(intent.log_end) + " before these " + std::to_string(batch.events.size()) +
          " events and ends at " + std::to_string(log.end) +
          " now. Run the import again with --skip if the events are in the log, or --resend if not");
}

}  // namespace

bool surely_deduped(const Intent& intent, const LogState& log, WallTime now) {
  const std::int64_t age_ms = (now - intent.sent_at).count();
  const std::int64_t moved = log.end - intent.log_end;
  return age_ms >= 0 && 2 * age_ms < log.dedup_window_ms && moved >= 0 && 2 * moved < log.dedup_window_events;
}

// From now on, unavailable_max may pass before a call gives up.
void Sender::start_retry_period() {
  retrying_since_ = dependencies_.now().mono;
  retry_delay_ = std::chrono::milliseconds(0);
}

// Waits twice as long each time, and at least as long as Weir asked for.
Result<void> Sender::wait_before_retry(const std::string& reason, std::int64_t at_least_ms) {
  const std::string seconds = std::to_string(unavailable_max.count()) + " s";
  const auto left = unavailable_max - (dependencies_.now().mono - retrying_since_);
  if (left <= left.zero())
    return fail(ErrorKind::unavailable, "weir_unavailable",
                "gave up after " + seconds + ": " + reason + "; run the import again to continue");
  if (retry_delay_ == retry_delay_.zero()) dependencies_.print_line(reason + "; trying again for " + seconds);
  retry_delay_ = std::clamp(2 * retry_delay_, retry_delay_min, retry_delay_max);
  const auto delay = std::max(retry_delay_, std::chrono::milliseconds(at_least_ms));
  dependencies_.wait(std::min(delay, std::chrono::ceil<std::chrono::milliseconds>(left)));
  return {};
}

Result<LogState> Sender::fetch_log_state() {
  while (true) {
    auto log = dependencies_.weir.log_state();
    if (log || log.error().kind != ErrorKind::unavailable) return log;
    if (auto waited = wait_before_retry(log.error().text, 0); !waited) return propagate(waited);
  }
}

Result<LogState> Sender::await_log_state() {
  start_retry_period();
  return fetch_log_state();
}

// Records the intent if the answer is Step::send.
Result<Sender::Step> Sender::decide_step(const RequestBatch& batch, Intent& intent, const LogState& log,
                                         InDoubt in_doubt, Journal& journal) {
  if (const auto& open = journal.intent()) {
    if (surely_deduped(*open, log, dependencies_.now().wall)) return Step::resend;
    if (in_doubt == InDoubt::ask) return in_doubt_error(*open, batch, log);
    if (in_doubt == InDoubt::skip) return Step::skip;
    if (auto written = journal.discard_intent(); !written) return propagate(written);
  }
  intent.sent_at = dependencies_.now().wall;
  intent.log_end = log.end;
  if (auto written = journal.record_intent(intent); !written) return propagate(written);
  return Step::send;
}

Result<std::vector<RejectedItem>> Sender::record_outcome(const RequestBatch& batch,
                                                         std::vector<RejectedItem> rejected,
                                                         Journal& journal) {
  std::ranges::sort(rejected, {}, &RejectedItem::index);
  std::vector<std::size_t> indexes;
  for (const RejectedItem& item : rejected)
    if (item.index < batch.events.size()) indexes.push_back(item.index);
  Totals totals = journal.totals();
  totals.add(batch, indexes);
  if (auto written = journal.record_outcome(totals); !written) return propagate(written);
  return rejected;
}

// Posts the batch, in several requests if Weir's body limit is lower now than when the chunk was cut.
Posted Sender::post(const RequestBatch& batch, std::size_t body_bytes_max) {
  if (batch.body.size() <= body_bytes_max) return dependencies_.weir.post(batch.body, batch.events.size());
  Posted all{.outcome = PostOutcome::accepted};
  std::size_t sent = 0;  // events
  for (std::string_view rest = batch.body; !rest.empty();) {
    // As many whole lines as fit, and at least one.
    const std::size_t fits =
        rest.size() <= body_bytes_max ? rest.size() - 1 : rest.rfind('\n', body_bytes_max - 1);
    const std::size_t end = fits == std::string_view::npos ? rest.find('\n') : fits;
    const std::string_view part = rest.substr(0, end + 1);
    const auto events = static_cast<std::size_t>(std::ranges::count(part, '\n'));
    Posted one = dependencies_.weir.post(part, events);
    if (one.outcome != PostOutcome::accepted) {
      if (sent > 0) one.outcome = PostOutcome::unknown;  // an earlier part of the batch was kept
      return one;
    }
    for (RejectedItem& item : one.rejected)
      all.rejected.push_back({item.index + sent, std::move(item.error)});
    sent += events;
    rest.remove_prefix(part.size());
  }
  return all;
}

Result<std::vector<RejectedItem>> Sender::send(const RequestBatch& batch, Intent intent,
                                               std::string_view log_id, InDoubt in_doubt, Journal& journal) {
  start_retry_period();
  // Only unreadable lines: nothing is sent, and the journal moves on without asking Weir.
  if (batch.events.empty()) {
    intent.sent_at = dependencies_.now().wall;
    auto written = journal.intent() ? Result<void>() : journal.record_intent(intent);
    if (!written) return propagate(written);
    return record_outcome(batch, {}, journal);
  }
  while (true) {
    auto log = fetch_log_state();
    if (!log) return propagate(log);
    if (log->log_id != log_id)
      return fail(ErrorKind::invalid, "log_changed",
                  "Weir has another event log now: run the import again to fill that one");
    auto step = decide_step(batch, intent, *log, in_doubt, journal);
    if (!step) return propagate(step);
    if (*step == Step::skip) return record_outcome(batch, {}, journal);
    in_doubt = InDoubt::ask;  // the user decided about the sending before this one only

    Posted posted = post(batch, log->limits.body_bytes);
    if (posted.outcome == PostOutcome::accepted)
      return record_outcome(batch, std::move(posted.rejected), journal);
    // After a resend the intent stays: that this request had no effect says nothing about the one before it.
    if (posted.outcome != PostOutcome::unknown && *step == Step::send) {
      if (auto written = journal.discard_intent(); !written) return propagate(written);
    }
    if (posted.outcome == PostOutcome::refused)
      return fail(ErrorKind::invalid, "refused", "Weir refuses the events: " + posted.reason);
    if (auto waited = wait_before_retry(posted.reason, posted.retry_after_ms); !waited)
      return propagate(waited);
  }
}

}  // namespace weir::importer
