// Failures between the store and a real PostgreSQL, and the errors that the store returns.
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "integration/postgres_proxy.hpp"
#include "integration/postgres_store_fixture.hpp"
#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

using commit::CommitStatus;
using commit::store_contract::fence_of;
using commit::store_contract::minute;
using commit::store_contract::moved_on;
using commit::store_contract::total;
using commit::store_contract::written;
using tally::Granularity;
using namespace std::chrono_literals;

const auto* const server = testing::AddGlobalTestEnvironment(new SharedServer);

constexpr const char* store_name = "the store";

class StoreFaults : public testing::Test {
 protected:
  [[nodiscard]] MetricsStoreOptions options() const {
    MetricsStoreOptions options = database_.options();
    options.connection.application_name = store_name;
    return options;
  }
  [[nodiscard]] MetricsStoreOptions options_through(const Proxy& proxy) const {
    MetricsStoreOptions through = options();
    through.connection.url += " host=" + proxy.host();
    return through;
  }
  [[nodiscard]] std::string server_folder() const {
    const Keywords keywords = keywords_of(database_.options().connection).value();
    return std::ranges::find(keywords, "host", &Keywords::value_type::first)->second;
  }

  static tally::LedgerRow open(PostgresMetricsStore& store, std::int32_t partition = 0) {
    auto opened = store.open_ledger(partition, 0, written);
    EXPECT_TRUE(opened.has_value()) << opened.error().text;
    return opened.value_or(tally::LedgerRow{});
  }

  // Runs one whole transaction and calls `before_step` before each step. Returns the step that failed ("" if
  // none), with the error.
  struct Outcome {
    std::string failed_at;
    CommitStatus end = CommitStatus::aborted;
    Error why;
  };
  static Outcome transact(
      PostgresMetricsStore& store, const tally::LedgerRow& before,
      const std::function<void(const std::string&)>& before_step = [](const auto&) {}) {
    const tally::WindowRow window = total(Granularity::minute, minute(0), 1);
    before_step("begin");
    auto held = store.begin(std::array{fence_of(before)});
    if (!held) return {"begin", CommitStatus::aborted, held.error()};
    if (held->empty()) return {"fence", CommitStatus::aborted, {}};
    before_step("read");
    if (auto read = store.read_windows(std::array{window.key}, limits::step_bytes_max); !read)
      return {"read", CommitStatus::aborted, read.error()};
    before_step("write");
    auto wrote = store.write({.written_at = written, .windows = {window}, .ledgers = {moved_on(before, 1)}});
    if (!wrote) return {"write", CommitStatus::aborted, wrote.error()};
    before_step("commit");
    const commit::CommitOutcome answer = store.commit();
    return {answer.status == CommitStatus::committed ? "" : "commit", answer.status, answer.why};
  }

  void expect_that_all_works(PostgresMetricsStore& store) {
    const Outcome outcome = transact(store, open(store));
    EXPECT_EQ(outcome.failed_at, "") << outcome.why.text;
  }

  // Ends the session of the store on the server, and waits until it has ended.
  void kill_session() {
    const Rows killed = other_.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1::text",
        Parameters().add(store_name));
    ASSERT_EQ(killed.count(), 1);
    ASSERT_EQ(killed.number(0, 0), 1);
  }

  StoreDatabase database_;
  TestConnection other_ = database_.connect();
};

TEST_F(StoreFaults, IsConstructedWithoutADatabaseAndThenUnavailable) {
  MetricsStoreOptions away = options();
  away.connection.url = "host=/nowhere dbname=x";
  PostgresMetricsStore store(away);
  for (int round = 0; round < 3; ++round) {
    auto answer = store.open_ledger(0, 0, written);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(answer.error().code, code_lost);
  }
  store.rollback();
  EXPECT_EQ(store.commit().status, CommitStatus::aborted);
}

