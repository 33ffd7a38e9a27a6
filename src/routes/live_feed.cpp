// step() runs on the feed's thread, and is the only function that reads the store:
//
//   admit_joining   takes over the readers that io threads have added, and removes those that have left
//   poll_store      reads the id of the newest figures: after a flush, else once a second
//   make_update     reads the figures, if a reader does not have that id
//   send_updates    writes the text to every reader that does not have it
//
// A reader that connects within a second after an update gets that text. So the store is read at most once a
// second for the figures, for any number of readers.
#include "routes/live_feed.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/limits.hpp"
#include "report/query.hpp"

namespace weir::routes {

namespace {

using namespace std::chrono_literals;

constexpr MonoTime::duration update_interval = 1s;  // between two updates of one reader
constexpr MonoTime::duration poll_interval = 1s;
constexpr MonoTime::duration comment_interval = 15s;
constexpr std::string_view comment = ":\n\n";
constexpr std::string_view reconnection_ms = "2000";

bool is_due(const std::optional<MonoTime>& last, MonoTime::duration interval, MonoTime now) {
  return !last || now >= *last + interval;
}

// JSON has no line feed outside of strings and escapes it inside, so the data are one line.
std::string event_of(const std::string& id, const std::string& data) {
  std::string event = "id: " + id + "\nevent: update\nretry: ";
  event.append(reconnection_ms).append("\ndata: ").append(data).append("\n\n");
  return event;
}

WindowStart start_of_today(const report::TimeZone& zone, WallTime now) {
  return zone.start_of(zone.date_at(std::chrono::floor<std::chrono::seconds>(now)));
}

}  // namespace

LiveFeed::LiveFeed(report::Report& report, std::function<Now()> clock)
    : report_(report), clock_(std::move(clock)) {}

LiveFeed::Admission LiveFeed::admission() const {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Admission::stopping;
  return readers_count_ < limits::live_readers_max ? Admission::admitted : Admission::full;
}

std::size_t LiveFeed::readers() const {
  const std::scoped_lock lock(mutex_);
  return readers_count_;
}

LiveFeed::Admission LiveFeed::add(LiveReader reader) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && readers_count_ < limits::live_readers_max) {
      joining_.push_back(std::move(reader));
      ++readers_count_;
      wakeup_ = true;
      changed_.notify_one();
      return Admission::admitted;
    }
  }
  reader.writer.end();
  return admission() == Admission::stopping ? Admission::stopping : Admission::full;
}

void LiveFeed::on_flush() {
  const std::lock_guard lock(mutex_);
  flushed_ = true;
  if (readers_count_ == 0) return;
  wakeup_ = true;
  changed_.notify_one();
}

void LiveFeed::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wakeup_ = true;
  stop_.request_stop();
  changed_.notify_one();
}

void LiveFeed::run() {
  for (;;) {
    const MonoTime next = step();
    std::unique_lock lock(mutex_);
    if (stopping_ && readers_.empty() && joining_.empty()) return;
    if (next == MonoTime::max())
      changed_.wait(lock, [this] { return wakeup_; });
    else
      changed_.wait_until(lock, next, [this] { return wakeup_; });
    wakeup_ = false;
  }
}

MonoTime LiveFeed::step() {
  const Now now = clock_();
  admit_joining(now.mono);
  if (stop_.stop_requested()) {
    end_all();
    return MonoTime::max();
  }
  if (readers_.empty()) return MonoTime::max();
  poll_store(now.mono);
  if (is_update_wanted(now.mono) && (is_due(made_at_, update_interval, now.mono) || is_text_missing()))
    make_update(now);
  send_updates(now.mono);
  send_comments(now.mono);
  return next_step(now.mono);
}

// Stop is also requested when the server stops, before or after stop() is called here. Such a stream must end
// as complete; for a reader that has left, end() does nothing.
void LiveFeed::admit_joining(MonoTime now) {
  const auto over = std::ranges::partition(
      readers_, [](const Connected& reader) { return !reader.writer.stop_token().stop_requested(); });
  for (Connected& reader : over) reader.writer.end();
  readers_.erase(over.begin(), over.end());
  const std::lock_guard lock(mutex_);
  for (LiveReader& reader : joining_)
    readers_.push_back(
        {std::move(reader.writer), std::move(reader.seen), reader.zone, now, now + comment_interval});
  joining_.clear();
  readers_count_ = readers_.size();
}

void LiveFeed::end_all() {
  for (Connected& reader : readers_) reader.writer.end();
  readers_.clear();
  const std::lock_guard lock(mutex_);
  readers_count_ = joining_.size();
}

void LiveFeed::poll_store(MonoTime now) {
  // A flush within a second after an update is read when that second is over.
  bool flushed = false;
  if (is_due(made_at_, update_interval, now)) {
    const std::lock_guard lock(mutex_);
    flushed = std::exchange(flushed_, false);
  }
  if (!flushed && !is_due(polled_at_, poll_interval, now)) return;
  polled_at_ = now;
  auto id = report_.live_id(cancellation(now));
  if (id)
    id_ = std::move(*id);
  else
    report_failure(id.error());
}

