// What health and metrics tell of a consuming process.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "rollup/agenda.hpp"
#include "rollup/partition.hpp"
#include "rollup/transaction.hpp"

namespace weir::rollup {

enum class Phase : std::uint8_t {
  starting,     // no partition was assigned yet, or some are still being opened
  catching_up,  // remembering what was counted before, for the dedupe
  live,
  draining,  // stop() was called
  stopped,
};
// As it stands in /health/ready: "catching up"
[[nodiscard]] std::string_view name_of(Phase phase);

// A value; a copy of what was true a moment ago.
struct Status {
  struct Refused {
    std::int32_t partition = 0;
    std::string reason;
  };
  Phase phase = Phase::starting;
  std::vector<Refused> refused;  // partitions that are not read (ON_OFFSET_GONE)
  bool store_up = true;
  std::string store_reason;                    // of the last failure, while not up
  std::chrono::milliseconds store_latency{0};  // of the last transaction that ended well
  bool log_up = true;
  std::string log_reason;
  bool paused = false;                         // too much waits, or the store is away
  std::optional<RecordTime> oldest_unread_at;  // of the records that are not in the store; a lower bound
  std::optional<Now> last_good_flush;          // its end
  std::int64_t read_to = 0;  // sum over the held partitions of the first offset not read yet
  std::int64_t waiting = 0;  // read, and not known to be in the store
  // Since the process began, of transactions that are known to be in the store.
  Counts counts;
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  std::int64_t fences_lost = 0;
  std::int64_t commits_in_doubt = 0;

  // Counts what this transaction has written. Answers how far the partitions' offsets moved.
  std::int64_t count(const Transaction& transaction, Agenda::Kind kind, Now now);
};

}  // namespace weir::rollup
