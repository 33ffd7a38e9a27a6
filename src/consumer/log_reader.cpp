#include "consumer/log_reader.hpp"

#include <bit>

#include "base/hash.hpp"

namespace weir::consumer {

std::int64_t hash_of(const RecordView& record) {
  // The hash of each field seeds the next one, so a byte that moves from the key to the value changes the
  // result. A missing value and an empty value give different hashes.
  const auto time = static_cast<std::uint64_t>(record.time.time_since_epoch().count());
  const std::uint64_t key = murmur3(record.key, time).low;
  const std::uint64_t hash = record.value ? murmur3(*record.value, key).low : ~key;
  return std::bit_cast<std::int64_t>(hash);
}

}  // namespace weir::consumer
