// Compares Dedupe on random logs with two other means: a backward search of the log for each record, and an
// instance that has read the whole log where the tested one was rebuilt from a part of it.
#include "base/testing/seeds.hpp"
#include "tally/testing/dedupe_log.hpp"

namespace weir::tally {
namespace {

using namespace dedupe_test;

constexpr std::size_t log_records = 600;

// The distance from the last occurrence of an id to a record.
struct Distance {
  std::int64_t offsets = 0;
  std::chrono::milliseconds time{};  // negative if the occurrence has the later time

  [[nodiscard]] bool is_within(const Log& log) const { return offsets <= log.events && time <= log.window; }
};

// Searches the log backwards. Returns nothing if the id has no earlier occurrence.
std::optional<Distance> distance_to_last_occurrence(const Log& log, std::size_t now) {
  const Record& record = log.records[now];
  for (std::size_t i = now; i-- > 0;) {
    const Record& earlier = log.records[i];
    if (earlier.id == record.id && !earlier.is_dead_letter)
      return Distance{record.offset - earlier.offset, record.time - earlier.time};
  }
  return std::nullopt;
}

// Counts the records that are exactly at one limit of the window, or one step beyond it, and within the other
// limit.
struct Borders {
  int last_offset = 0;
  int next_offset = 0;
  int last_millisecond = 0;
  int next_millisecond = 0;

  void count(const Distance& distance, const Log& log) {
    last_offset += distance.offsets == log.events && distance.time <= log.window;
    next_offset += distance.offsets == log.events + 1 && distance.time <= log.window;
    last_millisecond += distance.time == log.window && distance.offsets <= log.events;
    next_millisecond +=
        distance.time == log.window + std::chrono::milliseconds{1} && distance.offsets <= log.events;
  }
};

TEST(DedupeProperty, FollowsTheRuleOnLogsWhoseTimeJumps) {
  Borders met;
  for_each_seed(200, [&met](std::uint64_t seed) {
    const Log log = LogWriter(seed).write(log_records);
    Dedupe dedupe(log.window, log.events);
    for (std::size_t i = 0; i < log.records.size(); ++i) {
      const auto verdict = feed(dedupe, log.records[i]);
      if (!verdict) continue;
      const auto distance = distance_to_last_occurrence(log, i);
      ASSERT_EQ(*verdict == Verdict::duplicate, distance && distance->is_within(log)) << "record " << i;
      if (distance) met.count(*distance, log);
    }
  });
  if (one_seed_was_asked_for()) return;
  for (const int times : {met.last_offset, met.next_offset, met.last_millisecond, met.next_millisecond})
    EXPECT_GT(times, 100) << "the seeds must reach each limit";
}

std::optional<Verdict> feed_copy(Dedupe dedupe, const Record& record) { return feed(dedupe, record); }

// Expects equal verdicts for all that can follow the first `next` records: any id at any distance, and the
// rest of the log.
void expect_same_verdicts(LogWriter& writer, const Log& log, std::size_t next, Dedupe rebuilt,
                          Dedupe expected) {
  const Record& last = log.records[next - 1];
  for (std::size_t i = 0; i < next; i += 1 + static_cast<std::size_t>(writer.below(20))) {
    const Record again{.offset = last.offset + 1 + (writer.one_in(2) ? 0 : writer.below(log.events + 2)),
                       .time = last.time + std::chrono::milliseconds(writer.below(20'000) - 10'000),
                       .id = log.records[i].id};
    ASSERT_EQ(feed_copy(rebuilt, again), feed_copy(expected, again))
        << "record " << i << " again, rebuilt at " << next;
  }
  for (std::size_t i = next; i < log.records.size(); ++i) {
    const auto verdict = feed(expected, log.records[i]);
    ASSERT_EQ(feed(rebuilt, log.records[i]), verdict) << "record " << i << ", rebuilt at " << next;
  }
}

// Returns an instance that has read the records from `offset` on, without those after the first `next` ones.
Dedupe fed_from(const Log& log, std::int64_t offset, std::size_t next) {
  Dedupe dedupe(log.window, log.events);
  for (std::size_t i = log.index_at(offset); i < next; ++i) feed(dedupe, log.records[i]);
  return dedupe;
}

TEST(DedupeProperty, ReturnsTheSameVerdictsAfterARebuild) {
  for_each_seed(200, [](std::uint64_t seed) {
    LogWriter writer(seed);
    const Log log = writer.write(log_records);
    for (int stop = 0; stop < 8; ++stop) {
      const auto next = static_cast<std::size_t>(1 + writer.below(log_records - 1));
      const std::int64_t next_offset = log.records[next - 1].offset + 1;
      // The latest offset that dedupe.hpp allows; in half of the cases an earlier one.
      const std::int64_t from = next_offset - log.events - (writer.one_in(2) ? 0 : writer.below(100));
      expect_same_verdicts(writer, log, next, fed_from(log, from, next), fed_from(log, 0, next));
    }
  });
}

}  // namespace
}  // namespace weir::tally