TEST_F(StoreFaults, Fault29LosesOnlyTheTransactionWhenItsSessionIsKilledAtAnyStep) {
  PostgresMetricsStore store(options());
  for (const std::string step : {"begin", "read", "write", "commit"}) {
    const tally::LedgerRow before = open(store);
    const Outcome outcome = transact(store, before, [&](const std::string& at) {
      if (at == step) kill_session();
    });
    EXPECT_EQ(outcome.failed_at, step);
    EXPECT_EQ(outcome.why.kind, ErrorKind::unavailable) << outcome.why.text;
    EXPECT_EQ(outcome.why.code, code_lost) << outcome.why.text;
    EXPECT_EQ(outcome.end, step == "commit" ? CommitStatus::unknown : CommitStatus::aborted);
    EXPECT_EQ(open(store), before) << step;
    expect_that_all_works(store);
  }
}

TEST_F(StoreFaults, Fault23ReportsUnknownForALostCommitAnswerAndFindsOutByTheLedger) {
  struct Case {
    Proxy::Fault fault;
    bool was_written;
  };
  Proxy proxy(server_folder());
  for (const auto& [fault, was_written] :
       {Case{Proxy::Fault::cut_before, false}, Case{Proxy::Fault::cut_after, true}}) {
    PostgresMetricsStore store(options_through(proxy));
    const tally::LedgerRow before = open(store);
    const Outcome outcome = transact(store, before, [&proxy, fault = fault](const std::string& at) {
      if (at == "commit") proxy.fail_at(fault, "weir_commit");
    });
    ASSERT_TRUE(proxy.has_failed());
    EXPECT_EQ(outcome.end, CommitStatus::unknown);
    EXPECT_EQ(outcome.why.kind, ErrorKind::unavailable);
    // The same again: its fence waits for the end of the old session, and so finds the outcome.
    EXPECT_EQ(transact(store, before).failed_at, was_written ? "fence" : "");
    store.rollback();
    EXPECT_EQ(open(store), moved_on(before, 1));
  }
}

TEST_F(StoreFaults, SendsNoWriteBeforeTheAnswerOfTheFence) {
  Proxy proxy(server_folder());
  PostgresMetricsStore store(options_through(proxy));
  const tally::LedgerRow before = open(store);
  const std::size_t opened = proxy.sent().size();
  ASSERT_EQ(transact(store, moved_on(before, 1)).failed_at, "fence");
  const std::string sent_behind_a_lost_fence = proxy.sent().substr(opened);
  EXPECT_NE(sent_behind_a_lost_fence.find("weir_fence"), std::string::npos);
  store.rollback();
  ASSERT_EQ(transact(store, before,
                     [&](const std::string& at) {
                       if (at != "read") return;
                       for (const std::string_view write :
                            {"INSERT", "DELETE", "weir_put", "weir_set", "weir_commit"})
                         EXPECT_EQ(proxy.sent().find(write, opened), std::string::npos) << write;
                     })
                .failed_at,
            "");
  EXPECT_NE(proxy.sent().find("weir_put_windows", opened), std::string::npos);
}

// A process that is stopped inside of its transaction.
TEST_F(StoreFaults, WaitsForAStoppedProcessNoLongerThanItsIdleTimeout) {
  MetricsStoreOptions stopped = options();
  stopped.connection.idle_in_transaction_timeout = 300ms;
  PostgresMetricsStore zombie(stopped);
  PostgresMetricsStore successor(options());
  const tally::LedgerRow before = open(zombie);
  ASSERT_EQ(zombie.begin(std::array{fence_of(before)}).value().size(), 1U);
  const MonoTime begun = read_clock().mono;
  EXPECT_EQ(transact(successor, before).failed_at, "");
  EXPECT_LT(read_clock().mono - begun, 15s);
  auto late = zombie.write({.written_at = written, .ledgers = {moved_on(before, 1)}});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(late.error().code, commit::code_idle_in_transaction) << late.error().text;
  EXPECT_EQ(zombie.commit().status, CommitStatus::aborted);
  EXPECT_EQ(transact(zombie, before).failed_at, "fence");
}

