// A partition that is opened anywhere in a log, by way of the opening's own questions, judges what comes as
// one that never stopped would.
#include "base/testing/seeds.hpp"
#include "consumer/partition.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "simulation/oracle.hpp"
#include "tally/testing/dedupe_log.hpp"

namespace weir::consumer {
namespace {

using tally::Verdict;
using namespace tally::dedupe_test;

constexpr std::size_t log_records = 300;

// The log on a topic. Half of its letters are bytes that nobody can read; the others were refused by a rule
// of their time, and can be told by the table alone.
void write_down(const Log& log, FakeTopic& topic) {
  for (const Record& record : log.records) {
    topic.append_holes(0, record.offset - topic.bounds(0).end);
    simulation::Told told{.user = "user", .at = record.time};
    if (record.id) told.message_id = message_id(*record.id);
    if (record.is_letter && record.offset % 2 == 0) told.kind = simulation::Told::Kind::garbage;
    topic.append(0, simulation::written_down(told, record.time));
  }
}

// The account of a process that began at `start` and ended at `next`.
tally::LedgerRow account(const FakeTopic& topic, std::int64_t start, std::int64_t next) {
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

// Answers the opening as log and store do.
OpenedPartition open(LogReader& reader, const Log& log, const tally::LedgerRow& ledger) {
  PartitionOpener opening(0, {.topic = "events", .dedupe = {.window = log.window, .records = log.events}},
                          WallTime{});
  while (!opening.done()) {
    if (const std::optional<LogQuery> survey = opening.survey()) {
      opening.surveyed(run_log_query(reader, *survey).value());
      continue;
    }
    commit::StoreCall call = opening.next().value();
    if (auto* const find = std::get_if<commit::Call<commit::FindDeadLetters>>(&call)) {
      std::vector<std::int64_t> letters;
      for (const Record& record : log.records)
        if (record.is_letter && record.offset >= find->request().from && record.offset < find->request().to)
          letters.push_back(record.offset);
      find->respond(std::move(letters));
    } else if (auto* const open = std::get_if<commit::Call<commit::OpenLedger>>(&call)) {
      open->respond(ledger);
    } else {
      std::get<commit::Call<commit::FindPendingRollups>>(call).respond({});
    }
  }
  EXPECT_EQ(opening.refusal(), std::nullopt);
  return opening.take_opened();
}

// Takes record by record from where the opening says to the end, and notes which were duplicates.
std::vector<std::int64_t> duplicates_of_rebuilt(FakeLogReader& reader, OpenedPartition opened) {
  const PartitionRules rules{.topic = "events", .dedupe = opened.dedupe};
  EXPECT_TRUE(reader.seek(0, opened.read_from).has_value());
  Partition partition(std::move(opened), rules, MonoTime{});
  activity::Decoder decoder;
  std::vector<std::int64_t> duplicates;
  while (partition.position() < partition.log_end()) {
    const auto events = reader.poll(std::chrono::milliseconds{0}).value();
    for (const LogEvent& event : events) {
      const std::int64_t before = partition.open_part().counts.duplicate;
      partition.take(std::get<Records>(event), decoder);
      if (partition.open_part().counts.duplicate != before) duplicates.push_back(partition.position() - 1);
    }
  }
  return duplicates;
}

// What a memory that was fed all records from `from` on takes for duplicates, behind `next`.
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

// Where a rebuild began, so that the test can say that every bound has decided.
struct Decided {
  int by_count = 0;
  int by_start = 0;
  int by_log_start = 0;
};

// Where the account of the one before ends. Mostly at a record that comes again from the very border of what
// the opening has read: the last offset of the window, often also at its last millisecond.
std::int64_t some_next(Log& log, LogWriter& writer) {
  const auto at = static_cast<std::size_t>(1 + writer.below(log_records - 1));
  Record& record = log.records[at];
  const Record& last = log.records[at - 1];
  if (writer.one_in(4)) return last.offset + 1 + writer.below(record.offset - last.offset);
  Record& sight = log.records[log.index_at(record.offset - log.events)];
  if (&sight >= &last) return record.offset;
  if (writer.one_in(2)) sight.time = last.time - log.window;
  record.time = last.time;
  record.id = sight.id = 1'000;
  record.is_letter = sight.is_letter = false;
  return record.offset;
}

// One log, and one process that takes it over in the middle.
void take_over(std::uint64_t seed, Decided& decided) {
  LogWriter writer(seed);
  Log log = writer.write(log_records);
  log.events = std::max<std::int64_t>(log.events, 1);  // as share_of() has it
  const std::int64_t next = some_next(log, writer);
  // Records before it were never counted; where the log is cut off, they are gone. Mostly both lie far back.
  const std::int64_t start = writer.one_in(3) ? writer.below(next + 1) : 0;
  const std::int64_t log_start = writer.one_in(3) ? writer.below(next + 1) : 0;
  for (Record& record : log.records)  // what comes later is judged by today's rules
    if (record.offset >= next && record.offset % 2 != 0) record.is_letter = false;

  FakeTopic topic(1);
  write_down(log, topic);
  const tally::LedgerRow ledger = account(topic, start, next);
  FakeLogReader reader(topic);
  reader.assign({0});
  ASSERT_EQ(reader.poll(std::chrono::milliseconds{0}).value().size(), 1U);
  reader.records_a_poll_max(1);

  const std::int64_t from = open(reader, log, ledger).read_from;
  topic.prune_before(0, log_start);
  decided.by_log_start += log_start > from;
  decided.by_start += from == start && start > 0;
  decided.by_count += from == next - log.events;
  // Where the log does not reach back as far as the window, nobody can know of more than is there.
  const std::int64_t known_from = std::max(start, log_start > from ? log_start : 0);
  EXPECT_EQ(duplicates_of_rebuilt(reader, open(reader, log, ledger)),
            duplicates_of_never_stopped(log, known_from, next))
      << "rebuilt from " << from << ", the log from " << log_start << ", the account from " << start << " to "
      << next;
}

TEST(RebuildProperty, APartitionThatIsTakenOverJudgesAsIfNobodyHadStopped) {
  Decided decided;
  for_each_seed(400, [&decided](std::uint64_t seed) { take_over(seed, decided); });
  if (one_seed_was_asked_for()) return;
  for (const int times : {decided.by_count, decided.by_start, decided.by_log_start})
    EXPECT_GT(times, 20) << "each bound decides";
}

}  // namespace
}  // namespace weir::consumer
