// Blocks that are not kept are read first, several of them in one scan. Then they are added like kept ones.
#include "report/gather.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>

#include "base/keyed_hash.hpp"
#include "report/scan.hpp"

namespace weir::report {

namespace {

using std::chrono::days;
using tally::Dimension;
using tally::Granularity;

// A larger block of counts is not kept: the store reads and sorts it in bounded memory each time.
constexpr std::size_t block_bytes_max = std::size_t{1} << 20;
// So many blocks of one question are read although they are then found to be too large.
constexpr int blocks_read_twice_max = 2;

WindowRun run_of(const DayBlock& block) { return {Granularity::day, block.from, block.to}; }

// Runs are added in ascending order. Days that adjoin become one run.
void add_run(std::vector<WindowRun>& runs, const WindowRun& run) {
  const bool adjoins =
      !runs.empty() && runs.back().granularity == run.granularity && runs.back().to == run.from;
  if (adjoins)
    runs.back().to = run.to;
  else
    runs.push_back(run);
}

// The marks of one day.
struct MarkedDay {
  std::vector<DayMark> marks;
  bool is_pending = false;
};
using MarkedDays = std::map<WindowStart, MarkedDay>;

Result<MarkedDays> read_marks(const Reading& reading, const WindowRun& run) {
  MarkedDays marked;
  auto done = reading.snapshot->scan_day_marks(run.from, run.to, [&](const DayMark& mark) {
    MarkedDay& day = marked[mark.day];
    if (mark.is_pending)
      day.is_pending = true;
    else
      day.marks.push_back(mark);
  });
  if (!done) return store_failed(done);
  return marked;
}

// The mark of the days in [from, to). A keyed hash, because clients choose the numbers of events.
Hash128 mark_of(MarkedDays::iterator from, MarkedDays::iterator to) {
  std::string text;
  for (; from != to; ++from) {
    std::ranges::sort(from->second.marks, {}, &DayMark::partition);
    for (const DayMark& mark : from->second.marks) {
      for (const std::int64_t number :
           {mark.day.time_since_epoch().count(), std::int64_t{mark.partition}, mark.events,
            std::int64_t{mark.last_write.time_since_epoch().count()}})
        text += std::to_string(number) + ' ';
    }
  }
  return siphash_2_4_128(process_hash_key(), text);
}

WindowStart block_start(WindowStart day) {
  const auto number = std::chrono::floor<days>(day).time_since_epoch().count();
  const auto in_block = (number % days_in_block + days_in_block) % days_in_block;
  return day - days(in_block);
}

// Days without any mark have no rows, so they are in no block, nor in `rest`.
void split_days(SplitRuns& split, const WindowRun& run, MarkedDays& marked) {
  for (auto day = marked.begin(); day != marked.end();) {
    const WindowStart from = block_start(day->first);
    const WindowStart to = from + days(days_in_block);
    const auto end = marked.lower_bound(to);
    const bool is_closed = std::none_of(day, end, [](const auto& one) { return one.second.is_pending; });
    if (is_closed && from >= run.from && to <= run.to) {
      split.blocks.push_back({from, to, mark_of(day, end)});
      day = end;
      continue;
    }
    for (; day != end; ++day) {
      const WindowStart next = day->first + days(1);
      if (day->second.is_pending)
        add_run(split.rest, {Granularity::day, day->first, next});
      else
        split.blocks.push_back({day->first, next, mark_of(day, std::next(day))});
    }
  }
}

// Where the numbers of a row belong: the index of its value.
class ValueIndex {
 public:
  ValueIndex(Dimension dimension, std::span<const std::string_view> values) : dimension_(dimension) {
    for (std::size_t at = 0; at < values.size(); ++at) index_.emplace(values[at], at);
    if (dimension != Dimension::total) wanted_.emplace(values.begin(), values.end());
  }
  [[nodiscard]] std::size_t at(std::string_view value) const { return index_.at(value); }
  [[nodiscard]] Wanted wanted() const { return {dimension_, wanted_, true}; }

