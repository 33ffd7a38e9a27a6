// Which partition a key belongs to, as Kafka's Java clients and librdkafka's murmur2_random decide it.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::kafka_protocol {

// MurmurHash2 (32 bit, seed 0x9747b28c), as org.apache.kafka.common.utils.Utils.murmur2 computes it.
[[nodiscard]] std::uint32_t murmur2(std::string_view key);

// The partition of a key that is not empty, in [0, partitions).
[[nodiscard]] inline std::int32_t partition_of(std::string_view key, std::int32_t partitions) {
  return static_cast<std::int32_t>(murmur2(key) & 0x7FFFFFFFU) % partitions;
}

}  // namespace weir::kafka_protocol
