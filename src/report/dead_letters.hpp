// Dead letters as they are read: rows of activity_dead_letters, and how many there are for each reason.
// `weir dlq` and GET /api/v1/dead_letters use them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace weir::report {

// A row of activity_dead_letters. `reason` is a stable code and `detail` its text. `key` and `value` are the
// bytes of the record; nullopt where the record had none. They are untrusted and of any encoding.
struct DeadLetterRow {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string reason;
  std::string detail;
  std::optional<std::string> key;
  std::optional<std::string> value;
  WallTime at;
  std::int64_t attempts = 1;            // the record itself and its replays that failed
  std::optional<WallTime> replayed_at;  // when a replay was counted

  friend bool operator==(const DeadLetterRow&, const DeadLetterRow&) = default;
};

// Which rows are wanted: those that all given members match. Without any, all rows of the topic.
struct DeadLetterFilter {
  std::optional<std::string> reason;
  std::optional<WallTime> from;  // of `at`, inclusive
  std::optional<WallTime> to;    // of `at`, exclusive
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> offset;
  bool waiting_only = false;  // no replay is counted yet
  // Only rows after this one, in the order of partition and offset. Lets a caller read in parts, each with a
  // snapshot of its own.
  std::int32_t after_partition = -1;
  std::int64_t after_offset = -1;
};

// All rows with one reason that match a filter.
struct DeadLetterGroup {
  std::int64_t count = 0;     // rows
  std::int64_t attempts = 0;  // their sum
  std::int64_t replayed = 0;  // rows of which a replay is counted
  DeadLetterRow newest;       // the row with the latest `at`; its reason is that of the group

  friend bool operator==(const DeadLetterGroup&, const DeadLetterGroup&) = default;
};

struct DeadLettersAnswer {
  std::vector<DeadLetterGroup> groups;  // the largest first; of equal ones, by reason
};

}  // namespace weir::report
