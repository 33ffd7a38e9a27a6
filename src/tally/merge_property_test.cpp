// Properties of counting, on whole rows: the numbers do not depend on how events are split, ordered, grouped
// into flushes and rolled up. They equal the numbers of one flush with all events, and those of a simple
// count.
//
// By contract, three things depend on the order. The tests check what the contract promises about them:
//   - the arrival rank of a value;
//   - which values a full window stores; in minutes, the stored values and (other) are exact nevertheless;
//   - in full hours and days, which part of a value is counted in its own row and which part in (other).
#include <random>

#include "base/testing/seeds.hpp"
#include "tally/testing/merge_fixture.hpp"

namespace weir::tally {
namespace {

using namespace std::chrono_literals;
using namespace merge_test;

// The counts of one value, or of several rows together.
struct Sum {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  Sketch users;

  void add(const Event& event) {
    ++events;
    page_views += event.type == "page_view" ? 1 : 0;
    users.add(murmur3(event.user).low);
  }
  void add(const Sum& more) {
    events += more.events;
    page_views += more.page_views;
    users.unite(more.users);
  }
  // Adds the counts of the row minus the given ones, and its users.
  void add(const WindowRow& row, std::int64_t rolled_events = 0, std::int64_t rolled_page_views = 0) {
    events += row.events - rolled_events;
    page_views += row.page_views - rolled_page_views;
    EXPECT_TRUE(users.unite_encoded(row.users).has_value());
  }
  [[nodiscard]] bool equals(const Sum& other) const {
    return events == other.events && page_views == other.page_views && users.encode() == other.users.encode();
  }
};

// One dimension of one window.
using Group = std::tuple<Granularity, WindowStart, Dimension>;
using ByValue = std::map<std::string, Sum>;

Sum sum_of(const WindowRow& row) {
  Sum sum;
  sum.add(row);
  return sum;
}

// A simple count of events, for each group and value.
class Truth {
 public:
  void add(const Event& event) {
    const std::map<Dimension, std::string> values{
        {Dimension::total, ""},
        {Dimension::activity_type, event.type},
        {Dimension::page, event.page},
        {Dimension::referrer, event.referrer.empty() ? std::string(value_direct) : event.referrer}};
    for (const Granularity granularity : all_granularities) {
      if (event.late && granularity == Granularity::minute) continue;
      const WindowStart start = floor_to(granularity, event.time);
      for (const auto& [dimension, value] : values) sums_[{granularity, start, dimension}][value].add(event);
    }
  }
  void add(const std::vector<Event>& events) {
    for (const Event& event : events) add(event);
  }

  [[nodiscard]] const std::map<Group, ByValue>& all() const { return sums_; }
  [[nodiscard]] const Sum& total(const Group& group) const {
    return sums_.at({std::get<Granularity>(group), std::get<WindowStart>(group), Dimension::total}).at("");
  }