 private:
  const Dimension dimension_;
  std::map<std::string_view, std::size_t> index_;  // a tree: no choice of values makes it slow
  std::optional<std::vector<std::string_view>> wanted_;
};

Result<void> gather_rows(const Reading& reading, const std::vector<WindowRun>& runs, const ValueIndex& index,
                         std::vector<Gathered>& gathered) {
  return scan(reading, runs, index.wanted(),
              [&](const ViewRow& row) { return gathered[index.at(row.value)].add(row); });
}

// Adds the numbers of the block. Returns the bytes that it takes; 0 if it is not kept for each of the values.
Result<std::size_t> add_kept(const Reading& reading, const DayBlock& block, Dimension dimension,
                             std::span<const std::string_view> values, std::vector<Gathered>& gathered) {
  std::vector<std::shared_ptr<const BlockOfValue>> found;
  std::size_t bytes = 0;
  for (const std::string_view value : values) {
    found.push_back(reading.kept->of(dimension).find(dimension, value, block));
    if (!found.back()) return 0;
    bytes += found.back()->bytes();
  }
  for (std::size_t at = 0; at < values.size(); ++at) {
    const BlockOfValue& one = *found[at];
    if (one.events == 0) continue;
    if (auto added = gathered[at].add(one.events, one.page_views, one.users); !added) return propagate(added);
  }
  return bytes;
}

// Reads blocks from the store, adds them and keeps them. Returns the bytes that they take.
Result<std::size_t> add_read(const Reading& reading, std::span<const DayBlock> blocks, Dimension dimension,
                             std::span<const std::string_view> values, std::vector<Gathered>& gathered) {
  std::vector<WindowRun> runs;
  for (const DayBlock& block : blocks) add_run(runs, run_of(block));
  const ValueIndex index(dimension, values);
  std::vector<std::vector<Gathered>> parts(blocks.size());
  for (auto& part : parts) part.resize(values.size());
  auto done = scan(reading, runs, index.wanted(), [&](const ViewRow& row) {
    // The block of a row is the last one that starts at or before its window.
    const auto after = std::ranges::upper_bound(blocks, row.start, {}, &DayBlock::from);
    return parts.at(static_cast<std::size_t>(after - blocks.begin()) - 1)[index.at(row.value)].add(row);
  });
  if (!done) return propagate(done);
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < blocks.size(); ++at) {
    for (std::size_t value = 0; value < values.size(); ++value) {
      const Gathered& part = parts[at][value];
      gathered[value].add(part);
      auto block =
          std::make_shared<BlockOfValue>(BlockOfValue{part.events, part.page_views, part.users.encode()});
      bytes += block->bytes();
      reading.kept->of(dimension).keep(dimension, values[value], blocks[at], std::move(block));
    }
  }
  return bytes;
}

// Reads the counts of a block from the store and keeps them.
Result<std::shared_ptr<const BlockOfCounts>> read_counts(const Reading& reading, const DayBlock& block,
                                                         Dimension dimension) {
  auto counts = std::make_shared<BlockOfCounts>();
  const WindowRun run = run_of(block);
  auto done = reading.snapshot->count_by_value({dimension, {&run, 1}}, [&](const ValueRow& row) {
    if (counts->is_too_large()) return;
    counts->add(row.value, row.events, row.page_views);
    if (counts->bytes() > block_bytes_max) counts->give_up();
  });
  if (!done) return store_failed(done);
  reading.kept->counts.keep(dimension, "", block, counts);
  return counts;
}

// Merges blocks of counts with the rows of the store. All of them are in ascending order of the values.
class CountsMerge {
 public:
  explicit CountsMerge(const std::function<void(const ValueRow&)>& take) : take_(take) {}

  void add(std::shared_ptr<const BlockOfCounts> block) {
    blocks_.push_back(std::move(block));
    push({blocks_.back().get(), 0});
  }
  // Passes the row, with the counts of the blocks added to it. The values of the blocks before it are passed
  // first.
  void pass(ValueRow row) {
    while (!next_.empty() && next_.top().value() < row.value) pass_next();
    while (!next_.empty() && next_.top().value() == row.value) add_next(row);
    take_(row);
  }
  void pass_rest() {
    while (!next_.empty()) pass_next();
  }

 private:
  struct Position {
    const BlockOfCounts* block;
    std::size_t at;

    [[nodiscard]] std::string_view value() const { return block->value(at); }
    friend bool operator<(const Position& one, const Position& other) {
      return one.value() > other.value();  // the queue has its largest element on top
    }
  };

