// A Weir for tests of import: dedupes as the real one does, remembers what it counted, and fails or kills its
// caller on request.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "importer/weir_client.hpp"

namespace weir::importer {

// Thrown where a kill -9 would strike.
struct Killed {};

// The clock of a test, and the counter of its steps: every look at the clock and every turn of the fake is
// one.
class FakeTime {
 public:
  Now now();
  void wait(std::chrono::milliseconds time);
  void pass(std::chrono::milliseconds time) { ms_ += time; }
  void step();

  std::int64_t steps = 0;
  std::int64_t kill_at_step = -1;
  std::chrono::milliseconds waited{0};

 private:
  std::chrono::milliseconds ms_{1'700'000'000'000};
};

class FakeWeir final : public WeirClient {
 public:
  enum class Fault : std::uint8_t {
    none,
    not_kept,          // 503
    unknown_kept,      // the answer is lost
    unknown_not_kept,  // the request is lost
    refused,           // 413
  };

  explicit FakeWeir(FakeTime& time) : time_(time) {}

  Result<LogState> log_state() override;
  Posted post(std::string_view ndjson, std::size_t events) override;

  LogState log{.log_id = "log-1", .end = 0, .dedup_window_ms = 600'000, .dedup_window_events = 1'000'000};
  bool away = false;
  std::deque<Fault> faults;             // of the next posts, in order
  std::string rejects;                  // events whose user_id this is
  std::function<void()> while_posting;  // called once, inside the next post

  std::map<std::string, int> counted;  // user_id, time and page of an event → how often it was counted
  std::set<std::string> users;
  std::set<std::string> ids;
  std::set<std::string> referrers;
  std::int64_t page_views = 0;
  std::int64_t posts = 0;

 private:
  std::vector<RejectedItem> keep(std::string_view ndjson);

  FakeTime& time_;
  // By user_id and message_id: when and at which offset it was last seen.
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> seen_;
};

}  // namespace weir::importer
