// A Partition that is opened anywhere in a log gives later records the same verdicts as one that has read the
// whole log.
#include "base/testing/seeds.hpp"
#include "consumer/partition.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "consumer/testing/test_event.hpp"
#include "tally/testing/dedupe_log.hpp"

namespace weir::consumer {
namespace {

using tally::Verdict;
using namespace tally::dedupe_test;

constexpr std::size_t log_records = 300;

// Appends the log to a topic. Half of its dead letters are not JSON. The others were rejected by an older
// rule, so only the table of dead letters knows them.
void append_log(const Log& log, FakeTopic& topic) {
  for (const Record& record : log.records) {
    topic.append_holes(0, record.offset - topic.bounds(0).end);
    TestEvent event{.user = "user", .at = record.time};
    if (record.id) event.message_id = message_id(*record.id);
    if (record.is_dead_letter && record.offset % 2 == 0) event.kind = TestEvent::Kind::garbage;
    topic.append(0, make_record(event, record.time));
  }
}

// Returns the ledger row of a process that counted from `start` to `next`.
tally::LedgerRow ledger_row(const FakeTopic& topic, std::int64_t start, std::int64_t next) {
  tally::LedgerRow row{.start_offset = start, .next_offset = next, .version = 1};
  row.read = row.tallied = next - start;
  const auto records = topic.records(0);
  if (const auto last = records.find(next - 1); last != records.end())
    row.last_record_hash = hash_of({.offset = next - 1,
                                    .time = last->second.time,
                                    .key = last->second.key,
                                    .value = last->second.value,
                                    .replay_source = {}});
  return row;
}

// Opens the partition; answers as the log and the store would.
OpenedPartition open(LogReader& reader, const Log& log, const tally::LedgerRow& ledger) {
  PartitionOpener opener(0, {.topic = "events", .dedupe = {.window = log.window, .records = log.events}},
                         WallTime{});
  while (!opener.is_done()) {
    if (const std::optional<LogQuery> query = opener.next_log_query()) {
      opener.on_log_query_result(run_log_query(reader, *query).value());
      continue;
    }
    commit::StoreCall call = opener.next().value();
    if (auto* const find = std::get_if<commit::Call<commit::FindDeadLetters>>(&call)) {
      std::vector<std::int64_t> dead_letters;
      for (const Record& record : log.records)
        if (record.is_dead_letter && record.offset >= find->request().from &&
            record.offset < find->request().to)
          dead_letters.push_back(record.offset);
      find->respond(std::move(dead_letters));
    } else if (auto* const failed = std::get_if<commit::Call<commit::FindFailedReplays>>(&call)) {
      failed->respond({});
    } else if (auto* const open = std::get_if<commit::Call<commit::OpenLedger>>(&call)) {
      open->respond(ledger);
    } else {
      std::get<commit::Call<commit::FindPendingRollups>>(call).respond({});
    }
  }
  EXPECT_EQ(opener.refusal(), std::nullopt);
  return opener.take_opened();
}

// Processes record by record from read_from to the end. Returns the offsets of duplicates.
std::vector<std::int64_t> duplicates_of_rebuilt(FakeLogReader& reader, OpenedPartition opened) {
  const PartitionSettings rules{.topic = "events", .dedupe = opened.dedupe};
  EXPECT_TRUE(reader.seek(0, opened.read_from).has_value());
  Partition partition(std::move(opened), rules, MonoTime{});
  activity::Decoder decoder;
  std::vector<std::int64_t> duplicates;
  while (partition.position() < partition.log_end()) {
    const auto events = reader.poll(std::chrono::milliseconds{0}).value();
    for (const LogEvent& event : events) {
      const std::int64_t before = partition.open_batch().counts.duplicate;
      partition.process(std::get<Records>(event), decoder);
      if (partition.open_batch().counts.duplicate != before) duplicates.push_back(partition.position() - 1);
    }
  }
  return duplicates;
}

// Returns the duplicates at or after `next` by a dedupe that has seen all records from `from` on.
std::vector<std::int64_t> duplicates_of_never_stopped(const Log& log, std::int64_t from, std::int64_t next) {
  tally::Dedupe dedupe(log.window, log.events);
  std::vector<std::int64_t> duplicates;
  for (std::size_t i = log.index_at(from); i < log.records.size(); ++i) {
    const auto verdict = feed(dedupe, log.records[i]);
    if (verdict == Verdict::duplicate && log.records[i].offset >= next)
      duplicates.push_back(log.records[i].offset);
  }
  return duplicates;
}

// How often each bound decided where a rebuild starts.
struct BoundCounts {
  int by_count = 0;
  int by_start = 0;
  int by_log_start = 0;
};

// Returns where the ledger row of the previous owner ends. In most cases the next record repeats the first
// record of the dedupe window, often exactly at the window's length in time.
std::int64_t draw_next(Log& log, LogWriter& writer) {
  const auto at = static_cast<std::size_t>(1 + writer.below(log_records - 1));
  Record& record = log.records[at];
  const Record& last = log.records[at - 1];
  if (writer.one_in(4)) return last.offset + 1 + writer.below(record.offset - last.offset);
  Record& earlier = log.records[log.index_at(record.offset - log.events)];
  if (&earlier >= &last) return record.offset;
  if (writer.one_in(2)) earlier.time = last.time - log.window;
  record.time = last.time;
  record.id = earlier.id = 1'000;
  record.is_dead_letter = earlier.is_dead_letter = false;
  return record.offset;
}

// One log, and one process that becomes its owner in the middle.
void check_new_owner(std::uint64_t seed, BoundCounts& counts) {
  LogWriter writer(seed);
  Log log = writer.write(log_records);
  log.events = std::max<std::int64_t>(log.events, 1);  // as share_of() does
  const std::int64_t next = draw_next(log, writer);
  // Records before `start` were never counted; records before `log_start` are deleted. Both are mostly 0.
  const std::int64_t start = writer.one_in(3) ? writer.below(next + 1) : 0;
  const std::int64_t log_start = writer.one_in(3) ? writer.below(next + 1) : 0;
  for (Record& record : log.records)  // today's rules reject only garbage
    if (record.offset >= next && record.offset % 2 != 0) record.is_dead_letter = false;

  FakeTopic topic(1);
  append_log(log, topic);
  const tally::LedgerRow ledger = ledger_row(topic, start, next);
  FakeLogReader reader(topic);
  reader.assign({0});
  ASSERT_EQ(reader.poll(std::chrono::milliseconds{0}).value().size(), 1U);
  reader.records_a_poll_max(1);

  const std::int64_t from = open(reader, log, ledger).read_from;
  topic.prune_before(0, log_start);
  counts.by_log_start += log_start > from;
  counts.by_start += from == start && start > 0;
  counts.by_count += from == next - log.events;
  // If the log is shorter than the window, the dedupe knows only the records that exist.
  const std::int64_t known_from = std::max(start, log_start > from ? log_start : 0);
  EXPECT_EQ(duplicates_of_rebuilt(reader, open(reader, log, ledger)),
            duplicates_of_never_stopped(log, known_from, next))
      << "rebuilt from " << from << ", the log from " << log_start << ", the ledger row from " << start
      << " to " << next;
}

TEST(RebuildProperty, ANewOwnerGivesTheVerdictsOfAnOwnerThatNeverStopped) {
  BoundCounts counts;
  for_each_seed(400, [&counts](std::uint64_t seed) { check_new_owner(seed, counts); });
  if (one_seed_was_asked_for()) return;
  for (const int times : {counts.by_count, counts.by_start, counts.by_log_start})
    EXPECT_GT(times, 20) << "each bound decides in some runs";
}

}  // namespace
}  // namespace weir::consumer
