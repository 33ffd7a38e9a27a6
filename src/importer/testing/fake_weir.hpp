// A Weir in memory for tests of import. It dedupes like the real one, remembers what it counted, and fails or
// kills its caller on request.
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

// Thrown in place of a kill -9.
struct Killed {};

// The clock of a test. It also counts steps, and kills at one of them. A step is a look at the clock, a wait,
// or a stage of a call of FakeWeir.
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
  bool unavailable = false;
  std::deque<Fault> faults;             // of the next posts, in order
  std::string rejects;                  // events with this user_id
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
  // By user_id and message_id: the time and the offset at which the event was last seen.
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> seen_;
};

}  // namespace weir::importer
