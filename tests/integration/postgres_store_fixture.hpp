// For tests of the store on a real PostgreSQL: databases with Weir's tables, sessions on them, and the
// committed rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commit/testing/metrics_store_fixture.hpp"
#include "integration/postgres_database.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/migrations.hpp"
#include "postgres/store_rows.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::postgres {

enum class Hll : bool { absent, installed };

// A migrated database. It is a copy of one that the program migrates once.
class StoreDatabase {
 public:
  explicit StoreDatabase(Hll hll = Hll::absent) : database_("TEMPLATE " + migrated(hll)) {}

  [[nodiscard]] MetricsStoreOptions options(const std::string& group = "the-group") const {
    return {.connection = database_.settings(), .topic = commit::store_contract::topic, .group_id = group};
  }
  [[nodiscard]] std::unique_ptr<PostgresMetricsStore> session(const std::string& group = "the-group") const {
    return std::make_unique<PostgresMetricsStore>(options(group));
  }
  [[nodiscard]] TestConnection connect() const { return database_.connect(); }
  [[nodiscard]] const TestDatabase& database() const { return database_; }

 private:
  static std::string migrated(Hll hll) {
    static bool made[2] = {};
    const std::string name = hll == Hll::installed ? "migrated_with_hll" : "migrated";
    if (std::exchange(made[static_cast<std::size_t>(hll)], true)) return name;
    ConnectionSettings settings;
    settings.url = SharedServer::server()->connection_info();
    TestConnection(settings).script("CREATE DATABASE " + name);
    settings.url += " dbname=" + name;
    TestConnection session(settings);
    if (hll == Hll::installed) session.script("CREATE EXTENSION hll");
    if (auto done = migrate(*session); !done) throw std::runtime_error(done.error().text);
    return name;
  }

  TestDatabase database_;
};

inline std::vector<commit::StoredDeadLetter> letters_of(TestConnection& session, std::string_view topic) {
  const Rows rows = session.run(
      "SELECT partition, \"offset\", reason, detail, key, value, at, attempts, replayed_at "
      "FROM activity_dead_letters WHERE topic = $1::text ORDER BY partition, \"offset\"",
      Parameters().add(topic));
  const auto optional_bytes = [&rows](int row, int column) -> std::optional<std::string> {
    if (rows.is_null(row, column)) return std::nullopt;
    return std::string(rows.bytes(row, column));
  };
  std::vector<commit::StoredDeadLetter> letters;
  for (int row = 0; row < rows.count(); ++row) {
    std::optional<WallTime> replayed_at;
    if (!rows.is_null(row, 8)) replayed_at = rows.moment(row, 8);
    letters.push_back({{static_cast<std::int32_t>(rows.number(row, 0)), rows.number(row, 1),
                        std::string(rows.bytes(row, 2)), std::string(rows.bytes(row, 3)),
                        optional_bytes(row, 4), optional_bytes(row, 5), rows.moment(row, 6)},
                       rows.number(row, 7),
                       replayed_at});
  }
  return letters;
}

inline void read_ledgers(TestConnection& session, commit::StoreContents& contents) {
  const Rows rows = session.run("SELECT " + std::string(tally::ledger_columns) +
                                ", topic FROM activity_ledger ORDER BY topic, partition");
  for (int row = 0; row < rows.count(); ++row) {
    const tally::LedgerRow ledger = ledger_row(rows, row);
    const std::string topic(rows.bytes(row, 15));
    if (topic == commit::store_contract::topic) {
      contents.ledgers.push_back(ledger);
      continue;
    }
    std::vector<commit::StoredDeadLetter> letters = letters_of(session, topic);
    std::erase_if(letters, [&](const auto& each) { return each.dead_letter.partition != ledger.partition; });
    contents.archived.push_back({topic, ledger, std::move(letters)});
  }
}

inline commit::StoreContents read_all_tables(const StoreDatabase& database) {
  TestConnection session = database.connect();
  commit::StoreContents contents;
  const Rows windows = session.run(
      "SELECT " + std::string(window_columns) +
      " FROM activity_windows AS w ORDER BY granularity, dimension, window_start, partition, value");
  for (int row = 0; row < windows.count(); ++row) contents.windows.push_back(window_row(windows, row));
  const Rows unrolled =
      session.run("SELECT partition, window_start FROM activity_unrolled ORDER BY partition, window_start");
  for (int row = 0; row < unrolled.count(); ++row) {
    contents.pending_rollups.push_back(
        {static_cast<std::int32_t>(unrolled.number(row, 0)), window_start(unrolled, row, 1)});
  }
  const Rows horizons = session.run("SELECT granularity, pruned_to FROM activity_horizon");
  for (int row = 0; row < horizons.count(); ++row) {
    const auto granularity = tally::granularity_named(horizons.bytes(row, 0)).value();
    contents.pruned_to[static_cast<std::size_t>(granularity)] = horizons.moment(row, 1);
  }
  contents.dead_letters = letters_of(session, commit::store_contract::topic);
  const Rows flushes =
      session.run("SELECT timestamp, unique_users, page_view_count FROM user_activity_metrics ORDER BY id");
  for (int row = 0; row < flushes.count(); ++row)
    contents.flushes.push_back({flushes.moment(row, 0), flushes.number(row, 1), flushes.number(row, 2)});
  read_ledgers(session, contents);
  return contents;
}

}  // namespace weir::postgres
