// A flush as the consumer hands it to the writer's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "activity/decoder.hpp"
#include "base/hash.hpp"
#include "bench/events.hpp"
#include "commit/flush.hpp"
#include "commit/transaction.hpp"

namespace weir::bench {

inline commit::PendingBatch gather(const Events& events, std::size_t from, std::size_t count,
                                   activity::Decoder& decoder,
                                   std::span<const tally::CountedDimension> dimensions) {
  commit::PendingBatch part(std::chrono::days{7});
  tally::EventValueReader values(dimensions);
  const RecordTime record_time{std::chrono::milliseconds{1'790'000'200'000}};
  for (std::size_t i = 0; i < count; ++i) {
    const auto decoded = decoder.decode(events.json((from + i) % events.size()), values.metadata_members());
    part.tally.add({decoded->timestamp, decoded->is_page_view(), values.read(*decoded)},
                   murmur3(decoded->user_id).low, record_time);
  }
  part.counts = {.read = static_cast<std::int64_t>(count), .tallied = static_cast<std::int64_t>(count)};
  return part;
}

// Of partition 0, from this event on, going round.
inline commit::Transaction flush_of(const Events& events, std::size_t from, std::size_t count,
                                    const tally::LedgerRow& ledger, WallTime now,
                                    std::span<const tally::CountedDimension> dimensions = {}) {
  activity::Decoder decoder;
  commit::PendingBatch part = gather(events, from, count, decoder, dimensions);
  part.next_offset = ledger.next_offset + static_cast<std::int64_t>(count);
  commit::PartitionCommit claim{.before = ledger, .after = part.added_to(ledger)};
  std::vector<commit::Flush::PartitionBatch> shares;
  shares.push_back({0, std::move(part)});
  return {
      {claim}, std::make_unique<commit::Flush>(std::move(shares), commit::Flush::Pruning{}, "bench"), now};
}

}  // namespace weir::bench
