// A flush and a roll-up add numbers to rows in the same way, with RowMerger. It holds the rows that exist in
// the store, finds or creates the row of each name, adds counts at once and gathers the sketches. rows() then
// unites the gathered users into the stored sketch, once for each changed row: that is the expensive step.
#include "tally/merge.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <tuple>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "tally/window_name.hpp"

namespace weir::tally {
namespace {

constexpr auto stored_max = static_cast<std::int32_t>(limits::values_per_window_max);

// The error with the row's name, for the person who must look at it.
std::unexpected<Error> in_row(const WindowKey& key, Error error) {
  error.text += " (" + std::string(name_of(key.granularity)) + " " + activity::format_rfc3339(key.start) +
                ", partition " + std::to_string(key.partition) + ", " + label_of(key.dimension) + " \"" +
                key.value + "\")";
  return std::unexpected<Error>(std::move(error));
}

// Adds to existing and new rows of one partition. Use it once: add() any number of times, then rows().
class RowMerger {
 public:
  RowMerger(std::int32_t partition, std::vector<WindowRow> existing, CappedValues& capped)
      : partition_(partition), capped_(capped) {
    for (WindowRow& row : existing) {
      ensure(row.key.partition == partition, "rows are merged with rows of their own partition");
      insert({.row = std::move(row), .is_stored = true});
    }
  }
  RowMerger(const RowMerger&) = delete;  // because names_ points into targets_
  RowMerger& operator=(const RowMerger&) = delete;

  // Keeps a pointer to `users`, which must live until rows() returns.
  void add(const WindowName& name, std::int64_t events, std::int64_t page_views, const Sketch& users) {
    Target& target = target_of(name);
    target.row.events += events;
    target.row.page_views += page_views;
    target.is_touched = true;
    // A single sketch needs no copy. The second one makes a union.
    if (target.first == nullptr) {
      target.first = &users;
      return;
    }
    if (target.gathered.empty()) target.gathered.unite(*target.first);
    target.gathered.unite(users);
  }

  // Returns the changed rows. Error: a stored sketch that cannot be read.
  Result<std::vector<WindowRow>> rows() && {
    std::vector<WindowRow> rows;
    for (Target& target : targets_) {
      if (!target.is_touched) continue;
      if (auto written = write_users(target); !written) return propagate(written);
      rows.push_back(std::move(target.row));
    }
    return rows;
  }

 private:
  struct Target {
    WindowRow row;
    bool is_stored = false;
    bool is_touched = false;
    const Sketch* first = nullptr;  // the first sketch to add
    Sketch gathered;                // the union of all sketches to add; empty while there is only one
  };

  // Returns the row in which a value is counted. This is its own row if the row exists or may still be
  // created, and else (other). The total row of the window holds the number of stored values for this.
  Target& target_of(const WindowName& name) {
    if (name.dimension == Dimension::total || name.value == value_other) return found_or_new(name);
    if (const auto found = names_.find(name); found != names_.end()) return *found->second;
    Target& total = found_or_new({name.granularity, Dimension::total, name.start, {}});
    if (total.row.stored.count(name.dimension) >= stored_max) {
      ++capped_[name.dimension];
      return found_or_new({name.granularity, name.dimension, name.start, value_other});
    }
    total.is_touched = true;
    total.row.stored.add_one(name.dimension);
    Target& target = found_or_new(name);
    target.row.arrival_rank = total.row.stored.count(name.dimension);
    return target;
  }

  Target& found_or_new(const WindowName& name) {
    if (const auto found = names_.find(name); found != names_.end()) return *found->second;
    WindowRow row;
    row.key = {name.granularity, name.dimension, name.start, partition_, std::string(name.value)};
    return insert({.row = std::move(row)});
  }

  Target& insert(Target target) {
    Target& kept = targets_.emplace_back(std::move(target));
    const WindowKey& key = kept.row.key;
    const auto [at, is_new] =
        names_.try_emplace({key.granularity, key.dimension, key.start, key.value}, &kept);
    ensure(is_new, "a row is read once");
    return kept;
  }

  static Result<void> write_users(Target& target) {
    // A total row can change in `stored` only; then it has no users to add.
    static const Sketch no_users;
    const Sketch& users = !target.gathered.empty() ? target.gathered
                          : target.first           ? *target.first
                                                   : no_users;
    WindowRow& row = target.row;
    if (!target.is_stored) {
      row.users = users.encode();
      return {};
    }
    auto united = unite_into(row.users, users);
    if (!united) return in_row(row.key, united.error());
    row.users_changed = *united;
    return {};
  }

