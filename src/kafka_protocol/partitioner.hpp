// Assigns keys to partitions as Kafka's Java clients do, and librdkafka with the partitioner murmur2_random.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::kafka_protocol {

// Returns MurmurHash2 (32 bit, seed 0x9747b28c), like org.apache.kafka.common.utils.Utils.murmur2.
[[nodiscard]] std::uint32_t murmur2(std::string_view key);

// Returns the partition of a key, in [0, partitions). Requires a key that is not empty.
[[nodiscard]] inline std::int32_t partition_of(std::string_view key, std::int32_t partitions) {
  return static_cast<std::int32_t>(murmur2(key) & 0x7FFFFFFFU) % partitions;
}

}  // namespace weir::kafka_protocol
