// Reads the metrics store in PostgreSQL: report's port on a pool of sessions (pool.hpp).
//
// A snapshot is one transaction, REPEATABLE READ READ ONLY. While it is open the server keeps every row
// version that it may see, so a snapshot lives for one answer, never for a connection of a client.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "postgres/connection.hpp"
#include "report/metrics_reader.hpp"

namespace weir::postgres {

struct MetricsReaderOptions {
  // Its statement_timeout, at most limits::question_deadline + 1 s, bounds each step of a scan on the server.
  ConnectionSettings connection;
  std::string topic;
  std::size_t connections = 3;                // how many snapshots may be open at once (DB_POOL_SIZE − 1)
  std::chrono::milliseconds wait_max{5'000};  // then further ones are refused
};

// The database need not be there when this is made, nor need its tables: sessions are opened when they are
// needed.
class PostgresMetricsReader final : public report::MetricsReader {
 public:
  explicit PostgresMetricsReader(MetricsReaderOptions options);
  ~PostgresMetricsReader() override;  // when all snapshots are gone

  // ErrorKind::unavailable: away, or all sessions in use for wait_max. ErrorKind::invalid: a person must act
  // (errors.hpp). After an error within a snapshot the snapshot is of no use any more; the next one has a
  // session that works. A session whose cancellation came due is given up, and the server ends what it does
  // for it within half a second (PostgreSQL 14), else at its statement_timeout. scan() fetches some hundreds
  // of rows at a time, so that memory is bounded by 8 MB. A session that turns out to have been lost while
  // nobody used it is replaced unseen.
  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override;

 private:
  class Sessions;
  class Snapshot;

  std::unique_ptr<Sessions> sessions_;
};

}  // namespace weir::postgres
