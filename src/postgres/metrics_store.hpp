// The metrics store that several processes share: implements commit::MetricsStore on PostgreSQL.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "postgres/connection.hpp"

namespace weir::postgres {

struct MetricsStoreOptions {
  ConnectionSettings connection;  // the store adds to its `session`
  std::string topic;
  std::string group_id;
};

// One session: all calls come from one thread, the writer's. The tables must be as migrations.hpp creates
// them.
//
// The constructor connects to nothing. The session is opened by the first call outside of a transaction or by
// begin(), and again after a loss. While the database does not answer, each of these calls tries once and
// returns ErrorKind::unavailable; the caller decides when to try again.
//
// Round trips: 1 for each call; 2 for read_pending_rows(), for archive_ledger(), and for write() where it
// prunes. The first call of a session costs some more.
//
// An error in a transaction rolls it back. If the server does not answer, the session is closed, and the
// server ends the transaction within idle_in_transaction_timeout.
class PostgresMetricsStore final : public commit::MetricsStore {
 public:
  explicit PostgresMetricsStore(MetricsStoreOptions options);

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<bool> begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> archive_ledger(const commit::LedgerArchival& archival) override;
  Result<std::vector<tally::CountedDimension>> register_dimensions(
      std::span<const tally::OwnDimension> wanted, WallTime now) override;
  Result<std::vector<commit::DeadLetterId>> find_failed_replays() override;
  Result<std::vector<std::int64_t>> find_dead_letters(std::int32_t partition, std::int64_t from,
                                                      std::int64_t to) override;
  Result<std::vector<WindowStart>> find_pending_rollups(std::int32_t partition) override;

  Result<std::vector<std::int32_t>> begin(std::span<const commit::Fence> fences) override;
  Result<WindowRows> read_windows(std::span<const tally::WindowKey> keys, std::size_t bytes_max) override;
  Result<commit::PendingRows> read_pending_rows(std::int32_t partition, std::span<const WindowStart> minutes,
                                                const commit::RowBounds& bounds) override;
  Result<std::vector<commit::DeadLetterState>> lock_dead_letters(
      std::span<const commit::DeadLetterId> letters) override;
  Result<commit::Written> write(const commit::Changes& changes) override;
  // unknown: the session was lost, or did not answer in time, after COMMIT had been sent. aborted: the server
  // reported it, or there was no transaction any more.
  commit::CommitOutcome commit() override;
  void rollback() override;

 private:
  using Calls = std::vector<Connection::Call>;

  // Runs the calls outside of a transaction, in a session that is opened if there is none. A call may begin
  // one.
  Result<std::vector<Rows>> run_outside(const Calls& calls);
  // Runs the calls in the open transaction. An error rolls it back.
  Result<std::vector<Rows>> run_inside(const Calls& calls);
  // Rolls the transaction back. Returns the error, with the table that differs where a look at the columns
  // finds it.
  Error give_up(Error why);

  // store_ledger.cpp
  [[nodiscard]] Connection::Call lock_topic() const;
  [[nodiscard]] Connection::Call insert_ledger(std::int32_t partition, std::int64_t start_offset,
                                               std::int64_t version, WallTime now) const;
  [[nodiscard]] Connection::Call read_ledger(std::int32_t partition) const;
  [[nodiscard]] Connection::Call find_other_group() const;
  [[nodiscard]] Error another_group(const Rows& found) const;

  MetricsStoreOptions options_;
  std::optional<Connection> connection_;  // none before the first call
};

}  // namespace weir::postgres
