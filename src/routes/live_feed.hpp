// GET /api/v1/live: one feed of server-sent events for all its readers.
//
// Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "http/exchange.hpp"
#include "http/stream.hpp"
#include "report/live.hpp"

namespace weir::routes {

// A client that has asked for the feed.
struct LiveReader {
  http::StreamWriter writer;
  std::string seen;       // Last-Event-ID: the update that it has; empty: none
  report::TimeZone zone;  // in which its day begins
};

// Sends each reader an update when it connects, and one after each flush that changed the figures, but not
// more than one a second. The figures are read once for all readers, and written as text once for each start
// of today in their time zones.
//
//   id: <report::live_id()>
//   event: update
//   data: <report::to_json(LiveAnswer)>
//
// A comment line every 15 s keeps the connection open in proxies. While the store fails, each reader gets one
// comment line with the reason, and the update when the store answers again. A reader that reads too slowly
// is disconnected (http/stream.hpp).
//
// The feed notices the flushes of this process by on_flush(), and those of other processes on the same
// database by reading the ledger once a second. Without readers it reads nothing.
//
// Thread-safe, except step() and run(), which belong to one thread. No function but these two waits for the
// store.
class LiveFeed {
 public:
  // `report` must outlive the feed. `clock` must be thread-safe.
  LiveFeed(report::Report& report, std::function<Now()> clock);
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  enum class Admission : std::uint8_t { admitted, full, stopping };
  // Whether a reader would be admitted now. The place of a reader that has left is free within a second.
  [[nodiscard]] Admission admission() const;
  // Returns the number of admitted readers. One that has left counts for up to a second.
  [[nodiscard]] std::size_t readers() const;
  // Adds a reader. If it is not admitted, the stream ends without an update.
  Admission add(LiveReader reader);

  // The figures in the store have changed.
  void on_flush();

  // Ends all streams as complete, and admits no further reader. A query that runs is cancelled. run() returns
  // soon after.
  void stop();

  // Runs step() when it is due, until stop().
  void run();

  // Does all that is due, and returns the time of the next step. on_flush(), add() and stop() make one due at
  // once.
  MonoTime step();

 private:
  struct Connected {
    http::StreamWriter writer;
    std::string seen;  // the id of the update that was sent last
    report::TimeZone zone;
    MonoTime next_update;  // not before this time
    MonoTime next_comment;
    bool knows_failure = false;  // since the last update
  };

  // The parts of step(). Each works on what the feed's thread owns.
  void admit_joining(MonoTime now);
  void end_all();
  void poll_store(MonoTime now);
  void make_update(Now now);
  void send_updates(MonoTime now);
  void send_comments(MonoTime now);
  void report_failure(const Error& why);
  [[nodiscard]] bool is_update_wanted(MonoTime now) const;
  [[nodiscard]] bool is_text_missing() const;
  [[nodiscard]] MonoTime next_step(MonoTime now) const;
  [[nodiscard]] report::Cancellation cancellation(MonoTime now) const;

  report::Report& report_;
  const std::function<Now()> clock_;
  std::stop_source stop_;

  mutable std::mutex mutex_;  // guards the members from here to `changed_`
  std::vector<LiveReader> joining_;
  std::size_t readers_count_ = 0;  // with those in joining_
  bool flushed_ = false;
  bool stopping_ = false;
  bool wakeup_ = false;
  std::condition_variable changed_;

  // Belong to the feed's thread.
  std::vector<Connected> readers_;
  std::string id_;                            // of the newest figures; empty: not known
  std::map<WindowStart, std::string> texts_;  // the last update, by the start of today in the readers' zones
  std::string text_id_;                       // its id
  WallTime text_time_;                        // when it was read
  std::optional<MonoTime> made_at_;           // when the last update was read, or could not be read
  std::optional<MonoTime> polled_at_;         // when the ledger was read last
};

// The route. Replies: 200 with the stream; 400 for a wrong parameter; 503 with Retry-After if
// limits::live_readers_max readers are connected or the process stops. `feed` must outlive the server.
[[nodiscard]] http::Route live_route(LiveFeed& feed);

}  // namespace weir::routes