 private:
  std::map<Group, ByValue> sums_;
};

std::int32_t different_values(const ByValue& values) {
  return static_cast<std::int32_t>(values.size() - values.count(std::string(value_other)));
}

// Holds at every moment: the rows of each hour and day plus the pending counts of their minutes equal all
// that was added.
void expect_sums(const Rows& rows, const Truth& truth) {
  std::map<Group, Sum> sums;
  for (const auto& [key, row] : rows.all()) {
    sums[{key.granularity, key.start, key.dimension}].add(row);
    if (key.granularity != Granularity::minute) continue;
    for (const Granularity coarser : {Granularity::hour, Granularity::day})
      sums[{coarser, floor_to(coarser, key.start), key.dimension}].add(row, row.rolled_events,
                                                                       row.rolled_page_views);
  }
  for (const auto& [group, values] : truth.all())
    EXPECT_TRUE(sums[group].equals(truth.total(group)))
        << name_of(std::get<Granularity>(group)) << ' ' << name_of(std::get<Dimension>(group)) << ": "
        << sums[group].events << " of " << truth.total(group).events << " events";
}

// Returns the values of a group that have rows of their own, by arrival rank.
std::map<std::int32_t, std::string> stored_values(const Rows& rows, const Group& group) {
  const auto [granularity, start, dimension] = group;
  std::map<std::int32_t, std::string> stored;
  for (auto at = rows.all().lower_bound({granularity, dimension, start, partition, ""});
       at != rows.all().end() && at->first.granularity == granularity && at->first.dimension == dimension &&
       at->first.start == start;
       ++at) {
    if (at->first.value == value_other)
      EXPECT_EQ(at->second.arrival_rank, 0);
    else
      EXPECT_TRUE(stored.emplace(at->second.arrival_rank, at->first.value).second) << "ranks are distinct";
  }
  return stored;
}

// The group has at most `cap` values, with arrival ranks from 1 on, and the total row has their number.
void expect_arrival_ranks(const Rows& rows, const Group& group,
                          const std::map<std::int32_t, std::string>& stored) {
  const auto [granularity, start, dimension] = group;
  const WindowRow* const total = rows.find(granularity, Dimension::total, start, "");
  ASSERT_NE(total, nullptr);
  EXPECT_EQ(total->arrival_rank, 0);
  const StoredValues& counts = total->stored;
  EXPECT_EQ(static_cast<std::int32_t>(stored.size()), counts.count(dimension));
  EXPECT_LE(counts.count(dimension), cap);
  if (stored.empty()) return;
  EXPECT_EQ(stored.begin()->first, 1);
  EXPECT_EQ(stored.rbegin()->first, counts.count(dimension));
}

// The row of each value has all counts of the value, and (other) has the counts of all values without a row.
// This holds in minutes, because a value has a row from its first event on or never. It also holds in hours
// and days that are not full.
void expect_exact_values(const Rows& rows, const Group& group, const ByValue& values,
                         const std::map<std::int32_t, std::string>& stored) {
  const auto [granularity, start, dimension] = group;
  EXPECT_EQ(static_cast<std::int32_t>(stored.size()), std::min(cap, different_values(values)));
  Sum others;
  for (const auto& [value, sum] : values) {
    const WindowRow* const row =
        value == value_other ? nullptr : rows.find(granularity, dimension, start, value);
    if (row == nullptr)
      others.add(sum);
    else
      EXPECT_TRUE(sum_of(*row).equals(sum)) << value << ": " << row->events << " of " << sum.events;
  }
  const WindowRow* const row = rows.find(granularity, dimension, start, value_other);
  EXPECT_EQ(row != nullptr, others.events > 0);
  EXPECT_TRUE(row == nullptr || sum_of(*row).equals(others));
}

// The row of a value has at most the counts and the users of the value.
void expect_bounded_values(const Rows& rows, const Group& group, const ByValue& values,
                           const std::map<std::int32_t, std::string>& stored) {
  const auto [granularity, start, dimension] = group;
  for (const auto& [number, value] : stored) {
    Sum all = values.at(value);
    const WindowRow& row = *rows.find(granularity, dimension, start, value);
    EXPECT_LE(row.events, all.events);
    EXPECT_LE(row.page_views, all.page_views);
    EXPECT_FALSE(all.users.unite_encoded(row.users).value()) << value << " must have no other user";
  }
}

// Compares each row with the simple count. Requires that no counts are pending roll-up.
void expect_rows(const Rows& rows, const Truth& truth) {
  expect_sums(rows, truth);
  for (const auto& [group, values] : truth.all()) {
    const auto [granularity, start, dimension] = group;
    if (dimension == Dimension::total) {
      EXPECT_TRUE(sum_of(*rows.find(granularity, dimension, start, "")).equals(truth.total(group)));
      continue;
    }
    const auto stored = stored_values(rows, group);
    expect_arrival_ranks(rows, group, stored);
    if (granularity == Granularity::minute || different_values(values) <= cap)
      expect_exact_values(rows, group, values, stored);
    else
      expect_bounded_values(rows, group, values, stored);
  }
}

// Generates the events of one seed.
class Crowd {
 public:
  explicit Crowd(std::uint64_t seed) : random_(seed) {
    const bool big = one_in(8);  // then a minute has more users than a sketch counts exactly
    count_ = big ? 9'000 : pick({30, 300, 3'000});
    users_ = big ? 30'000 : pick({3, 200, 20'000});
    pages_ = pick({1, 40, 1'100, 1'700, 4'000});
    types_ = pick({2, 3, 1'300});
    referrers_ = pick({1, 20, 1'200});
    minutes_ = big ? 2 : pick({1, 6, 60});
  }
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  int number(std::size_t end) { return static_cast<int>(below(end)); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  std::vector<Event> events() {
    std::vector<Event> all;
    while (all.size() < count_) all.push_back(one_in(10) && !all.empty() ? all[below(all.size())] : event());
    return all;
  }
  template <class Item>
  void shuffle(std::vector<Item>& items) {
    std::ranges::shuffle(items, random_);
  }

 private:
  std::size_t pick(std::initializer_list<std::size_t> sizes) {
    return *(sizes.begin() + below(sizes.size()));
  }

  Event event() {
    Event event{.user = "u" + std::to_string(below(users_)),
                .page = "/" + std::to_string(below(pages_)),
                .time = noon + 7min * number(minutes_) + 11h * number(minutes_ > 6 ? 2 : 1),
                .type = one_in(3) ? "type-" + std::to_string(below(types_)) : "page_view",
                .late = one_in(10)};
    if (one_in(100)) event.page = value_other;
    if (one_in(2)) event.referrer = "host-" + std::to_string(below(referrers_));
    return event;
  }

  std::mt19937_64 random_;
  std::size_t count_, users_, pages_, types_, referrers_, minutes_;
};

std::set<WindowStart> minutes_of(const Rows& rows) {
  std::set<WindowStart> minutes;
  for (const auto& [key, row] : rows.all())
    if (key.granularity == Granularity::minute) minutes.insert(key.start);
  return minutes;
}

Rows counted_at_once(const std::vector<Event>& events) {
  Rows rows;
  rows.flush(deltas_of(events));
  rows.roll_up_minutes(minutes_of(rows));
  return rows;
}

void roll_up_some(Rows& rows, Crowd& crowd) {
  std::set<WindowStart> minutes = minutes_of(rows);
  std::erase_if(minutes, [&crowd](WindowStart) { return crowd.one_in(2); });
  rows.roll_up_minutes(minutes);
  EXPECT_FALSE(rows.roll_up_minutes(minutes)) << "no counts are pending";
}

// Counts each part in a tally of its own. A flush writes the deltas of one tally or of several. The parts are
// written from the last to the first.
Rows counted_in_parts(std::vector<std::vector<Event>> parts, Crowd& crowd, bool rolls_up) {
  Rows rows;
  while (!parts.empty()) {
    std::vector<WindowDelta> deltas;
    do {
      for (WindowDelta& delta : deltas_of(parts.back())) deltas.push_back(std::move(delta));
      parts.pop_back();
    } while (!parts.empty() && crowd.one_in(3));
    rows.flush(deltas);
    if (rolls_up && crowd.one_in(3)) roll_up_some(rows, crowd);
  }
  rows.roll_up_minutes(minutes_of(rows));
  return rows;
}

// If no window is full, the rows are equal except for their arrival ranks. Else the total rows are equal.
void expect_alike(const Rows& left, const Rows& right, const Truth& truth) {
  const bool all_fit = std::ranges::all_of(
      truth.all(), [](const auto& window) { return different_values(window.second) <= cap; });
  EXPECT_TRUE(!all_fit || left.all().size() == right.all().size());
  for (const auto& [key, row] : left.all()) {
    if (!all_fit && key.dimension != Dimension::total) continue;
    const auto found = right.all().find(key);
    ASSERT_NE(found, right.all().end());
    WindowRow same = row;
    same.arrival_rank = found->second.arrival_rank;
    EXPECT_TRUE(same == found->second)
        << name_of(key.granularity) << ' ' << name_of(key.dimension) << ' ' << key.value;
  }
}

TEST(MergeProperty, DoesNotDependOnHowEventsAreSplitOrderedGroupedAndRolledUp) {
  for_each_seed(12, [](std::uint64_t seed) {
    Crowd crowd(seed);
    std::vector<Event> events = crowd.events();
    Truth truth;
    truth.add(events);
    const Rows at_once = counted_at_once(events);
    expect_rows(at_once, truth);

    std::vector<std::vector<Event>> parts(1 + crowd.below(9));
    crowd.shuffle(events);
    for (const Event& event : events) parts[crowd.below(parts.size())].push_back(event);
    std::erase(parts, std::vector<Event>{});
    const Rows in_parts = counted_in_parts(std::move(parts), crowd, true);
    expect_rows(in_parts, truth);
    expect_alike(at_once, in_parts, truth);
  });
}

TEST(MergeProperty, WritesTheSameRowsForEachDivisionOfTheLogIntoFlushes) {
  for_each_seed(12, [](std::uint64_t seed) {
    Crowd crowd(seed);
    const std::vector<Event> events = crowd.events();
    std::vector<std::vector<Event>> parts(1);
    for (const Event& event : events) {
      if (crowd.one_in(events.size() / 5 + 1)) parts.emplace_back();
      parts.back().push_back(event);
    }
    std::ranges::reverse(parts);
    std::erase(parts, std::vector<Event>{});
    const Rows in_parts = counted_in_parts(std::move(parts), crowd, false);
    EXPECT_TRUE(in_parts.all() == counted_at_once(events).all()) << "including ranks and values in (other)";
  });
}

TEST(MergeProperty, IsExactAfterEachFlushAndRollUp) {
  int crowds_with_others = 0;
  for_each_seed(8, [&crowds_with_others](std::uint64_t seed) {
    Crowd crowd(seed);
    Truth truth;
    Rows rows;
    for (int step = 0; step < 4 && !testing::Test::HasFailure(); ++step) {
      const std::vector<Event> events = crowd.events();
      truth.add(events);
      rows.flush(deltas_of(events));
      expect_sums(rows, truth);
      roll_up_some(rows, crowd);
      expect_sums(rows, truth);
    }
    rows.roll_up_minutes(minutes_of(rows));
    expect_rows(rows, truth);
    crowds_with_others += std::ranges::any_of(rows.all(), [](const auto& entry) {
      return entry.first.granularity == Granularity::day && entry.first.value == value_other &&
             entry.second.events > 100;
    });
  });
  EXPECT_TRUE(crowds_with_others > 1 || one_seed_was_asked_for()) << "the seeds must fill some days";
}

}  // namespace
}  // namespace weir::tally
