// For tests of this room: events, the rows that a store would hold of them, and their numbers counted by
// hand.
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

// Rows of one granularity.
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
  // All that was counted so far is in the coarser rows too.
  void mark_rolled() {
    for (auto& [key, counted] : rows_) {
      counted.row.rolled_events = counted.row.events;
      counted.row.rolled_page_views = counted.row.page_views;
    }
  }
  void put_into(FakeMetricsReader& reader) {
    for (auto& [key, counted] : rows_) {
      auto& row = counted.row;
      row.users = counted.users.encode();
      if (granularity_ == tally::Granularity::minute && row.events != row.rolled_events)
        reader.set_unrolled(key.partition, key.start, true);
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

// A store that counted all these events, of which the first `rolled` were rolled up before the rest came.
inline void fill(FakeMetricsReader& reader, const std::vector<Event>& events, std::size_t rolled) {
  std::array rows{RowsOf(tally::Granularity::minute), RowsOf(tally::Granularity::hour),
                  RowsOf(tally::Granularity::day)};
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i == rolled) rows[0].mark_rolled();
    rows[0].add(events[i]);
    if (i < rolled) {
      rows[1].add(events[i]);
      rows[2].add(events[i]);
    }
  }
  if (rolled >= events.size()) rows[0].mark_rolled();
  for (auto& granularity : rows) granularity.put_into(reader);
}

// By brute force: the numbers of the events for which `counts` holds.
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
