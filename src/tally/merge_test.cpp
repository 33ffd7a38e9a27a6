#include "tally/merge.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "base/hash.hpp"
#include "base/limits.hpp"

namespace weir::tally {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

constexpr std::int32_t partition = 3;
constexpr WindowStart noon = std::chrono::sys_days(std::chrono::year{2015} / 5 / 19) + 12h;
constexpr auto cap = static_cast<std::int32_t>(limits::values_per_window_max);

// What a store would hold, and how a flush and a roll-up use this room.
class Rows {
 public:
  void flush(std::span<const WindowDelta> deltas) {
    auto rows = merge_deltas(deltas, partition, read(keys_to_read(deltas, partition)));
    ASSERT_TRUE(rows) << rows.error().text;
    write(*rows);
  }

  // Answers whether there was anything to roll up.
  bool roll_up_minutes(const std::set<WindowStart>& minutes) {
    std::vector<WindowRow> of_minutes;
    for (const auto& [key, row] : rows_)
      if (key.granularity == Granularity::minute && minutes.contains(key.start)) of_minutes.push_back(row);
    auto existing = read(keys_to_read_for_roll_up(of_minutes));
    auto rows = roll_up(std::move(of_minutes), std::move(existing));
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
  [[nodiscard]] std::size_t written() const { return written_; }  // by the last flush or roll-up

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
        EXPECT_TRUE(row.users_changed) << "a new row's users are new";
      else
        EXPECT_EQ(row.users_changed, row.users != before->second.users);
      rows_[row.key] = row;
      rows_[row.key].users_changed = true;
    }
  }

  std::map<WindowKey, WindowRow> rows_;
  std::size_t written_ = 0;
};

struct Event {
  std::string user = "u";
  std::string page = "/";
  WindowStart time = noon;
  std::string type = "page_view";
  bool late = false;
};

std::vector<WindowDelta> deltas_of(const std::vector<Event>& events) {
  Tally tally(days{7});
  for (const Event& event : events)
    tally.add({.user_id = event.user,
               .activity_type = event.type,
               .timestamp = event.time,
               .metadata = {.page_url = event.page, .referrer = std::nullopt}},
              murmur3(event.user).low, RecordTime(event.time + days{event.late ? 30 : 0}));
  return {tally.deltas().begin(), tally.deltas().end()};
}

std::int64_t users_of(const WindowRow& row) {
  const auto sketch = Sketch::decode(row.users);
  return sketch ? sketch->estimate() : -1;
}

// Pages /0, /1, … of one minute.
std::vector<Event> pages(int first, int count, WindowStart time = noon) {
  std::vector<Event> events;
  for (int i = 0; i < count; ++i)
    events.push_back(
        {.user = "u" + std::to_string(first + i), .page = "/" + std::to_string(first + i), .time = time});
  return events;
}

TEST(Merge, MakesRowsWhereThereAreNone) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}, {.user = "a", .page = "/x", .type = "click"}}));
  ASSERT_EQ(rows.all().size(), 6U);
  const WindowRow& total = *rows.minute(Dimension::total, "");
  EXPECT_EQ(total.events, 3);
  EXPECT_EQ(total.page_views, 2);
  EXPECT_EQ(total.rolled_events, 0);
  EXPECT_EQ(total.place, 0);
  EXPECT_EQ(total.stored, (StoredValues{.activity_type = 2, .page = 2, .referrer = 1}));
  EXPECT_EQ(users_of(total), 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->place, 1);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->place, 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->events, 1);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->page_views, 0);
  EXPECT_EQ(rows.minute(Dimension::referrer, "(direct)")->events, 3);
}

TEST(Merge, AddsToTheRowsThatThereAre) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}}));
  rows.flush(deltas_of({{.user = "b"}, {.user = "c", .page = "/x"}}));
  EXPECT_EQ(rows.minute(Dimension::total, "")->events, 4);
  EXPECT_EQ(users_of(*rows.minute(Dimension::total, "")), 3);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->events, 3);
  EXPECT_EQ(users_of(*rows.minute(Dimension::page, "/")), 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->place, 2);
}

TEST(Merge, TakesTheDeltasOfSeveralTalliesTogether) {
  std::vector<WindowDelta> deltas = deltas_of({{.user = "a"}});
  for (const char* user : {"b", "c"})
    for (WindowDelta& delta : deltas_of({{.user = user}})) deltas.push_back(delta);
  Rows rows;
  rows.flush(deltas);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->events, 3);
  EXPECT_EQ(users_of(*rows.minute(Dimension::page, "/")), 3);
}

