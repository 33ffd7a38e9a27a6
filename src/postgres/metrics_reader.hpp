// Reads the metrics store in PostgreSQL: implements report::MetricsReader on a pool of sessions (pool.hpp).
//
// A snapshot is one transaction, REPEATABLE READ READ ONLY. While it is open, the server keeps every row
// version that the snapshot may see. So a snapshot serves one answer and is never kept for the connection of
// a client.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "postgres/connection.hpp"
#include "report/metrics_reader.hpp"

namespace weir::postgres {

struct MetricsReaderOptions {
  // Its statement_timeout, cut to limits::query_deadline + 1 s, bounds each step of a scan on the server.
  ConnectionSettings connection;
  std::string topic;
  std::size_t connections = 3;                // snapshots that may be open at once (DB_POOL_SIZE − 1)
  std::chrono::milliseconds wait_max{5'000};  // how long a further call of snapshot() waits
};

// snapshot() from any thread. Must outlive its snapshots.
class PostgresMetricsReader final : public report::MetricsReader {
 public:
  // Opens nothing. A session is opened when it is first needed, so the database and its tables may come
  // later.
  explicit PostgresMetricsReader(MetricsReaderOptions options);
  ~PostgresMetricsReader() override;

  // ErrorKind::unavailable: the database does not answer, or all sessions were in use for wait_max; ask again
  // later. ErrorKind::invalid: a person must act (errors.hpp). After an error of a snapshot destroy it; the
  // next one gets a session that works. A session that was lost while it was idle is replaced without an
  // error.
  //
  // A session whose cancellation is due is closed. The server ends its statement within half a second
  // (PostgreSQL 14 or later), else at statement_timeout. scan() holds at most 8 MB: it fetches some hundreds
  // of rows at a time.
  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override;

 private:
  class Shared;
  class Snapshot;

  std::unique_ptr<Shared> shared_;
};

}  // namespace weir::postgres
