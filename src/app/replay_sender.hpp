// How `weir dlq replay` appends to the event log.
//
//   Kafka                               a producer of its own
//   embedded, no service runs           opens events.db, under the lock of DATA_DIR
//   embedded, a service holds the lock  asks the service (replay_endpoint.hpp)
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "cli/dlq.hpp"
#include "config/settings.hpp"
#include "intake/event_log.hpp"
#include "report/dead_letters.hpp"

namespace weir::app {

// The records that replay the rows: each has the key and the value of its row, and the header weir.replay
// with "topic/partition/offset". A key or a value that the record did not have is sent as an empty one.
[[nodiscard]] intake::EventBatch replay_batch(const std::string& topic,
                                              std::span<const report::DeadLetterRow> rows);

// Opens the sender for the log that the settings name. Blocks until the log answers, for some seconds at
// most. The text of an error says what the operator must do.
[[nodiscard]] Result<std::unique_ptr<cli::ReplaySender>> open_replay_sender(const config::Settings& settings);

}  // namespace weir::app