TEST(Merge, SaysWhetherTheUsersOfARowChanged) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}}));
  const auto deltas = deltas_of({{.user = "a"}});
  std::vector<WindowRow> existing;
  for (const auto& [key, row] : rows.all()) existing.push_back(row);
  const auto written = merge_deltas(deltas, partition, existing);
  ASSERT_TRUE(written);
  for (const WindowRow& row : *written) {
    EXPECT_FALSE(row.users_changed);
    EXPECT_EQ(row.events, 2);
    EXPECT_EQ(users_of(row), 1) << "they are there all the same";
  }
}

TEST(Merge, WritesOnlyRowsThatChange) {
  Rows rows;
  rows.flush(deltas_of(pages(0, 5)));
  rows.flush(deltas_of(pages(0, 1)));
  EXPECT_EQ(rows.written(), 4U);
}

TEST(Merge, LetsAThousandValuesInAndCountsTheRestAsOther) {
  Rows rows;
  rows.flush(deltas_of(pages(0, cap + 7)));
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.page, cap);
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap - 1))->place, cap);
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap)), nullptr);
  const WindowRow& other = *rows.minute(Dimension::page, value_other);
  EXPECT_EQ(other.events, 7);
  EXPECT_EQ(other.place, 0);
  EXPECT_EQ(users_of(other), 7);

  // Who is in stays in, who is not does not come in; the next flush knows it from the rows alone.
  std::vector<Event> more = pages(5, 1);
  more.push_back({.user = "new", .page = "/" + std::to_string(cap)});
  more.push_back({.user = "new", .page = "/never seen"});
  rows.flush(deltas_of(more));
  EXPECT_EQ(rows.minute(Dimension::page, "/5")->events, 2);
  EXPECT_EQ(other.events, 9);
  EXPECT_EQ(users_of(other), 8);
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.page, cap);
  EXPECT_EQ(rows.minute(Dimension::total, "")->events, cap + 7 + 3);
}

TEST(Merge, CountsAValueThatIsCalledOtherWithTheOthers) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a", .page = "(other)"}, {.user = "b", .page = "/"}}));
  EXPECT_EQ(rows.minute(Dimension::page, value_other)->events, 1);
  EXPECT_EQ(rows.minute(Dimension::page, value_other)->place, 0);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->place, 1);
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.page, 1);
}

TEST(Merge, CapsEachWindowAndDimensionForItself) {
  Rows rows;
  rows.flush(deltas_of(pages(0, cap + 1)));
  rows.flush(deltas_of(pages(cap, 1, noon + 1min)));
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap), noon + 1min)->place, 1);
  EXPECT_EQ(rows.minute(Dimension::activity_type, value_other), nullptr);
}

TEST(Merge, ReadsTheNamedRowsTheTotalAndTheOthers) {
  const auto keys = keys_to_read(deltas_of({{.page = "/x"}, {.page = "/y"}}), partition);
  std::vector<std::string> names;
  for (const WindowKey& key : keys) {
    EXPECT_EQ(key.granularity, Granularity::minute);
    EXPECT_EQ(key.start, noon);
    EXPECT_EQ(key.partition, partition);
    names.push_back(std::string(name_of(key.dimension)) + " " + key.value);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"total ", "activity_type (other)", "activity_type page_view",
                                             "page (other)", "page /x", "page /y", "referrer (direct)",
                                             "referrer (other)"}));
  EXPECT_TRUE(keys_to_read({}, partition).empty());
}

TEST(Merge, NamesTheRowWhoseSketchCannotBeRead) {
  Rows rows;
  rows.flush(deltas_of({{}}));
  std::vector<WindowRow> existing{*rows.minute(Dimension::page, "/")};
  existing[0].users = "?";
  const auto merged = merge_deltas(deltas_of({{}}), partition, existing);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code, "sketch_broken");
  EXPECT_NE(merged.error().text.find("minute 2015-05-19T12:00:00Z, partition 3, page \"/\""),
            std::string::npos)
      << merged.error().text;
  const auto rolled = roll_up(existing, {});
  ASSERT_FALSE(rolled);
  EXPECT_NE(rolled.error().text.find("page \"/\""), std::string::npos);
}

