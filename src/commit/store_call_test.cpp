#include "commit/store_call.hpp"

#include <type_traits>

#include "commit/testing/fake_metrics_store.hpp"

namespace weir::commit {
namespace {

// Whether a Call<Request> accepts a function that receives this Response, and whether it accepts this
// Response.
template <class Request, class Response>
constexpr bool receives = std::is_constructible_v<Call<Request>, Request, void (*)(Response)>;
template <class Request, class Response>
concept RespondsWith = requires(Call<Request> call, Response response) { call.respond(std::move(response)); };

static_assert(receives<OpenLedger, Result<tally::LedgerRow>>);
static_assert(RespondsWith<OpenLedger, Result<tally::LedgerRow>>);
static_assert(!receives<OpenLedger, Result<std::vector<std::int64_t>>>);
static_assert(!receives<ArchiveLedger, Result<tally::LedgerRow>>);
static_assert(!RespondsWith<OpenLedger, Result<std::optional<tally::LedgerRow>>>);
static_assert(!receives<FindDeadLetters, Result<std::vector<WindowStart>>>);
static_assert(!RespondsWith<Begin, Result<std::vector<std::int64_t>>>);
static_assert(!receives<ReadWindows, Result<std::vector<tally::WindowRow>>>);
static_assert(!receives<Write, CommitOutcome>);
static_assert(!RespondsWith<Commit, Result<Written>>);
static_assert(!RespondsWith<Rollback, CommitOutcome>);

TEST(StoreCall, PassesTheResponseOfTheStoreToItsReceiver) {
  FakeDatabase database;
  FakeMetricsStore store(database, "the-group");
  std::optional<tally::LedgerRow> opened;
  execute(Call(OpenLedger{.partition = 3, .start_offset = 40, .now = {}},
               [&opened](Result<tally::LedgerRow> row) { opened = row.value(); }),
          store);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->partition, 3);
  EXPECT_EQ(opened->next_offset, 40);
}

TEST(StoreCall, PassesAnErrorOfTheStoreToItsReceiver) {
  FakeDatabase database;
  database.faults = [](StoreStep) { return Fault::refused; };
  FakeMetricsStore store(database, "the-group");
  std::optional<Error> failure;
  execute(Call(FindPendingRollups{3},
               [&failure](Result<std::vector<WindowStart>> minutes) { failure = minutes.error(); }),
          store);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, "store_away");
}

TEST(StoreCall, ReturnsItsRequestByType) {
  const StoreCall call = Call(FindPendingRollups{3}, [](Result<std::vector<WindowStart>>) {});
  ASSERT_NE(request_if<FindPendingRollups>(call), nullptr);
  EXPECT_EQ(request_if<FindPendingRollups>(call)->partition, 3);
  EXPECT_EQ(request_if<Begin>(call), nullptr);
}

}  // namespace
}  // namespace weir::commit