// A large statement cannot be sent to a server that has closed the session. libpq then reports a broken pipe,
// not the message that the server sent before.
TEST_F(StoreFaults, Fault40ReportsAnIdleTransactionForStatementsOfAnySize) {
  MetricsStoreOptions stopped = options();
  stopped.connection.idle_in_transaction_timeout = 200ms;
  stopped.connection.url += " host=127.0.0.1 port=" + std::to_string(SharedServer::server()->port());
  PostgresMetricsStore store(stopped);
  PostgresMetricsStore successor(options());
  for (const std::size_t size : {std::size_t{1} << 10, std::size_t{1} << 20, std::size_t{1} << 24}) {
    const tally::LedgerRow before = open(store);
    ASSERT_EQ(store.begin(std::array{fence_of(before)}).value().size(), 1U);
    ASSERT_EQ(transact(successor, before).failed_at,
              "");  // it waits until the server has ended the other session
    tally::WindowRow large = total(Granularity::minute, minute(0), 1);
    large.users.assign(size, 'x');
    auto late = store.write({.written_at = written, .windows = {large}});
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, commit::code_idle_in_transaction) << size << ": " << late.error().text;
    EXPECT_NE(late.error().text.find("25P03"), std::string::npos) << size << ": " << late.error().text;
  }
}

TEST_F(StoreFaults, ReportsUnknownForACommitOnAnEndedSession) {
  MetricsStoreOptions stopped = options();
  stopped.connection.idle_in_transaction_timeout = 200ms;
  PostgresMetricsStore zombie(stopped);
  PostgresMetricsStore successor(options());
  const tally::LedgerRow before = open(zombie);
  ASSERT_EQ(zombie.begin(std::array{fence_of(before)}).value().size(), 1U);
  ASSERT_TRUE(zombie.write({.written_at = written, .ledgers = {moved_on(before, 1)}}).has_value());
  ASSERT_EQ(transact(successor, before).failed_at,
            "");  // it has the fence, so the session of the stopped process has ended
  EXPECT_EQ(zombie.commit().status, CommitStatus::unknown);
  EXPECT_EQ(open(zombie), moved_on(before, 1));
}

TEST_F(StoreFaults, Fault29IsUnavailableAfterALockOrStatementTimeout) {
  struct Case {
    std::chrono::milliseconds lock_timeout;
    std::chrono::milliseconds statement_timeout;
    std::string_view code;
  };
  for (const Case& timeout :
       {Case{100ms, 30s, code_lock_timeout}, Case{0ms, 100ms, commit::code_statement_timeout}}) {
    MetricsStoreOptions impatient = options();
    impatient.connection.lock_timeout = timeout.lock_timeout;
    impatient.connection.statement_timeout = timeout.statement_timeout;
    PostgresMetricsStore store(impatient);
    const tally::LedgerRow before = open(store);
    for (const std::string table : {"activity_ledger", "activity_windows"}) {
      other_.script("BEGIN; LOCK TABLE " + table + " IN EXCLUSIVE MODE");
      const Outcome outcome = transact(store, before);
      EXPECT_EQ(outcome.failed_at, table == "activity_ledger" ? "begin" : "write");
      EXPECT_EQ(outcome.why.kind, ErrorKind::unavailable);
      EXPECT_EQ(outcome.why.code, timeout.code) << outcome.why.text;
      other_.script("ROLLBACK");
      EXPECT_EQ(open(store), before);
    }
    expect_that_all_works(store);
  }
}

