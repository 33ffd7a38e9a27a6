// The metrics store of several processes: rollup's port on PostgreSQL.
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
  ConnectionSettings connection;  // its `session` is added to
  std::string topic;
  std::string group_id;
};

// One session on tables as migrations.hpp makes them: all calls come from one thread, the writer's. The
// constructor does nothing that could fail: the session begins with the first call outside a transaction, or
// begin(), and anew after a loss. While the database is away each of these calls tries once and answers
// ErrorKind::unavailable; the caller paces.
//
// Round trips: 1 for each call, 2 for read_pending_rows(), for write() where it prunes, or archive_ledger(), one
// more for the first call of a session. Nothing that writes is sent before the fence's answer has been read.
//
// An error in a transaction rolls it back; where the server does not do that, or does not answer at all, the
// session is given up, and the server ends the transaction within idle_in_transaction_timeout.
class PostgresMetricsStore final : public commit::MetricsStore {
 public:
  explicit PostgresMetricsStore(MetricsStoreOptions options);

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<bool> begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> archive_ledger(const commit::LedgerArchival& retirement) override;
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
  // Unknown: the session was lost, or did not answer in time, once COMMIT had been sent. Aborted: the server
  // said so, or there was no transaction any more.
  commit::CommitOutcome commit() override;
  void rollback() override;

 private:
  using Calls = std::vector<Connection::Call>;

  // Outside a transaction: in a session that is made if there is none. Begins none, unless a call does.
  Result<std::vector<Rows>> run_outside(const Calls& calls);
  // An error ends the transaction.
  Result<std::vector<Rows>> run_inside(const Calls& calls);
  Error give_up(Error why);

  [[nodiscard]] Connection::Call lock_topic() const;
  [[nodiscard]] Connection::Call make_ledger(std::int32_t partition, std::int64_t start_offset,
                                             std::int64_t version, WallTime now) const;
  [[nodiscard]] Connection::Call read_ledger(std::int32_t partition) const;
  [[nodiscard]] Connection::Call find_stranger() const;
  [[nodiscard]] Error another_group(const Rows& found) const;

  MetricsStoreOptions options_;
  std::optional<Connection> connection_;
};

}  // namespace weir::postgres
