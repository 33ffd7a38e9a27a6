#include "importer/testing/fake_weir.hpp"

#include <algorithm>

#include "activity/decoder.hpp"
#include "base/ensure.hpp"
#include "base/limits.hpp"

namespace weir::importer {

Now FakeTime::now() {
  step();
  ms_ += std::chrono::milliseconds(1);
  return {WallTime(ms_), MonoTime(ms_)};
}

void FakeTime::wait(std::chrono::milliseconds time) {
  step();
  waited += time;
  ms_ += time;
}

void FakeTime::step() {
  if (steps++ == kill_at_step) throw Killed{};
}

Result<LogState> FakeWeir::log_state() {
  time_.step();
  if (unavailable) return fail(ErrorKind::unavailable, "connect_failed", "cannot connect to weir");
  return log;
}

Posted FakeWeir::post(std::string_view ndjson, std::size_t events) {
  ensure(static_cast<std::size_t>(std::ranges::count(ndjson, '\n')) == events,
         "a body has a line for each event");
  time_.step();
  ++posts;
  if (auto hook = std::exchange(while_posting, nullptr)) hook();
  if (ndjson.size() > log.limits.body_bytes)
    return {.outcome = PostOutcome::refused, .reason = "Weir answers 413: too large"};
  Fault fault = Fault::none;
  if (!faults.empty()) {
    fault = faults.front();
    faults.pop_front();
  }
  if (fault == Fault::not_kept)
    return {.outcome = PostOutcome::not_kept, .reason = "Weir answers 503", .retry_after_ms = 1000};
  if (fault == Fault::refused) return {.outcome = PostOutcome::refused, .reason = "Weir answers 413"};
  if (fault == Fault::unknown_not_kept) return {.outcome = PostOutcome::unknown, .reason = "no answer"};
  std::vector<RejectedItem> rejected = keep(ndjson);
  time_.step();
  if (fault == Fault::unknown_kept) return {.outcome = PostOutcome::unknown, .reason = "no answer"};
  return {.outcome = PostOutcome::accepted, .rejected = std::move(rejected)};
}

std::vector<RejectedItem> FakeWeir::keep(std::string_view ndjson) {
  std::vector<RejectedItem> rejected;
  activity::Decoder decoder;
  std::string line;
  const std::int64_t ms = time_.now().wall.time_since_epoch().count();
  for (std::size_t index = 0; !ndjson.empty(); ++index) {
    const std::size_t end = ndjson.find('\n');
    line.assign(ndjson.substr(0, end));
    line.reserve(line.size() + limits::json_slack_bytes);
    ndjson.remove_prefix(end + 1);
    const auto event = decoder.decode(line);
    ensure(event.has_value() && event->message_id.has_value(), "import sends events with ids");
    if (event->user_id == rejects) {
      rejected.push_back({index, "not allowed"});
      continue;
    }
    const std::int64_t offset = log.end++;
    const std::string user(event->user_id);
    const auto [known, fresh] = seen_.try_emplace({user, std::string(*event->message_id)}, ms, offset);
    const bool duplicate = !fresh && ms - known->second.first < log.dedup_window_ms &&
                           offset - known->second.second < log.dedup_window_events;
    known->second = {ms, offset};
    if (duplicate) continue;
    ++counted[user + " " + std::to_string(event->timestamp.time_since_epoch().count()) + " " +
              std::string(event->metadata.page_url.value_or(""))];
    users.insert(user);
    if (event->metadata.referrer) referrers.emplace(*event->metadata.referrer);
    ids.insert(std::string(*event->message_id));
    page_views += event->is_page_view() ? 1 : 0;
  }
  return rejected;
}

}  // namespace weir::importer
