// For tests of merge.hpp: events, and the window rows that a store would hold.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "tally/merge.hpp"
#include "tally/testing/four_dimensions.hpp"

namespace weir::tally::merge_test {

inline constexpr std::int32_t partition = 3;
inline constexpr WindowStart noon =
    std::chrono::sys_days(std::chrono::year{2015} / 5 / 19) + std::chrono::hours{12};
inline constexpr auto cap = static_cast<std::int32_t>(limits::values_per_window_max);

// Window rows in memory. Its functions read, merge and write rows as a flush and a roll-up do in a store.
class Rows {
 public:
  void flush(std::span<const WindowDelta> deltas) {
    auto rows = merge_deltas(deltas, partition, read(keys_to_read(deltas, partition)), capped_);
    ASSERT_TRUE(rows) << rows.error().text;
    write(*rows);
  }

  // Returns true if there were pending counts to roll up.
  bool roll_up_minutes(const std::set<WindowStart>& minutes) {
    std::vector<WindowRow> of_minutes;
    for (const auto& [key, row] : rows_)
      if (key.granularity == Granularity::minute && minutes.contains(key.start)) of_minutes.push_back(row);
    auto existing = read(keys_to_read_for_roll_up(of_minutes));
    auto rows = roll_up(std::move(of_minutes), std::move(existing), capped_);
    EXPECT_TRUE(rows);
    write(*rows);
    return !rows->empty();
  }

  [[nodiscard]] const WindowRow* find(Granularity granularity, Dimension dimension, WindowStart start,
                                      std::string_view value) const {
    const auto found = rows_.find({granularity, dimension, start, partition, std::string(value)});
    return found == rows_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const WindowRow* minute(Dimension dimension, std::string_view value,
                                        WindowStart start = noon) const {
    return find(Granularity::minute, dimension, start, value);
  }
  [[nodiscard]] const std::map<WindowKey, WindowRow>& all() const { return rows_; }
  [[nodiscard]] const CappedValues& capped() const { return capped_; }
  // Returns the number of rows that the last flush or roll-up wrote.
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  std::vector<WindowRow> read(const std::vector<WindowKey>& keys) {
    EXPECT_TRUE(std::ranges::is_sorted(keys));
    EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end()) << "a key is read once";
    std::vector<WindowRow> rows;
    for (const WindowKey& key : keys)
      if (const auto found = rows_.find(key); found != rows_.end()) rows.push_back(found->second);
    return rows;
  }

  void write(const std::vector<WindowRow>& rows) {
    written_ = rows.size();
    std::set<WindowKey> keys;
    for (const WindowRow& row : rows) {
      EXPECT_TRUE(keys.insert(row.key).second) << "a row is written once";
      const auto before = rows_.find(row.key);
      if (before == rows_.end())
        EXPECT_TRUE(row.users_changed) << "the users of a new row are written";
      else
        EXPECT_EQ(row.users_changed, row.users != before->second.users);
      rows_[row.key] = row;
      rows_[row.key].users_changed = true;
    }
  }

  std::map<WindowKey, WindowRow> rows_;
  CappedValues capped_;
  std::size_t written_ = 0;
};

struct Event {
  std::string user = "u";
  std::string page = "/";
  WindowStart time = noon;
  std::string type = "page_view";
  std::string referrer{};  // a host; empty: no referrer
  bool late = false;       // true: the event is too old for its minute

  friend bool operator==(const Event&, const Event&) = default;
};

inline std::vector<WindowDelta> deltas_of(const std::vector<Event>& events) {
  Tally tally(std::chrono::days{7});
  FourDimensions reader;
  for (const Event& event : events) {
    std::optional<std::string> referrer;
    if (!event.referrer.empty()) referrer = "https://" + event.referrer + "/";
    const activity::UserActivity activity{.user_id = event.user,
                                          .activity_type = event.type,
                                          .timestamp = event.time,
                                          .metadata = {.page_url = event.page, .referrer = referrer}};
    tally.add({activity.timestamp, activity.is_page_view(), reader.read(activity)}, murmur3(event.user).low,
              RecordTime(event.time + std::chrono::days{event.late ? 30 : 0}));
  }
  return {tally.deltas().begin(), tally.deltas().end()};
}

inline std::int64_t users_of(const WindowRow& row) {
  const auto sketch = Sketch::decode(row.users);
  return sketch ? sketch->estimate() : -1;
}

}  // namespace weir::tally::merge_test
