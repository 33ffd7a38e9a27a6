// For tests of report: events, the rows that a store holds after counting them, and a simple count of them to
// compare with.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "report/report.hpp"
#include "report/testing/fake_metrics_reader.hpp"
#include "tally/sketch.hpp"
#include "tally/window.hpp"

namespace weir::report::testing {

struct Event {
  WindowStart at;
  std::string user = "ann";
  std::string type = "page_view";
  std::string page = "/";
  std::string referrer = "(direct)";
  std::int32_t partition = 0;

  [[nodiscard]] std::string value_of(tally::Dimension dimension) const {
    const std::array<std::string, 4> values{"", type, page, referrer};
    return values.at(static_cast<std::size_t>(dimension));
  }
};

// The rows of one granularity.
class RowsOf {
 public:
  explicit RowsOf(tally::Granularity granularity) : granularity_(granularity) {}

  void add(const Event& event) {
    for (const auto dimension : tally::all_dimensions) {
      const tally::WindowKey key{.granularity = granularity_,
                                 .dimension = dimension,
                                 .start = tally::floor_to(granularity_, event.at),
                                 .partition = event.partition,
                                 .value = event.value_of(dimension)};
      auto& [row, users] = rows_[key];
      row.key = key;
      row.events += 1;
      row.page_views += event.type == "page_view" ? 1 : 0;
      users.add(murmur3(event.user).low);
    }
  }
  // Marks all counts so far as rolled up: the coarser rows include them.
  void mark_rolled_up() {
    for (auto& [key, counted] : rows_) {
      counted.row.rolled_events = counted.row.events;
      counted.row.rolled_page_views = counted.row.page_views;
    }
  }
  void put_into(FakeMetricsReader& reader) {
    for (auto& [key, counted] : rows_) {
      auto& row = counted.row;
      row.users = counted.users.encode();
      // Each event is counted in the total row of its minute.
      if (granularity_ == tally::Granularity::minute && key.dimension == tally::Dimension::total)
        reader.set_pending_rollup(key.partition, key.start, row.events != row.rolled_events);
      reader.put(row);
    }
  }

 private:
  struct Counted {
    tally::WindowRow row;
    tally::Sketch users;
  };
  tally::Granularity granularity_;
  std::map<tally::WindowKey, Counted> rows_;
};

// Puts the rows of all events into the store. The first `rolled_up` events are rolled up; the later ones are
// in minute rows only.
inline void fill(FakeMetricsReader& reader, const std::vector<Event>& events, std::size_t rolled_up) {
  std::array rows{RowsOf(tally::Granularity::minute), RowsOf(tally::Granularity::hour),
                  RowsOf(tally::Granularity::day)};
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i == rolled_up) rows[0].mark_rolled_up();
    rows[0].add(events[i]);
    if (i < rolled_up) {
      rows[1].add(events[i]);
      rows[2].add(events[i]);
    }
  }
  if (rolled_up >= events.size()) rows[0].mark_rolled_up();
  for (auto& granularity : rows) granularity.put_into(reader);
}

// Returns the numbers of the events for which `counts` returns true.
inline Numbers numbers_of(const std::vector<Event>& events, const std::function<bool(const Event&)>& counts) {
  Numbers numbers;
  std::set<std::string> users;
  for (const auto& event : events) {
    if (!counts(event)) continue;
    ++numbers.events;
    numbers.page_views += event.type == "page_view" ? 1 : 0;
    users.insert(event.user);
  }
  numbers.unique_users = static_cast<std::int64_t>(users.size());
  return numbers;
}

}  // namespace weir::report::testing