TEST_F(StoreFaults, Fault29IsUnavailableAfterADeadlock) {
  MetricsStoreOptions first_to_look = options();
  first_to_look.connection.session = {{"deadlock_timeout", "50ms"}};
  PostgresMetricsStore store(first_to_look);
  const tally::LedgerRow before = open(store);
  other_.script(
      "BEGIN; SET LOCAL deadlock_timeout = '60s'; LOCK TABLE activity_dead_letters IN EXCLUSIVE MODE");
  ASSERT_EQ(store.begin(std::array{fence_of(before)}).value().size(), 1U);
  std::thread waiting([this] { other_.script("UPDATE activity_ledger SET version = version; ROLLBACK"); });
  TestConnection look = database_.connect();
  while (look.number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
  }
  auto locked = store.lock_dead_letters(std::array{commit::store_contract::letter(0, 1)});
  waiting.join();
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(locked.error().code, code_conflict) << locked.error().text;
  EXPECT_EQ(transact(store, before).failed_at, "");
}

TEST_F(StoreFaults, NeverDeadlocksOnPartitionsInOppositeOrders) {
  std::vector<commit::Fence> fences;
  PostgresMetricsStore opening(options());
  for (const std::int32_t partition : {0, 1, 2, 3}) fences.push_back(fence_of(open(opening, partition)));
  std::atomic<int> refused = 0;
  const auto contend = [&, this](std::vector<commit::Fence> order) {
    PostgresMetricsStore store(options());
    for (int round = 0; round < 300; ++round) {
      auto held = store.begin(order);
      if (!held || held->size() != 4) ++refused;
      store.rollback();
    }
  };
  std::thread backward(contend, std::vector(fences.rbegin(), fences.rend()));
  contend(fences);
  backward.join();
  EXPECT_EQ(refused, 0);
}

TEST_F(StoreFaults, ClosesASessionThatDoesNotAnswer) {
  Proxy proxy(server_folder());
  MetricsStoreOptions through = options_through(proxy);
  through.connection.answer_timeout = 300ms;
  PostgresMetricsStore store(through);
  const tally::LedgerRow before = open(store);
  for (const std::string step : {"weir_fence", "weir_put_windows", "weir_commit"}) {
    proxy.fail_at(Proxy::Fault::stall, step);
    const MonoTime begun = read_clock().mono;
    const Outcome outcome = transact(store, before);
    EXPECT_LT(read_clock().mono - begun, 5s);
    ASSERT_TRUE(proxy.has_failed());
    EXPECT_EQ(outcome.why.code, commit::code_response_timeout) << outcome.why.text;
    EXPECT_EQ(outcome.why.kind, ErrorKind::unavailable);
    EXPECT_EQ(outcome.end, step == "weir_commit" ? CommitStatus::unknown : CommitStatus::aborted);
    kill_session();  // as the server does by itself, later
  }
  EXPECT_EQ(transact(store, before).failed_at, "");
}

TEST_F(StoreFaults, LimitsTheTimeOfConnecting) {
  Proxy proxy(server_folder());
  proxy.fail_at(Proxy::Fault::stall, "user");
  MetricsStoreOptions through = options_through(proxy);
  through.connection.connect_timeout = 1s;
  PostgresMetricsStore store(through);
  auto answer = store.open_ledger(0, 0, written);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
  EXPECT_NE(answer.error().text.find(proxy.host()), std::string::npos) << answer.error().text;
  open(store);
}

// A person must act, and the text names on what.
TEST_F(StoreFaults, Fault30NamesTheColumnThatIsMissing) {
  PostgresMetricsStore store(options());
  const tally::LedgerRow before = open(store);
  other_.script("ALTER TABLE activity_windows RENAME COLUMN rolled_events TO rolled");
  const Outcome outcome = transact(store, before);
  EXPECT_EQ(outcome.why.kind, ErrorKind::invalid);
  EXPECT_EQ(outcome.why.code, code_tables_differ);
  EXPECT_NE(outcome.why.text.find("rolled_events"), std::string::npos) << outcome.why.text;
  other_.script("ALTER TABLE activity_windows RENAME COLUMN rolled TO rolled_events");
  EXPECT_EQ(transact(store, before).failed_at, "");
  other_.script("ALTER TABLE activity_windows ALTER COLUMN place TYPE bigint");  // under an open session
  EXPECT_EQ(transact(store, open(store)).why.kind, ErrorKind::unavailable);
  expect_that_all_works(store);
}