TEST(RollUp, AddsMinutesToTheirHourAndDayOnce) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}}));
  EXPECT_TRUE(rows.roll_up_minutes({noon}));
  for (const Granularity granularity : {Granularity::hour, Granularity::day}) {
    const WindowRow& total = *rows.find(granularity, Dimension::total, window_of(granularity, noon), "");
    EXPECT_EQ(total.events, 2);
    EXPECT_EQ(total.rolled_events, 0) << "minute rows only";
    EXPECT_EQ(total.stored, (StoredValues{.activity_type = 1, .page = 1, .referrer = 1}));
    EXPECT_EQ(users_of(total), 2);
  }
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_events, 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_page_views, 2);
  EXPECT_FALSE(rows.roll_up_minutes({noon})) << "nothing is left";
}

TEST(RollUp, AddsOnlyTheRemainderOfALateEvent) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "a", .page = "/x"}}));
  rows.roll_up_minutes({noon});
  rows.flush(deltas_of({{.user = "b"}}));
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_events, 1) << "a flush leaves it as it was";
  EXPECT_TRUE(rows.roll_up_minutes({noon}));
  EXPECT_EQ(rows.written(), 12U) << "/x has no remainder";
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/")->events, 2);
  EXPECT_EQ(users_of(*rows.find(Granularity::hour, Dimension::page, noon, "/")), 2);
}

TEST(RollUp, LetsValuesIntoAFullHourByMinuteThenPlace) {
  Rows rows;
  rows.flush(deltas_of(pages(2000, 3, noon + 1min)));
  std::vector<Event> first_minute = pages(0, cap - 2);
  std::ranges::reverse(first_minute);
  rows.flush(deltas_of(first_minute));
  rows.roll_up_minutes({noon, noon + 1min});
  const auto in_hour = [&rows](int page) {
    return rows.find(Granularity::hour, Dimension::page, noon, "/" + std::to_string(page));
  };
  EXPECT_EQ(in_hour(cap - 3)->place, 1);
  EXPECT_EQ(in_hour(0)->place, cap - 2);
  EXPECT_EQ(in_hour(2000)->place, cap - 1);
  EXPECT_EQ(in_hour(2001)->place, cap);
  EXPECT_EQ(in_hour(2002), nullptr);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, value_other)->events, 1);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::total, noon, "")->stored.page, cap);
}

TEST(RollUp, SharesTheHourWithEventsThatWentThereDirectly) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b", .page = "/late", .late = true}}));
  rows.roll_up_minutes({noon});
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::total, noon, "")->events, 2);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/late")->place, 1);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/")->place, 2);
}

TEST(RollUp, OfNothingIsNothing) {
  EXPECT_TRUE(keys_to_read_for_roll_up({}).empty());
  EXPECT_TRUE(roll_up({}, {})->empty());
}

// All that was ever added to the windows that hours and days are made of.
struct Truth {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::set<std::string> users;
};

struct Sum {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  Sketch users;

  void add(const WindowRow& row, std::int64_t rolled_events, std::int64_t rolled_page_views) {
    events += row.events - rolled_events;
    page_views += row.page_views - rolled_page_views;
    EXPECT_TRUE(users.unite_encoded(row.users));
  }
};