  void push(const Position& position) {
    if (position.at < position.block->size()) next_.push(position);
  }
  void add_next(ValueRow& row) {
    const Position top = next_.top();
    next_.pop();
    row.events += top.block->counts(top.at).events;
    row.page_views += top.block->counts(top.at).page_views;
    push({top.block, top.at + 1});
  }
  void pass_next() {
    ValueRow row{.value = next_.top().value()};  // a view into the block, which lives as long as this
    while (!next_.empty() && next_.top().value() == row.value) add_next(row);
    take_(row);
  }

  const std::function<void(const ValueRow&)>& take_;
  std::vector<std::shared_ptr<const BlockOfCounts>> blocks_;
  std::priority_queue<Position> next_;
};

}  // namespace

Result<SplitRuns> split_runs(const Reading& reading, std::vector<WindowRun> runs) {
  SplitRuns split;
  for (const WindowRun& run : runs) {
    if (run.granularity != Granularity::day || !reading.kept) {
      split.rest.push_back(run);
      continue;
    }
    auto marked = read_marks(reading, run);
    if (!marked) return propagate(marked);
    split_days(split, run, *marked);
  }
  split.all = std::move(runs);
  return split;
}

Result<std::vector<Gathered>> gather_values(const Reading& reading, const SplitRuns& runs,
                                            Dimension dimension, std::span<const std::string_view> values) {
  std::vector<Gathered> gathered(values.size());
  if (values.empty()) return gathered;
  const ValueIndex index(dimension, values);
  if (values.size() > Scan::few_values_max) {
    if (auto done = gather_rows(reading, runs.all, index, gathered); !done) return propagate(done);
    return gathered;
  }
  std::vector<DayBlock> missing;
  std::size_t bytes = 0;
  for (const DayBlock& block : runs.blocks) {
    auto added = add_kept(reading, block, dimension, values, gathered);
    if (!added) return propagate(added);
    if (*added == 0) missing.push_back(block);
    bytes += *added;
  }
  // Half of the memory for one question. If its blocks do not fit, the others are read with the rest. If they
  // were kept, too, each of them would drop one that the same question needs the next time.
  const std::size_t bytes_max = runs.blocks.empty() ? 0 : reading.kept->of(dimension).bytes_max() / 2;
  // Sketches of some blocks are in memory at once.
  const std::size_t at_a_time = std::max<std::size_t>(1, points_at_a_time / values.size());
  std::span<const DayBlock> left = missing;
  while (!left.empty() && bytes < bytes_max) {
    const auto some = left.first(std::min(at_a_time, left.size()));
    auto read = add_read(reading, some, dimension, values, gathered);
    if (!read) return propagate(read);
    bytes += *read;
    left = left.subspan(some.size());
  }
  std::vector<WindowRun> rest = runs.rest;
  for (const DayBlock& block : left) add_run(rest, run_of(block));
  if (auto done = gather_rows(reading, rest, index, gathered); !done) return propagate(done);
  return gathered;
}

Result<void> count_values(const Reading& reading, const SplitRuns& runs, Dimension dimension,
                          const std::function<void(const ValueRow&)>& take) {
  CountsMerge merge(take);
  std::vector<WindowRun> rest = runs.rest;
  std::size_t bytes = 0;
  int found_too_large = 0;
  for (const DayBlock& block : runs.blocks) {
    auto counts = reading.kept->counts.find(dimension, "", block);
    // Half of the memory for one question, so that a second one does not drop what this one needs. The other
    // blocks are read together with the rest, and so are those that are too large: each of them is read
    // twice by the first question about it.
    const bool has_room = bytes < reading.kept->counts.bytes_max() / 2;
    if (!counts && has_room && found_too_large < blocks_read_twice_max) {
      auto read = read_counts(reading, block, dimension);
      if (!read) return propagate(read);
      counts = *std::move(read);
      if (counts->is_too_large()) ++found_too_large;
    }
    if (!counts || !has_room || counts->is_too_large()) {
      add_run(rest, run_of(block));
      continue;
    }
    bytes += counts->bytes();
    merge.add(std::move(counts));
  }
  if (!rest.empty()) {
    auto done =
        reading.snapshot->count_by_value({dimension, rest}, [&](const ValueRow& row) { merge.pass(row); });
    if (!done) return store_failed(done);
  }
  merge.pass_rest();
  return {};
}

}  // namespace weir::report