TEST_F(StoreFaults, Fault30NamesAReadOnlyDatabase) {
  other_.script("ALTER DATABASE " + database_.database().name() + " SET default_transaction_read_only = on");
  PostgresMetricsStore store(options());
  auto answer = store.open_ledger(0, 0, written);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
  EXPECT_EQ(answer.error().code, code_read_only) << answer.error().text;
}

TEST_F(StoreFaults, Fault30NamesTheRefusedRoleAndNoPassword) {
  other_.script("DROP ROLE IF EXISTS locked_out; CREATE ROLE locked_out LOGIN PASSWORD 'the real one'");
  other_.script(
      "DO $$BEGIN EXECUTE format('COPY (VALUES (''local all locked_out scram-sha-256''), (''local all all "
      "trust'')) "
      "TO %L', current_setting('hba_file')); END$$");
  other_.script("SELECT pg_reload_conf()");
  ConnectionSettings settings = database_.options().connection;
  settings.password = "open-sesame";
  for (const std::string& url :
       {settings.url + " user=locked_out password=open-sesame", settings.url + " user=locked_out"}) {
    settings.url = url;
    auto refused = Connection::open(settings);
    const MonoTime deadline = read_clock().mono + 20s;  // until the server has reloaded pg_hba.conf
    while (refused && read_clock().mono < deadline) refused = Connection::open(settings);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_EQ(refused.error().code, code_access_denied) << refused.error().text;
    EXPECT_EQ(refused.error().text.find("open-sesame"), std::string::npos) << refused.error().text;
    EXPECT_EQ(refused.error().text.find('\n'), std::string::npos) << refused.error().text;
  }
  settings.url = database_.options().connection.url + " dbname=nowhere";
  auto nowhere = Connection::open(settings);
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().kind, ErrorKind::invalid);
  EXPECT_EQ(nowhere.error().code, code_no_database) << nowhere.error().text;
  EXPECT_NE(nowhere.error().text.find("nowhere"), std::string::npos) << nowhere.error().text;
}

