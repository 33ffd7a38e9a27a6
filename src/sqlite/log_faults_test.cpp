// The disk fails at its n-th call, for n = 1, 2, 3… until the story is over before it does. Whatever happens:
// what was answered `kept` stands in the log, what was answered `not_kept` does not, a request stands whole
// or not at all, and the file is sound.
#include "sqlite/testing/fake_vfs.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::sqlite {
namespace {

using intake::Receipt;
using intake::StoredRecord;
using intake::event_log_contract::Answers;
using intake::event_log_contract::request;

constexpr std::size_t days = 2;
constexpr int records_a_request = 3;
constexpr int pruned_requests = 4;  // the first that were kept, whichever they are

struct FaultCase {
  std::string name;
  FakeVfs::Fault fault;
};

class EmbeddedLogFaults : public testing::TestWithParam<FaultCase> {
 protected:
  // One life of a log, and what it told.
  struct Life {
    explicit Life(const FakeVfs& disk)
        : world({.checkpoint_bytes = 64 * limits::KiB,
                 .probe_interval = std::chrono::hours(1),
                 .vfs = disk.name()}) {}

    void append(std::size_t bytes) {
      const std::string id = std::to_string(requests++);
      std::vector<StoredRecord> records;
      for (int i = 0; i < records_a_request; ++i)
        records.push_back({id, std::to_string(i) + std::string(bytes, 'x'), {}});
      world.log().append(request(records), answers.expect(requests - 1));
    }
    void append_and_wait(std::size_t bytes) {
      append(bytes);
      answers.all();
    }

    Answers answers;
    int requests = 0;
    LogUnderTest world;
  };

  // Opens, appends one at a time and many at a time, more than the page cache holds, writes back, prunes,
  // stops, and does it again.
  static void tell(Life& life) {
    for (std::size_t day = 0; day < days; ++day) {
      if (!life.world.open()) return;
      for (int i = 0; i < 6; ++i) life.append_and_wait(10);
      for (int i = 0; i < 8; ++i) life.append(2000);
      life.answers.all();
      life.world.log().prune_before(pruned_requests * records_a_request, RecordTime::max());
      life.append_and_wait(10);
      if (day > 0) life.append_and_wait(700'000);
      life.append_and_wait(10);
      life.world.log().stop(std::chrono::seconds(30));
    }
    life.world.close();
  }

  static void expect_truth(Life& life, int nth) {
    auto opened = life.world.open();
    ASSERT_TRUE(opened) << nth << ": " << opened.error().text;
    auto database = Database::open(life.world.file(), {.kind = event_log_file, .schema = ""});
    ASSERT_TRUE(database) << nth;
    auto sound = database->prepare("PRAGMA integrity_check");
    ASSERT_TRUE(sound && sound->step().value()) << nth;
    EXPECT_EQ(sound->text(0), "ok") << nth;
    sound->reset();

    auto all = life.world.everything();
    ASSERT_TRUE(all) << nth << ": " << all.error().text;
    std::map<std::string, int> found;
    std::optional<std::int64_t> last;
    for (const auto& record : *all) {
      EXPECT_EQ(record.offset, last.value_or(record.offset - 1) + 1) << nth;
      last = record.offset;
      EXPECT_EQ(record.value[0] - '0', found[record.key]++) << nth << ": request " << record.key;
    }
    EXPECT_EQ(life.world.log().health().end, last.value_or(-1) + 1) << nth;
    int kept_before = 0;
    for (const auto& [place, receipts] : life.answers.all()) {
      const int count = found[std::to_string(place)];
      const std::string where = std::to_string(nth) + ": request " + std::to_string(place);
      EXPECT_TRUE(count == 0 || count == records_a_request) << where;
      EXPECT_TRUE(count == 0 || receipts.all != Receipt::not_kept) << where;
      EXPECT_TRUE(count > 0 || receipts.all != Receipt::kept || kept_before < pruned_requests) << where;
      if (receipts.all == Receipt::kept) ++kept_before;
    }
  }
};

TEST_P(EmbeddedLogFaults, Fault31BreakNoPromiseWhereverTheyStrike) {
  int strikes = 0;
  // Far on, a large commit writes page after page: there, not each of them.
  for (int nth = 1;; nth += nth < 70 ? 1 : 97) {
    ASSERT_LT(nth, 5000) << "the story has an end";
    FakeVfs disk;
    Life life(disk);
    auto fault = GetParam().fault;
    fault.nth = nth;
    disk.inject(fault);
    tell(life);
    life.world.close();
    const bool struck = disk.fired();
    const bool sync_failed = struck && fault.call == FakeVfs::Call::sync;
    EXPECT_LE(life.world.fatal().size(), sync_failed ? days : 0U) << nth;
    disk.mend();
    ASSERT_NO_FATAL_FAILURE(expect_truth(life, nth));
    EXPECT_EQ(intake::event_log_contract::append_and_wait(life.world.log(), {{"after", "0", {}}}).all,
              Receipt::kept);
    life.world.close();
    if (!struck) break;
    ++strikes;
  }
  EXPECT_GT(strikes, 0);
}

using Call = FakeVfs::Call;
const FaultCase cases[]{
    {"NoSpaceOnce", {.call = Call::write, .no_space = true}},
    {"NoSpaceForGood", {.call = Call::write, .no_space = true, .for_good = true}},
    {"WriteOnce", {.call = Call::write}},
    {"WriteForGood", {.call = Call::write, .for_good = true}},
    {"Sync", {.call = Call::sync}},
    {"SyncForGood", {.call = Call::sync, .for_good = true}},
    {"Truncate", {.call = Call::truncate}},
    {"Read", {.call = Call::read}},
    {"ReadForGood", {.call = Call::read, .for_good = true}},
    {"Open", {.call = Call::open}},
    {"Remove", {.call = Call::remove}},
};
INSTANTIATE_TEST_SUITE_P(Disk, EmbeddedLogFaults, testing::ValuesIn(cases),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weir::sqlite
