#include "importer/sender.hpp"

#include <algorithm>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"

namespace weir::importer {
namespace {

constexpr std::chrono::milliseconds pause_min{50};
constexpr std::chrono::milliseconds pause_max{2000};

std::unexpected<Error> ask(const Intent& intent, const RequestBatch& piece, const LogState& log) {
  return fail(ErrorKind::invalid, "in_doubt",
              "lines " + std::to_string(intent.first_line) + " to " + std::to_string(intent.behind.lines) +
                  " are in doubt: sent at " + activity::format_rfc3339(intent.at) +
                  ", no answer came, and Weir may" + " no longer know them again. Its log ended at " +
                  std::to_string(intent.log_end) + " before these " + std::to_string(piece.events.size()) +
                  " events and ends at " + std::to_string(log.end) +
                  " now: import again with --skip if they are in it, --resend if not");
}

}  // namespace

bool surely_deduped(const Intent& intent, const LogState& log, WallTime now) {
  const std::int64_t age_ms = (now - intent.at).count();
  const std::int64_t moved = log.end - intent.log_end;
  return age_ms >= 0 && 2 * age_ms < log.dedup_window_ms && moved >= 0 && 2 * moved < log.dedup_window_events;
}

void Sender::begin_patience() {
  patient_since_ = world_.now().mono;
  pause_ = std::chrono::milliseconds(0);
}

Result<void> Sender::be_patient(const std::string& why, std::int64_t at_least_ms) {
  const auto left = away_max - (world_.now().mono - patient_since_);
  if (left <= left.zero())
    return fail(
        ErrorKind::unavailable, "weir_away",
        "gave up after " + std::to_string(away_max.count()) + " s: " + why + "; import again to go on");
  if (pause_ == pause_.zero())
    world_.say(why + "; trying again for " + std::to_string(away_max.count()) + " s");
  pause_ = std::clamp(2 * pause_, pause_min, pause_max);
  const auto asked_for = std::max(pause_, std::chrono::milliseconds(at_least_ms));
  world_.wait(std::min(asked_for, std::chrono::ceil<std::chrono::milliseconds>(left)));
  return {};
}

Result<LogState> Sender::ask_log() {
  while (true) {
    auto log = world_.weir.log_state();
    if (log || log.error().kind != ErrorKind::unavailable) return log;
    if (const auto waited = be_patient(log.error().text, 0); !waited) return std::unexpected(waited.error());
  }
}

Result<LogState> Sender::await_log() {
  begin_patience();
  return ask_log();
}

Result<Sender::Step> Sender::prepare(const RequestBatch& piece, Intent& intent, const LogState& log,
                                     InDoubt in_doubt, Journal& journal) {
  if (const auto& open = journal.open_intent()) {
    if (surely_deduped(*open, log, world_.now().wall)) return Step::send_again;
    if (in_doubt == InDoubt::ask) return ask(*open, piece, log);
    if (in_doubt == InDoubt::skip) return Step::leave_out;
    if (const auto written = journal.not_kept(); !written) return std::unexpected(written.error());
  }
  intent.at = world_.now().wall;
  intent.log_end = log.end;
  if (const auto written = journal.intend(intent); !written) return std::unexpected(written.error());
  return Step::send;
}

Result<std::vector<RejectedItem>> Sender::settle(const RequestBatch& piece,
                                                 std::vector<RejectedItem> rejected, Journal& journal) {
  std::ranges::sort(rejected, {}, &RejectedItem::index);
  std::vector<std::size_t> refused;
  for (const RejectedItem& item : rejected)
    if (item.index < piece.events.size()) refused.push_back(item.index);
  Totals totals = journal.totals();
  totals.add(piece, refused);
  if (const auto written = journal.taken(totals); !written) return std::unexpected(written.error());
  return rejected;
}

Posted Sender::post(const RequestBatch& piece, std::size_t body_bytes_max) {
  if (piece.body.size() <= body_bytes_max) return world_.weir.post(piece.body, piece.events.size());
  Posted all{.answer = PostOutcome::taken};
  std::size_t sent = 0;  // events
  for (std::string_view rest = piece.body; !rest.empty();) {
    const std::size_t fits =
        rest.size() <= body_bytes_max ? rest.size() - 1 : rest.rfind('\n', body_bytes_max - 1);
    const std::size_t end = fits == std::string_view::npos ? rest.find('\n') : fits;
    const std::string_view part = rest.substr(0, end + 1);
    const auto events = static_cast<std::size_t>(std::ranges::count(part, '\n'));
    Posted one = world_.weir.post(part, events);
    if (one.answer != PostOutcome::taken) {
      if (sent > 0) one.answer = PostOutcome::unknown;  // a part of the piece is kept
      return one;
    }
    for (RejectedItem& item : one.rejected)
      all.rejected.push_back({item.index + sent, std::move(item.error)});
    sent += events;
    rest.remove_prefix(part.size());
  }
  return all;
}

Result<std::vector<RejectedItem>> Sender::deliver(const RequestBatch& piece, Intent intent,
                                                  std::string_view log_id, InDoubt in_doubt,
                                                  Journal& journal) {
  begin_patience();
  if (piece.events.empty()) {
    intent.at = world_.now().wall;
    const auto written = journal.open_intent() ? Result<void>() : journal.intend(intent);
    if (!written) return std::unexpected(written.error());
    return settle(piece, {}, journal);
  }
  while (true) {
    const auto log = ask_log();
    if (!log) return std::unexpected(log.error());
    if (log->log_id != log_id)
      return fail(ErrorKind::invalid, "log_changed",
                  "Weir has another event log now: import again into that one");
    const auto step = prepare(piece, intent, *log, in_doubt, journal);
    if (!step) return std::unexpected(step.error());
    if (*step == Step::leave_out) return settle(piece, {}, journal);
    in_doubt = InDoubt::ask;  // what its owner decided was about the sending before this one

    Posted posted = post(piece, log->limits.body_bytes);
    if (posted.answer == PostOutcome::taken) return settle(piece, std::move(posted.rejected), journal);
    // That this sending had no effect says nothing of one before it.
    if (posted.answer != PostOutcome::unknown && *step == Step::send) {
      if (const auto written = journal.not_kept(); !written) return std::unexpected(written.error());
    }
    if (posted.answer == PostOutcome::refused)
      return fail(ErrorKind::invalid, "refused", "Weir refuses the events: " + posted.why);
    if (const auto waited = be_patient(posted.why, posted.retry_after_ms); !waited)
      return std::unexpected(waited.error());
  }
}

}  // namespace weir::importer