  std::int32_t partition_;
  CappedValues& capped_;
  // A deque does not move its elements, so names_ can point to them and view their keys.
  std::deque<Target> targets_;
  boost::unordered_flat_map<WindowName, Target*, WindowNameHash> names_;
};

// Gathers the keys of rows to read: each given one, the total row of its window, and the (other) row of its
// dimension in that window.
class Keys {
 public:
  explicit Keys(std::int32_t partition) : partition_(partition) {}

  void add(Granularity granularity, Dimension dimension, WindowStart start, std::string_view value) {
    const Part part{granularity, start, dimension};
    if (parts_.empty() || parts_.back() != part) parts_.push_back(part);
    if (dimension != Dimension::total)
      keys_.push_back({granularity, dimension, start, partition_, std::string(value)});
  }

  std::vector<WindowKey> ascending() && {
    sort_each_once(parts_);
    for (const Part& part : parts_) {
      keys_.push_back({part.granularity, Dimension::total, part.start, partition_, std::string()});
      if (part.dimension != Dimension::total)
        keys_.push_back({part.granularity, part.dimension, part.start, partition_, std::string(value_other)});
    }
    sort_each_once(keys_);
    return std::move(keys_);
  }

 private:
  // One dimension of one window.
  struct Part {
    Granularity granularity = finest_granularity;
    WindowStart start;
    Dimension dimension = Dimension::total;

    friend auto operator<=>(const Part&, const Part&) = default;
  };

  template <class Item>
  static void sort_each_once(std::vector<Item>& items) {
    std::ranges::sort(items);
    const auto repeated = std::ranges::unique(items);
    items.erase(repeated.begin(), repeated.end());
  }

  std::int32_t partition_;
  std::vector<Part> parts_;
  std::vector<WindowKey> keys_;
};

bool has_remainder(const WindowRow& minute) {
  return minute.events != minute.rolled_events || minute.page_views != minute.rolled_page_views;
}

}  // namespace

std::vector<WindowKey> keys_to_read(std::span<const WindowDelta> deltas, std::int32_t partition) {
  Keys keys(partition);
  for (const WindowDelta& delta : deltas)
    keys.add(delta.granularity, delta.dimension, delta.start, delta.value);
  return std::move(keys).ascending();
}

Result<std::vector<WindowRow>> merge_deltas(std::span<const WindowDelta> deltas, std::int32_t partition,
                                            std::vector<WindowRow> existing, CappedValues& capped) {
  RowMerger merger(partition, std::move(existing), capped);
  for (const WindowDelta& delta : deltas)
    merger.add({delta.granularity, delta.dimension, delta.start, delta.value}, delta.events, delta.page_views,
               delta.users);
  return std::move(merger).rows();
}

std::vector<WindowKey> keys_to_read_for_roll_up(std::span<const WindowRow> minutes) {
  if (minutes.empty()) return {};
  Keys keys(minutes.front().key.partition);
  for (const Granularity granularity : coarser_granularities)
    for (const WindowRow& minute : minutes)
      if (has_remainder(minute))
        keys.add(granularity, minute.key.dimension, floor_to(granularity, minute.key.start),
                 minute.key.value);
  return std::move(keys).ascending();
}

Result<std::vector<WindowRow>> roll_up(std::vector<WindowRow> minutes, std::vector<WindowRow> existing,
                                       CappedValues& capped) {
  std::erase_if(minutes, [](const WindowRow& minute) { return !has_remainder(minute); });
  if (minutes.empty()) return minutes;
  // The order in which values enter a full hour or day: by minute, then by arrival rank.
  std::ranges::stable_sort(minutes, {}, [](const WindowRow& minute) {
    return std::tuple(minute.key.start, minute.key.dimension, minute.arrival_rank);
  });

  RowMerger merger(minutes.front().key.partition, std::move(existing), capped);
  std::deque<Sketch> users;  // `merger` keeps pointers to these
  for (WindowRow& minute : minutes) {
    const WindowKey& key = minute.key;
    ensure(key.granularity == finest_granularity && key.partition == minutes.front().key.partition,
           "minutes of one partition are rolled up");
    auto decoded = Sketch::decode(minute.users);
    if (!decoded) return in_row(key, decoded.error());
    const Sketch& kept = users.emplace_back(std::move(*decoded));
    for (const Granularity granularity : coarser_granularities)
      merger.add({granularity, key.dimension, floor_to(granularity, key.start), key.value},
                 minute.events - minute.rolled_events, minute.page_views - minute.rolled_page_views, kept);
    minute.rolled_events = minute.events;
    minute.rolled_page_views = minute.page_views;
    minute.users_changed = false;
  }

  auto rows = std::move(merger).rows();
  if (!rows) return rows;
  std::ranges::move(minutes, std::back_inserter(*rows));
  return rows;
}

}  // namespace weir::tally
