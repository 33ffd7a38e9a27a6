#include "consumer/partition_opener.hpp"

namespace weir::consumer {
namespace {

constexpr std::int64_t kept_hash = 77;

struct Situation {
  Watermarks bounds{.start = 0, .end = 1000};
  std::int64_t start_offset = 0;
  std::int64_t next_offset = 500;
  std::int64_t counted_from = 0;
  std::optional<std::int64_t> hash_in_ledger = kept_hash;
  std::optional<std::int64_t> hash_in_log = kept_hash;  // nullopt: the log has no such record
  std::int64_t dedupe_records = 100;
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  std::int32_t partitions = 1;
};

constexpr WallTime at_quarter_past_six{std::chrono::seconds{1'795'371'300}};  // 2026-11-22T18:15:00Z

// Opens a partition and answers its questions as `situation` says.
class Opener {
 public:
  explicit Opener(const Situation& situation)
      : situation_(situation),
        opener_(0,
                {.topic = "events",
                 .dedupe = {.window = std::chrono::seconds{600}, .records = situation.dedupe_records},
                 .on_offset_gone = situation.on_offset_gone},
                at_quarter_past_six) {}

  PartitionOpener& open() {
    while (!opener_.is_done()) {
      if (const std::optional<LogQuery> query = opener_.next_log_query())
        opener_.on_log_query_result(answer_log(*query));
      else
        respond(*opener_.next());
    }
    return opener_;
  }

  [[nodiscard]] const std::vector<commit::LedgerArchival>& archivals() const { return archivals_; }
  // Before the ledger row is archived, another process archives it and counts in the new row.
  void archive_first(const tally::LedgerRow& by) { archived_first_ = by; }

 private:
  LogQueryResult answer_log(const LogQuery& query) const {
    LogQueryResult found{.partitions = situation_.partitions, .bounds = situation_.bounds, .identity = {}};
    if (!query.identity_offset || !situation_.hash_in_log) return found;
    EXPECT_EQ(*query.identity_offset, situation_.next_offset - 1);
    found.identity = LogReader::RecordIdentity{.hash = *situation_.hash_in_log, .time = {}};
    return found;
  }
  void respond(commit::StoreCall call) {
    std::visit([this](auto& typed) { typed.respond(response_to(typed.request())); }, call);
  }
  Result<std::optional<tally::LedgerRow>> response_to(const commit::ArchiveLedger& request) {
    archivals_.push_back(request.archival);
    if (archived_first_) {
      situation_.next_offset = archived_first_->next_offset;
      situation_.start_offset = archived_first_->start_offset;
      situation_.hash_in_ledger = situation_.hash_in_log;
      archived_first_.reset();
      return std::nullopt;
    }
    const std::int64_t start = request.archival.start_offset;
    return tally::LedgerRow{.start_offset = start, .next_offset = start, .version = 8};
  }
  Result<tally::LedgerRow> response_to(const commit::OpenLedger& request) {
    EXPECT_EQ(request.start_offset, situation_.bounds.start);
    tally::LedgerRow row{.start_offset = situation_.start_offset,
                         .next_offset = situation_.next_offset,
                         .counted_from = situation_.counted_from,
                         .version = 7};
    row.last_record_hash = situation_.hash_in_ledger;
    row.read = row.tallied = situation_.next_offset - situation_.start_offset;
    return row;
  }
  Result<std::vector<WindowStart>> response_to(const commit::FindPendingRollups&) { return {}; }
  Result<std::vector<commit::DeadLetterId>> response_to(const commit::FindFailedReplays&) {
    return std::vector{commit::DeadLetterId{"events", 1, 5}};
  }
  Result<std::vector<std::int64_t>> response_to(const commit::FindDeadLetters& request) {
    EXPECT_EQ(request.to, situation_.next_offset);
    return std::vector{request.from};
  }
  template <class Request>
  typename Request::Response response_to(const Request&) {
    ADD_FAILURE() << "an opening sends no such request";
    return {};
  }

  Situation situation_;
  PartitionOpener opener_;
  std::vector<commit::LedgerArchival> archivals_;
  std::optional<tally::LedgerRow> archived_first_;
};

TEST(PartitionOpener, ReadsFromTheLatestOfItsBounds) {
  struct Case {
    std::string_view decides;
    Situation situation;
    std::int64_t read_from;
  };
  const std::array cases{
      Case{"the dedupe window", {}, 400},
      Case{"the dedupe window, without a record identity", {.hash_in_log = {}}, 400},
      Case{"its share of the dedupe window", {.dedupe_records = 1200, .partitions = 12}, 400},
      Case{"the start of the ledger row", {.start_offset = 480}, 480},
      Case{"the log's start", {.bounds = {.start = 490, .end = 1000}}, 490},
      Case{"a new ledger row",
           {.bounds = {.start = 7, .end = 9},
            .start_offset = 7,
            .next_offset = 7,
            .hash_in_ledger = {},
            .hash_in_log = {}},
           7},
      Case{"where counting began (KAFKA_START=latest)", {.counted_from = 470}, 470},
      Case{"next_offset, if nothing was counted yet (KAFKA_START=latest)", {.counted_from = 500}, 500},
  };
  for (const Case& each : cases) {
    Opener opener(each.situation);
    PartitionOpener& opening = opener.open();
    ASSERT_FALSE(opening.refusal()) << each.decides << ": " << *opening.refusal();
    const OpenedPartition opened = opening.take_opened();
    EXPECT_EQ(opened.read_from, each.read_from) << each.decides;
    EXPECT_EQ(opened.dead_letters.size(), each.read_from < each.situation.next_offset ? 1U : 0U)
        << each.decides;
  }
}

TEST(PartitionOpener, DetectsALogThatIsNotTheOneThatWasCounted) {
  struct Case {
    std::string_view what;
    Situation situation;
    bool refused;
    bool warned;
  };
  constexpr OnOffsetGone earliest = OnOffsetGone::earliest;
  // The tests below cover another log under `earliest`.
  const std::array cases{
      Case{"the same log", {}, false, false},
      Case{"another record before next_offset", {.hash_in_log = 78}, true, false},
      Case{"a log that ends before next_offset", {.bounds = {.start = 0, .end = 499}}, true, false},
      Case{"a log that ends at next_offset", {.bounds = {.start = 0, .end = 500}}, false, false},
      Case{"the record is gone, later ones are there", {.hash_in_log = {}}, false, true},
      Case{"no hash was kept, no record is there", {.hash_in_ledger = {}, .hash_in_log = {}}, false, false},
      Case{"no hash was kept, and a record is there", {.hash_in_ledger = {}}, true, false},
      Case{"offsets are gone", {.bounds = {.start = 501, .end = 1000}, .hash_in_log = {}}, true, false},
      Case{"offsets are gone, and earliest",
           {.bounds = {.start = 501, .end = 1000}, .hash_in_log = {}, .on_offset_gone = earliest},
           false,
           true},
  };
  for (const Case& each : cases) {
    Opener opener(each.situation);
    PartitionOpener& opening = opener.open();
    EXPECT_EQ(opening.refusal().has_value(), each.refused) << each.what;
    EXPECT_EQ(opening.warning().has_value(), each.warned) << each.what;
    const std::string refusal = opening.refusal().value_or("at 500");
    EXPECT_NE(refusal.find("500"), std::string::npos) << refusal;
  }
}

TEST(PartitionOpener, ArchivesTheLedgerRowOfAnotherLog) {
  constexpr OnOffsetGone earliest = OnOffsetGone::earliest;
  for (const Situation& situation :
       {Situation{.bounds = {.start = 30, .end = 1000}, .hash_in_log = 78, .on_offset_gone = earliest},
        Situation{.bounds = {.start = 30, .end = 40}, .hash_in_log = {}, .on_offset_gone = earliest}}) {
    Opener opener(situation);
    PartitionOpener& opening = opener.open();
    ASSERT_EQ(opener.archivals().size(), 1U);
    const commit::LedgerArchival& archival = opener.archivals()[0];
    EXPECT_EQ(archival.as_topic, "events~20261122T181500Z");
    EXPECT_EQ(archival.seen.next_offset, 500);
    EXPECT_EQ(archival.seen.version, 7);
    EXPECT_EQ(archival.start_offset, 30);
    ASSERT_FALSE(opening.refusal());
    EXPECT_NE(opening.warning().value_or("").find("events~20261122T181500Z"), std::string::npos);
    const OpenedPartition opened = opening.take_opened();
    EXPECT_EQ(opened.ledger.version, 8);
    EXPECT_EQ(opened.read_from, 30);
    EXPECT_EQ(opened.log_end, situation.bounds.end);
  }
}

TEST(PartitionOpener, StartsAgainWhenAnotherProcessArchivedTheRowFirst) {
  Opener opener(
      {.bounds = {.start = 0, .end = 40}, .hash_in_log = {}, .on_offset_gone = OnOffsetGone::earliest});
  opener.archive_first({.start_offset = 0, .next_offset = 20});
  PartitionOpener& opening = opener.open();
  EXPECT_EQ(opener.archivals().size(), 1U);
  EXPECT_FALSE(opening.refusal() || opening.failure() || opening.warning());
  EXPECT_EQ(opening.take_opened().ledger.next_offset, 20);
}

TEST(PartitionOpener, DividesTheDedupeWindowAndLeavesEachPartitionAtLeastOneRecord) {
  EXPECT_EQ(share_of({.records = 1'000'000}, 12).records, 83'333);
  EXPECT_EQ(share_of({.records = 5}, 12).records, 1);
  Opener opener({.dedupe_records = 100, .partitions = 4});
  EXPECT_EQ(opener.open().take_opened().dedupe.records, 25);
}

TEST(PartitionOpener, ReadsFromTheLogsStartWhenOffsetsAreGone) {
  Opener opener(
      {.bounds = {.start = 600, .end = 1000}, .hash_in_log = {}, .on_offset_gone = OnOffsetGone::earliest});
  EXPECT_EQ(opener.open().take_opened().read_from, 600);
}

TEST(PartitionOpener, FailsAndNamesTheCountsWhenTheLedgerRowDoesNotAddUp) {
  PartitionOpener opening(0, {}, WallTime{});
  opening.on_log_query_result({.partitions = 1, .bounds = {.start = 0, .end = 9}, .identity = {}});
  std::get<commit::Call<commit::OpenLedger>>(opening.next().value())
      .respond(tally::LedgerRow{.next_offset = 7, .read = 7, .tallied = 6});
  EXPECT_TRUE(opening.is_done());
  ASSERT_TRUE(opening.failure().has_value());
  EXPECT_EQ(opening.failure()->kind, ErrorKind::invalid) << "a restart would not help";
  EXPECT_NE(opening.failure()->text.find("read 7 tallied 6"), std::string::npos) << opening.failure()->text;
}

TEST(PartitionOpener, FailsWithTheStoresError) {
  PartitionOpener opening(0, {}, WallTime{});
  opening.on_log_query_result({.partitions = 1, .bounds = {.start = 0, .end = 0}, .identity = {}});
  std::get<commit::Call<commit::OpenLedger>>(opening.next().value())
      .respond(fail(ErrorKind::unavailable, "store_away", "the store is away"));
  EXPECT_TRUE(opening.is_done());
  ASSERT_TRUE(opening.failure().has_value());
  EXPECT_EQ(opening.failure()->code, "store_away");
}

}  // namespace
}  // namespace weir::consumer
