// The port through which questions are answered. Filled by sqlite and postgres, held to it by
// metrics_reader_contract.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::report {

// Which rows of a granularity's view are wanted.
struct WindowQuery {
  tally::Granularity granularity = tally::Granularity::hour;
  tally::Dimension dimension = tally::Dimension::total;
  WindowStart from;                                     // inclusive
  WindowStart to;                                       // exclusive
  std::optional<std::vector<std::string_view>> values;  // only these, if given
  bool with_users = true;                               // sketches cost; ranking does without
};

// One row of a view, as it passes by: the views into it live until the callback returns. A window can have
// several rows of the same value (a row for each partition, and unrolled remainders): counts add, sketches
// unite.
struct ViewRow {
  WindowStart start;
  std::int32_t partition = 0;
  std::string_view value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string_view users;  // hll storage format; empty without with_users
};

// For each granularity the moment below which it is not complete.
struct Horizons {
  std::array<WallTime, 3> pruned_to;

  [[nodiscard]] WallTime of(tally::Granularity granularity) const {
    return pruned_to[static_cast<std::size_t>(granularity)];
  }
};

// The store as it stood at one moment: all answers of one snapshot agree with each other.
class MetricsSnapshot {
 public:
  MetricsSnapshot() = default;
  MetricsSnapshot(const MetricsSnapshot&) = delete;
  MetricsSnapshot& operator=(const MetricsSnapshot&) = delete;
  virtual ~MetricsSnapshot() = default;

  virtual Result<Horizons> horizons() = 0;
  virtual Result<void> scan(const WindowQuery& query, std::function<void(const ViewRow&)> take) = 0;
  virtual Result<std::vector<tally::LedgerRow>> ledger() = 0;
};

class MetricsReader {
 public:
  MetricsReader() = default;
  MetricsReader(const MetricsReader&) = delete;
  MetricsReader& operator=(const MetricsReader&) = delete;
  virtual ~MetricsReader() = default;

  // From any thread; each snapshot is used by one thread. Blocks while all connections are in use.
  // Move::peer: the store is away. Move::caller: a person must act. Of either whoever asks is told no more than the code.
  virtual Result<std::unique_ptr<MetricsSnapshot>> snapshot() = 0;
};

}  // namespace weir::report
