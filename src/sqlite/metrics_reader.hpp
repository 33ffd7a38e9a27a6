// Reads the embedded metrics store: implements report::MetricsReader on metrics.db in DATA_DIR.
//
// A snapshot is one read transaction. While it is open, no checkpoint passes what it sees and the WAL cannot
// start over. So a snapshot serves one answer and is never kept for the connection of a client.
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
  std::size_t connections = 2;  // snapshots that may be open at once; further calls of snapshot() wait
};

// snapshot() from any thread. Must outlive its snapshots.
class SqliteMetricsReader final : public report::MetricsReader {
 public:
  // Opens all connections. The file must exist: open the store first, which creates or migrates it. Errors
  // are those of errors.hpp.
  static Result<std::unique_ptr<SqliteMetricsReader>> open(const MetricsReaderOptions& options);
  ~SqliteMetricsReader() override;

  // Cost of scan(): 0.2 to 0.5 µs a row, with sketches as well. With up to report::Scan::few_values_max
  // `values`: 2 to 10 µs for each window, partition and value, whether such a row exists or not. What is
  // pending roll-up comes as rows of its own with hours and days. count_by_value() and users_by_value(): 1 to
  // 3 µs a row (bench/query_times.py).
  Result<std::unique_ptr<report::MetricsSnapshot>> snapshot(
      const report::Cancellation& cancellation = {}) override;

 private:
  class Shared;
  class Snapshot;
  explicit SqliteMetricsReader(std::unique_ptr<Shared> shared);

  std::unique_ptr<Shared> shared_;
};

}  // namespace weir::sqlite