// A seeded world of flushes and roll-ups, with more values than a window may store.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}

  void flush() {
    std::vector<Event> events;
    for (std::size_t i = 1 + random_() % 700; i > 0; --i) {
      Event event{.user = "u" + std::to_string(random_() % 900),
                  .page = "/" + std::to_string(random_() % 1700),
                  .time = noon + 20min * (random_() % 6) + 10h * (random_() % 2),
                  .type = random_() % 3 == 0 ? "click" : "page_view",
                  .late = random_() % 10 == 0};
      if (random_() % 100 == 0) event.page = value_other;
      events.push_back(event);
      for (const Granularity granularity : {Granularity::hour, Granularity::day}) {
        for (const std::string& page : {std::string(), event.page}) {
          Truth& truth = truth_[{granularity, window_of(granularity, event.time), page}];
          ++truth.events;
          truth.page_views += event.type == "page_view" ? 1 : 0;
          truth.users.insert(event.user);
        }
      }
    }
    rows_.flush(deltas_of(events));
  }

  void roll_up() {
    std::set<WindowStart> minutes;
    for (const auto& [key, row] : rows_.all())
      if (key.granularity == Granularity::minute && random_() % 3 == 0) minutes.insert(key.start);
    rows_.roll_up_minutes(minutes);
    EXPECT_FALSE(rows_.roll_up_minutes(minutes)) << "nothing is left to roll";
  }

  void step() { random_() % 3 == 0 ? roll_up() : flush(); }

  // Rows and what minutes have not rolled up are exactly what was added, in each dimension of each hour and day.
  void check_sums() const {
    std::map<std::tuple<Granularity, WindowStart, Dimension>, Sum> sums;
    for (const auto& [key, row] : rows_.all()) {
      if (key.granularity != Granularity::minute) {
        sums[{key.granularity, key.start, key.dimension}].add(row, 0, 0);
        continue;
      }
      for (const Granularity granularity : {Granularity::hour, Granularity::day})
        sums[{granularity, window_of(granularity, key.start), key.dimension}].add(row, row.rolled_events,
                                                                                  row.rolled_page_views);
    }
    for (const auto& [name, truth] : truth_) {
      const auto& [granularity, start, page] = name;
      if (!page.empty()) continue;
      Sketch users;
      for (const std::string& user : truth.users) users.add(murmur3(user).low);
      for (const Dimension dimension : all_dimensions) {
        const Sum& sum = sums[{granularity, start, dimension}];
        EXPECT_EQ(sum.events, truth.events) << name_of(granularity) << ' ' << name_of(dimension);
        EXPECT_EQ(sum.page_views, truth.page_views);
        EXPECT_TRUE(sum.users.encode() == users.encode()) << "the union of the users is exact";
      }
    }
  }

  // A window's rows add up to its total row, and it stores no more than it may, in places from 1 on.
  void check_caps() const {
    std::map<std::tuple<Granularity, WindowStart, Dimension>, Sum> sums;
    std::map<std::tuple<Granularity, WindowStart, Dimension>, std::set<std::int32_t>> places;
    for (const auto& [key, row] : rows_.all()) {
      sums[{key.granularity, key.start, key.dimension}].add(row, 0, 0);
      auto& taken = places[{key.granularity, key.start, key.dimension}];
      if (key.dimension == Dimension::total || key.value == value_other)
        EXPECT_EQ(row.place, 0);
      else
        EXPECT_TRUE(taken.insert(row.place).second) << "a place is taken once";
    }
    for (const auto& [name, sum] : sums) {
      const auto& [granularity, start, dimension] = name;
      const WindowRow& total = *rows_.find(granularity, Dimension::total, start, "");
      EXPECT_EQ(sum.events, total.events);
      EXPECT_EQ(sum.page_views, total.page_views);
      EXPECT_TRUE(sum.users.encode() == total.users);
      if (dimension == Dimension::total) continue;
      StoredValues stored = total.stored;
      const auto& taken = places[name];
      EXPECT_EQ(static_cast<std::int32_t>(taken.size()), stored.of(dimension));
      EXPECT_LE(stored.of(dimension), cap);
      if (taken.empty()) continue;
      EXPECT_EQ(*taken.rbegin(), stored.of(dimension));
    }
  }

  [[nodiscard]] bool has_others() const {
    return std::ranges::any_of(rows_.all(), [](const auto& entry) {
      return entry.first.granularity == Granularity::day && entry.first.dimension == Dimension::page &&
             entry.first.value == value_other && entry.second.events > 100;
    });
  }

  // A value's own row never shows more than the value had.
  void check_values() const {
    for (const auto& [key, row] : rows_.all()) {
      if (key.granularity == Granularity::minute || key.dimension != Dimension::page ||
          key.value == value_other)
        continue;
      const Truth& truth = truth_.at({key.granularity, key.start, key.value});
      EXPECT_LE(row.events, truth.events);
      EXPECT_LE(users_of(row), static_cast<std::int64_t>(truth.users.size()));
    }
  }

 private:
  std::mt19937_64 random_;
  Rows rows_;
  std::map<std::tuple<Granularity, WindowStart, std::string>, Truth> truth_;
};

TEST(Merge, IsExactAtEveryMomentWhateverIsFlushedAndRolledUp) {
  int worlds_with_others = 0;
  for (unsigned seed = 0; seed < 12 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int step = 0; step < 16 && !::testing::Test::HasFailure(); ++step) {
      world.step();
      world.check_sums();
    }
    world.check_caps();
    world.check_values();
    worlds_with_others += world.has_others() ? 1 : 0;
  }
  EXPECT_GT(worlds_with_others, 6) << "the worlds are rich enough to fill days";
}

}  // namespace
}  // namespace weir::tally
