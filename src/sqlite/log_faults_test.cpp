// The disk fails at its n-th call, for n = 1, 2, 3… until the script ends without a failure. Each time: a
// request with the receipt `kept` is in the log, one with `not_kept` is not, no request is there in part, and
// the file is intact.
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
constexpr int pruned_requests = 4;  // the first ones that were kept

struct FaultCase {
  std::string name;
  FakeVfs::Fault fault;
};

class EmbeddedLogFaults : public testing::TestWithParam<FaultCase> {
 protected:
  // One run of a log, with all receipts.
  struct Run {
    explicit Run(const FakeVfs& disk)
        : log({.checkpoint_bytes = 64 * limits::KiB,
               .probe_interval = std::chrono::hours(1),
               .vfs = disk.name()}) {}

    void append(std::size_t bytes) {
      const std::string id = std::to_string(requests++);
      std::vector<StoredRecord> records;
      for (int i = 0; i < records_a_request; ++i)
        records.push_back({id, std::to_string(i) + std::string(bytes, 'x'), {}});
      log.log().append(request(records), answers.expect(requests - 1));
    }
    void append_and_wait(std::size_t bytes) {
      append(bytes);
      answers.all();
    }

    Answers answers;
    int requests = 0;
    LogUnderTest log;
  };

  // Opens, appends one at a time and many at a time, more than the page cache holds, checkpoints, prunes and
  // stops. Then the same again.
  static void run_script(Run& run) {
    for (std::size_t day = 0; day < days; ++day) {
      if (!run.log.open()) return;
      for (int i = 0; i < 6; ++i) run.append_and_wait(10);
      for (int i = 0; i < 8; ++i) run.append(2000);
      run.answers.all();
      run.log.log().prune_before(pruned_requests * records_a_request, RecordTime::max());
      run.append_and_wait(10);
      if (day > 0) run.append_and_wait(700'000);
      run.append_and_wait(10);
      run.log.log().stop(std::chrono::seconds(30));
    }
    run.log.close();
  }

  static void expect_receipts_are_true(Run& run, int nth) {
    auto opened = run.log.open();
    ASSERT_TRUE(opened) << nth << ": " << opened.error().text;
    auto database = Database::open(run.log.file(), {.kind = event_log_file});
    ASSERT_TRUE(database) << nth;
    auto sound = database->prepare("PRAGMA integrity_check");
    ASSERT_TRUE(sound && sound->step().value()) << nth;
    EXPECT_EQ(sound->text(0), "ok") << nth;
    sound->reset();

    auto all = run.log.everything();
    ASSERT_TRUE(all) << nth << ": " << all.error().text;
    std::map<std::string, int> found;
    std::optional<std::int64_t> last;
    for (const auto& record : *all) {
      EXPECT_EQ(record.offset, last.value_or(record.offset - 1) + 1) << nth;
      last = record.offset;
      EXPECT_EQ(record.value[0] - '0', found[record.key]++) << nth << ": request " << record.key;
    }
    EXPECT_EQ(run.log.log().health().end, last.value_or(-1) + 1) << nth;
    int kept_before = 0;
    for (const auto& [place, receipts] : run.answers.all()) {
      const int count = found[std::to_string(place)];
      const std::string where = std::to_string(nth) + ": request " + std::to_string(place);
      EXPECT_TRUE(count == 0 || count == records_a_request) << where;
      EXPECT_TRUE(count == 0 || receipts.all != Receipt::not_kept) << where;
      EXPECT_TRUE(count > 0 || receipts.all != Receipt::kept || kept_before < pruned_requests) << where;
      if (receipts.all == Receipt::kept) ++kept_before;
    }
  }
};

TEST_P(EmbeddedLogFaults, Fault31LeaveEveryReceiptTrue) {
  int strikes = 0;
  // Later calls are mostly pages of large commits, of which a sample is enough.
  for (int nth = 1;; nth += nth < 70 ? 1 : 97) {
    ASSERT_LT(nth, 5000) << "the script ends";
    FakeVfs disk;
    Run run(disk);
    auto fault = GetParam().fault;
    fault.nth = nth;
    disk.inject(fault);
    run_script(run);
    run.log.close();
    const bool struck = disk.fired();
    const bool sync_failed = struck && fault.call == FakeVfs::Call::sync;
    EXPECT_LE(run.log.fatal().size(), sync_failed ? days : 0U) << nth;
    disk.clear_fault();
    ASSERT_NO_FATAL_FAILURE(expect_receipts_are_true(run, nth));
    EXPECT_EQ(intake::event_log_contract::append_and_wait(run.log.log(), {{"after", "0", {}}}).all,
              Receipt::kept);
    run.log.close();
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