bool LiveFeed::is_update_wanted(MonoTime now) const {
  return !id_.empty() && std::ranges::any_of(readers_, [&](const Connected& reader) {
    return reader.seen != id_ && now >= reader.next_update;
  });
}

// A reader has connected whose day begins at another time than those of the others.
bool LiveFeed::is_text_missing() const {
  return !texts_.empty() && std::ranges::any_of(readers_, [this](const Connected& reader) {
    return !texts_.contains(start_of_today(reader.zone, text_time_));
  });
}

void LiveFeed::make_update(Now now) {
  made_at_ = now.mono;
  texts_.clear();
  for (const Connected& reader : readers_) texts_.try_emplace(start_of_today(reader.zone, now.wall));
  report::LiveQuery query{.now = now.wall};
  for (const auto& [day, text] : texts_) query.days.push_back(day);
  auto answer = report_.live(query, cancellation(now.mono));
  if (!answer) {
    texts_.clear();
    text_id_.clear();
    report_failure(answer.error());
    return;
  }
  id_ = answer->id;
  text_id_ = answer->id;
  text_time_ = now.wall;
  for (auto& [day, text] : texts_) text = event_of(answer->id, to_json(*answer, day));
}

// An older text is not sent: its last five minutes are no longer the last ones.
void LiveFeed::send_updates(MonoTime now) {
  if (text_id_.empty() || text_id_ != id_ || is_due(made_at_, update_interval, now)) return;
  for (Connected& reader : readers_) {
    if (reader.seen == text_id_ || now < reader.next_update) continue;
    const auto text = texts_.find(start_of_today(reader.zone, text_time_));
    if (text == texts_.end()) continue;
    reader.writer.write(text->second);  // if it fails, the reader has left: see admit_joining()
    reader.seen = text_id_;
    reader.next_update = now + update_interval;
    reader.knows_failure = false;
  }
}

void LiveFeed::send_comments(MonoTime now) {
  for (Connected& reader : readers_) {
    if (now < reader.next_comment) continue;
    reader.writer.write(comment);
    reader.next_comment = std::max(reader.next_comment + comment_interval, now);
  }
}

void LiveFeed::report_failure(const Error& why) {
  if (stop_.stop_requested()) return;
  std::string text = ": " + why.text + "\n\n";
  std::ranges::replace(text.begin(), text.end() - 2, '\n', ' ');
  for (Connected& reader : readers_)
    if (!std::exchange(reader.knows_failure, true)) reader.writer.write(text);
}

MonoTime LiveFeed::next_step(MonoTime now) const {
  MonoTime next = *polled_at_ + poll_interval;
  // With a flush or a wanted update that the second after the last update has delayed.
  if (made_at_ && *made_at_ + update_interval > now) next = std::min(next, *made_at_ + update_interval);
  for (const Connected& reader : readers_) {
    next = std::min(next, reader.next_comment);
    if (reader.seen != id_ && reader.next_update > now) next = std::min(next, reader.next_update);
  }
  return next;
}

report::Cancellation LiveFeed::cancellation(MonoTime now) const {
  return {now + limits::query_deadline, stop_.get_token(), [this] { return clock_().mono; }};
}

namespace {

http::Reply refusal(LiveFeed::Admission why) {
  http::Reply reply =
      http::error_reply(503, why == LiveFeed::Admission::stopping
                                 ? "the service is shutting down; ask again"
                                 : "too many readers of /api/v1/live are connected (" +
                                       std::to_string(limits::live_readers_max) + "); ask again");
  reply.headers.emplace_back("Retry-After", "1");
  if (why == LiveFeed::Admission::full) reply.code = "live_readers_full";
  return reply;
}

http::Reply stream_reply() {
  http::Reply reply{.content_type = "text/event-stream"};
  reply.headers = {{"Cache-Control", "no-store"},
                   {"X-Accel-Buffering", "no"},  // nginx passes each event on at once
                   {"X-Content-Type-Options", "nosniff"}};
  return reply;
}

}  // namespace

// A zone is looked up on the io thread: its small file is read once per process.
//
// A HEAD request gets the head that GET would get, and takes no place.
http::Route live_route(LiveFeed& feed) {
  auto handle = [&feed](const http::Request& request, http::Respond respond) {
    const http::Query query(request.query);
    const auto zone = report::parse_live_query(query.all());
    if (!zone)
      return respond(
          http::error_reply(zone.error().kind == ErrorKind::internal ? 500 : 400, zone.error().text));
    if (const auto admission = feed.admission(); admission != LiveFeed::Admission::admitted)
      return respond(refusal(admission));
    http::Stream stream = http::make_stream();
    http::Reply reply = stream_reply();
    reply.stream = std::move(stream.body);
    std::string seen(request.header("last-event-id").value_or(""));
    const bool head_only = request.method == "HEAD";
    respond(std::move(reply));
    if (!head_only) feed.add({std::move(stream.writer), std::move(seen), *zone});
  };
  return {"GET", "/api/v1/live", std::move(handle)};
}

}  // namespace weir::routes
