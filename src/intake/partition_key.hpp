// The values of KAFKA_PARTITION_KEY.
#pragma once

#include <cstdint>
#include <string>

namespace weir::intake {

// What decides an event's partition: the key of its record. An event without a value for it has its
// message_id as the key. So the partition is always a function of the event, and a copy that is sent again
// meets the first one. An event that has no message_id either has no key, and goes to any partition.
struct PartitionKey {
  enum class Kind : std::uint8_t { user_id, activity_type, metadata, none };
  Kind kind = Kind::user_id;
  // Name of a member of metadata. Its text is the key if it is a number or a string that is not empty; at
  // most limits::user_id_bytes_max bytes of it.
  std::string member;
};

}  // namespace weir::intake