// A person changes a table under a running store. The error names the column, the process goes on, and the
// store works again after the change is undone.
TEST_F(StoreFaults, Fault30NamesAChangedColumnAndWorksAgainAfterwards) {
  struct Case {
    std::string spoil;
    std::string undo;
    std::string_view named;
  };
  const std::string ledger = "ALTER TABLE activity_ledger ";
  const std::string windows = "ALTER TABLE activity_windows ";
  const std::array cases{
      Case{ledger + "ALTER COLUMN read TYPE numeric", ledger + "ALTER COLUMN read TYPE bigint",
           "column activity_ledger.read is numeric; expected int8"},
      Case{ledger + "ALTER COLUMN observed_at TYPE text",
           ledger + "ALTER COLUMN observed_at TYPE timestamptz USING observed_at::timestamptz",
           "column activity_ledger.observed_at is text; expected timestamptz"},
      Case{ledger + "ALTER COLUMN observed_at DROP NOT NULL; UPDATE activity_ledger SET observed_at = NULL",
           "UPDATE activity_ledger SET observed_at = now(); " + ledger +
               "ALTER COLUMN observed_at SET NOT NULL",
           "column activity_ledger.observed_at holds NULL"},
      Case{"UPDATE activity_windows SET place = 7; " + windows + "ALTER COLUMN place TYPE smallint",
           windows + "ALTER COLUMN place TYPE integer",
           "column activity_windows.place is smallint; expected int4"},
      Case{windows + "ALTER COLUMN place DROP NOT NULL; UPDATE activity_windows SET place = NULL",
           "UPDATE activity_windows SET place = 7; " + windows + "ALTER COLUMN place SET NOT NULL",
           "column activity_windows.place holds NULL"},
      Case{windows + "ADD COLUMN region text NOT NULL DEFAULT ''; " + windows +
               "ALTER COLUMN region DROP DEFAULT",
           windows + "DROP COLUMN region", "region"},
      Case{windows + "ADD CONSTRAINT no_robots CHECK (place < 9) NOT VALID",
           windows + "DROP CONSTRAINT no_robots", "no_robots"},
      Case{windows + "RENAME COLUMN stored_rows TO rows", windows + "RENAME COLUMN rows TO stored_rows",
           "table activity_windows has no column stored_rows"},
  };
  PostgresMetricsStore store(options());
  const auto attempt = [&]() -> std::optional<Error> {
    auto opened = store.open_ledger(0, 0, written);
    if (!opened) return opened.error();
    tally::WindowRow window = total(Granularity::minute, minute(0), 1);
    window.arrival_rank = 40'000;
    auto held = store.begin(std::array{fence_of(*opened)});
    if (!held) return held.error();
    if (auto read = store.read_windows(std::array{window.key}, limits::step_bytes_max); !read)
      return read.error();
    auto wrote = store.write({.written_at = written, .windows = {window}, .ledgers = {moved_on(*opened, 1)}});
    if (!wrote) return wrote.error();
    const commit::CommitOutcome answer = store.commit();
    return answer.status == CommitStatus::committed ? std::nullopt : std::optional(answer.why);
  };
  // A session whose plans are outdated is closed first.
  const auto attempts = [&] {
    std::optional<Error> why = attempt();
    for (int more = 0; more < 3 && why && why->kind == ErrorKind::unavailable; ++more) why = attempt();
    return why;
  };
  ASSERT_FALSE(attempts());
  for (const Case& each : cases) {
    other_.script(each.spoil);
    for (int round = 0; round < 2; ++round) {
      const std::optional<Error> why = attempts();
      ASSERT_TRUE(why) << each.spoil;
      EXPECT_EQ(why->kind, ErrorKind::invalid) << why->text;
      EXPECT_EQ(why->code, code_tables_differ) << why->text;
      EXPECT_NE(why->text.find(each.named), std::string::npos) << why->text;
    }
    other_.script(each.undo);
    const std::optional<Error> still = attempts();
    EXPECT_FALSE(still) << each.undo << ": " << still.value_or(Error{}).text;
  }
}

// Each opens another partition first, so neither waits for the row of the other.
TEST_F(StoreFaults, RefusesOneOfTwoGroupsThatOpenATopicAtOnceAndNamesBoth) {
  // A commit takes long enough for the other process to look for another group before it ends, unless it
  // waits.
  other_.script(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; "
      "END'; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON activity_ledger DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION slow()");
  for (int round = 0; round < 3; ++round) {
    other_.script("TRUNCATE activity_ledger");
    std::array<Result<tally::LedgerRow>, 2> opened{fail(ErrorKind::unavailable, "", ""),
                                                   fail(ErrorKind::unavailable, "", "")};
    std::barrier begin(2);
    std::vector<std::thread> processes;
    for (int number = 0; number < 2; ++number) {
      processes.emplace_back([&, number] {
        MetricsStoreOptions mine = options();
        mine.group_id = "group-" + std::to_string(number);
        PostgresMetricsStore store(mine);
        (void)store.find_pending_rollups(0);  // opens its session
        begin.arrive_and_wait();
        opened.at(static_cast<std::size_t>(number)) = store.open_ledger(number, 0, written);
      });
    }
    for (std::thread& process : processes) process.join();
    ASSERT_NE(opened[0].has_value(), opened[1].has_value()) << "exactly one of them may count";
    const Error& why = (opened[0] ? opened[1] : opened[0]).error();
    EXPECT_EQ(why.code, "another_group");
    EXPECT_NE(why.text.find("group-0"), std::string::npos) << why.text;
    EXPECT_NE(why.text.find("group-1"), std::string::npos) << why.text;
  }
}

}  // namespace
}  // namespace weir::postgres
