// Reads the embedded metrics store: report's port on a small pool of connections to DATA_DIR/metrics.db.
//
// A snapshot is one read transaction. While it is open, no checkpoint can go past what it sees and the WAL
// cannot begin anew: so a snapshot lives for one answer, never for a connection of a client.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "report/metrics_reader.hpp"

namespace weir::sqlite {

struct MetricsReaderOptions {
  std::filesystem::path data_dir;
  std::string topic;
  std::size_t connections = 2;  // how many snapshots may be open at once; further ones wait
};

class SqliteMetricsReader final : public report::MetricsReader {
 public:
  // The file must be there: open the store first. Opens all connections.
  static Result<std::unique_ptr<SqliteMetricsReader>> open(const MetricsReaderOptions& options);
  ~SqliteMetricsReader() override;  // when all snapshots are gone

  // scan() costs 0.2 to 0.5 µs a row, with users as well; with up to 50 `values` instead of that 2 to 10 µs
  // for each window, partition and value, whether there is such a row or not. What is not rolled up yet comes
  // as rows of its own with hours and days.
  //
  // count_by_value() and users_by_value() cost 1 to 3 µs a row; see bench/query_times.py.
  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override;

 private:
  class Pool;
  class Snapshot;
  explicit SqliteMetricsReader(std::unique_ptr<Pool> pool);

  std::unique_ptr<Pool> pool_;
};

}  // namespace weir::sqlite
