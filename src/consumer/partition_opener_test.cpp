#include "consumer/partition_opener.hpp"

namespace weir::consumer {
namespace {

constexpr std::int64_t kept_hash = 77;

struct Setting {
  Watermarks bounds{.start = 0, .end = 1000};
  std::int64_t start_offset = 0;
  std::int64_t next_offset = 500;
  std::int64_t counted_from = 0;
  std::optional<std::int64_t> hash_in_ledger = kept_hash;
  std::optional<std::int64_t> hash_in_log = kept_hash;  // nothing: the record yields no more
  std::int64_t dedupe_records = 100;
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  std::int32_t partitions = 1;
};

constexpr WallTime at_quarter_past_six{std::chrono::seconds{1'795'371'300}};  // 2026-11-22T18:15:00Z

// Answers everything that the opening asks, as the setting has it.
class Opener {
 public:
  explicit Opener(const Setting& setting)
      : setting_(setting),
        opening_(0,
                 {.topic = "events",
                  .dedupe = {.window = std::chrono::seconds{600}, .records = setting.dedupe_records},
                  .on_offset_gone = setting.on_offset_gone},
                 at_quarter_past_six) {}

  PartitionOpener& open() {
    while (!opening_.done()) {
      if (const std::optional<LogQuery> survey = opening_.survey())
        opening_.surveyed(look(*survey));
      else
        respond(*opening_.next());
    }
    return opening_;
  }

  [[nodiscard]] const std::vector<commit::LedgerArchival>& retirements() const { return retirements_; }
  // Before the account is put away, somebody else does it and counts in the new one.
  void overtake_once(const tally::LedgerRow& by) { overtaken_by_ = by; }

 private:
  LogQueryResult look(const LogQuery& survey) const {
    LogQueryResult found{.partitions = setting_.partitions, .bounds = setting_.bounds, .identity = {}};
    if (!survey.identity_offset || !setting_.hash_in_log) return found;
    EXPECT_EQ(*survey.identity_offset, setting_.next_offset - 1);
    found.identity = LogReader::RecordIdentity{.hash = *setting_.hash_in_log, .time = {}};
    return found;
  }
  void respond(commit::StoreCall call) {
    std::visit([this](auto& typed) { typed.respond(response_to(typed.request())); }, call);
  }
  Result<std::optional<tally::LedgerRow>> response_to(const commit::ArchiveLedger& request) {
    retirements_.push_back(request.archival);
    if (overtaken_by_) {
      setting_.next_offset = overtaken_by_->next_offset;
      setting_.start_offset = overtaken_by_->start_offset;
      setting_.hash_in_ledger = setting_.hash_in_log;
      overtaken_by_.reset();
      return std::nullopt;
    }
    const std::int64_t start = request.archival.start_offset;
    return tally::LedgerRow{.start_offset = start, .next_offset = start, .version = 8};
  }
  Result<tally::LedgerRow> response_to(const commit::OpenLedger& request) {
    EXPECT_EQ(request.start_offset, setting_.bounds.start);
    tally::LedgerRow row{.start_offset = setting_.start_offset,
                         .next_offset = setting_.next_offset,
                         .counted_from = setting_.counted_from,
                         .version = 7};
    row.last_record_hash = setting_.hash_in_ledger;
    row.read = row.tallied = setting_.next_offset - setting_.start_offset;
    return row;
  }
  Result<std::vector<WindowStart>> response_to(const commit::FindPendingRollups&) { return {}; }
  Result<std::vector<std::int64_t>> response_to(const commit::FindDeadLetters& request) {
    EXPECT_EQ(request.to, setting_.next_offset);
    return std::vector{request.from};
  }
  template <class Request>
  typename Request::Response response_to(const Request&) {
    ADD_FAILURE() << "an opening sends no such request";
    return {};
  }

  Setting setting_;
  PartitionOpener opening_;
  std::vector<commit::LedgerArchival> retirements_;
  std::optional<tally::LedgerRow> overtaken_by_;
};

TEST(PartitionOpener, RebuildsFromTheLatestOfItsBounds) {
  struct Case {
    std::string_view decides;
    Setting setting;
    std::int64_t read_from;
  };
  const std::array cases{
      Case{"the window in records", {}, 400},
      Case{"the window in records, without a record identity", {.hash_in_log = {}}, 400},
      Case{"its share of the window in records", {.dedupe_records = 1200, .partitions = 12}, 400},
      Case{"the account's start", {.start_offset = 480}, 480},
      Case{"the log's start", {.bounds = {.start = 490, .end = 1000}}, 490},
      Case{"a fresh account",
           {.bounds = {.start = 7, .end = 9},
            .start_offset = 7,
            .next_offset = 7,
            .hash_in_ledger = {},
            .hash_in_log = {}},
           7},
      Case{"where counting began (KAFKA_START=latest)", {.counted_from = 470}, 470},
      Case{"next_offset, where nothing was counted yet (KAFKA_START=latest)", {.counted_from = 500}, 500},
  };
  for (const Case& each : cases) {
    Opener opener(each.setting);
    PartitionOpener& opening = opener.open();
    ASSERT_FALSE(opening.refusal()) << each.decides << ": " << *opening.refusal();
    const OpenedPartition opened = opening.take_opened();
    EXPECT_EQ(opened.read_from, each.read_from) << each.decides;
    EXPECT_EQ(opened.letters.size(), each.read_from < each.setting.next_offset ? 1U : 0U) << each.decides;
  }
}

TEST(PartitionOpener, TellsALogThatIsNotTheOneThatWasCounted) {
  struct Case {
    std::string_view what;
    Setting setting;
    bool refused;
    bool remarked;
  };
  constexpr OnOffsetGone earliest = OnOffsetGone::earliest;
  // A log that is another one under `earliest` is in the tests below.
  const std::array cases{
      Case{"the same log", {}, false, false},
      Case{"another record before next_offset", {.hash_in_log = 78}, true, false},
      Case{"a log that ends before next_offset", {.bounds = {.start = 0, .end = 499}}, true, false},
      Case{"a log that ends at next_offset", {.bounds = {.start = 0, .end = 500}}, false, false},
      Case{"the record is gone, the rest is there", {.hash_in_log = {}}, false, true},
      Case{"no hash was kept, no record is there", {.hash_in_ledger = {}, .hash_in_log = {}}, false, false},
      Case{"no hash was kept, and a record is there", {.hash_in_ledger = {}}, true, false},
      Case{"offsets are gone", {.bounds = {.start = 501, .end = 1000}, .hash_in_log = {}}, true, false},
      Case{"offsets are gone, and earliest",
           {.bounds = {.start = 501, .end = 1000}, .hash_in_log = {}, .on_offset_gone = earliest},
           false,
           true},
  };
  for (const Case& each : cases) {
    Opener opener(each.setting);
    PartitionOpener& opening = opener.open();
    EXPECT_EQ(opening.refusal().has_value(), each.refused) << each.what;
    EXPECT_EQ(opening.remark().has_value(), each.remarked) << each.what;
    const std::string said = opening.refusal().value_or("at 500");
    EXPECT_NE(said.find("500"), std::string::npos) << said;
  }
}

TEST(PartitionOpener, PutsTheAccountAwayWhenTheLogIsAnotherOne) {
  constexpr OnOffsetGone earliest = OnOffsetGone::earliest;
  for (const Setting& setting :
       {Setting{.bounds = {.start = 30, .end = 1000}, .hash_in_log = 78, .on_offset_gone = earliest},
        Setting{.bounds = {.start = 30, .end = 40}, .hash_in_log = {}, .on_offset_gone = earliest}}) {
    Opener opener(setting);
    PartitionOpener& opening = opener.open();
    ASSERT_EQ(opener.retirements().size(), 1U);
    const commit::LedgerArchival& retirement = opener.retirements()[0];
    EXPECT_EQ(retirement.as_topic, "events~20261122T181500Z");
    EXPECT_EQ(retirement.seen.next_offset, 500);
    EXPECT_EQ(retirement.seen.version, 7);
    EXPECT_EQ(retirement.start_offset, 30);
    ASSERT_FALSE(opening.refusal());
    EXPECT_NE(opening.remark().value_or("").find("events~20261122T181500Z"), std::string::npos);
    const OpenedPartition opened = opening.take_opened();
    EXPECT_EQ(opened.ledger.version, 8);
    EXPECT_EQ(opened.read_from, 30);
    EXPECT_EQ(opened.log_end, setting.bounds.end);
  }
}

TEST(PartitionOpener, BeginsAnewWhenSomebodyElsePutTheAccountAwayFirst) {
  Opener opener(
      {.bounds = {.start = 0, .end = 40}, .hash_in_log = {}, .on_offset_gone = OnOffsetGone::earliest});
  opener.overtake_once({.start_offset = 0, .next_offset = 20});
  PartitionOpener& opening = opener.open();
  EXPECT_EQ(opener.retirements().size(), 1U);
  EXPECT_FALSE(opening.refusal() || opening.failure() || opening.remark());
  EXPECT_EQ(opening.take_opened().ledger.next_offset, 20);
}

TEST(PartitionOpener, SharesTheDedupeAmongThePartitionsAndLeavesEachAtLeastOne) {
  EXPECT_EQ(share_of({.records = 1'000'000}, 12).records, 83'333);
  EXPECT_EQ(share_of({.records = 5}, 12).records, 1);
  Opener opener({.dedupe_records = 100, .partitions = 4});
  EXPECT_EQ(opener.open().take_opened().dedupe.records, 25);
}

TEST(PartitionOpener, BeginsWhereTheLogDoesWhenOffsetsAreGone) {
  Opener opener(
      {.bounds = {.start = 600, .end = 1000}, .hash_in_log = {}, .on_offset_gone = OnOffsetGone::earliest});
  EXPECT_EQ(opener.open().take_opened().read_from, 600);
}

TEST(PartitionOpener, EndsWhereTheLedgerRowDoesNotAddUpAndSaysWhatItFound) {
  PartitionOpener opening(0, {}, WallTime{});
  opening.surveyed({.partitions = 1, .bounds = {.start = 0, .end = 9}, .identity = {}});
  std::get<commit::Call<commit::OpenLedger>>(opening.next().value())
      .respond(tally::LedgerRow{.next_offset = 7, .read = 7, .tallied = 6});
  EXPECT_TRUE(opening.done());
  ASSERT_TRUE(opening.failure().has_value());
  EXPECT_EQ(opening.failure()->kind, ErrorKind::invalid) << "a restart would find it again";
  EXPECT_NE(opening.failure()->text.find("read 7 tallied 6"), std::string::npos) << opening.failure()->text;
}

TEST(PartitionOpener, EndsWithTheStoresError) {
  PartitionOpener opening(0, {}, WallTime{});
  opening.surveyed({.partitions = 1, .bounds = {.start = 0, .end = 0}, .identity = {}});
  std::get<commit::Call<commit::OpenLedger>>(opening.next().value())
      .respond(fail(ErrorKind::unavailable, "store_away", "the store is away"));
  EXPECT_TRUE(opening.done());
  ASSERT_TRUE(opening.failure().has_value());
  EXPECT_EQ(opening.failure()->code, "store_away");
}

}  // namespace
}  // namespace weir::consumer
