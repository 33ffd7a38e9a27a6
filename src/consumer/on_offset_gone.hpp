// The values of ON_OFFSET_GONE.
#pragma once

#include <cstdint>

namespace weir::consumer {

// What to do if the log no longer has the ledger's offset, or is another log: stop reading the partition, or
// continue at the earliest record.
enum class OnOffsetGone : std::uint8_t { stop, earliest };

}  // namespace weir::consumer
