#include "commit/metrics_store.hpp"

#include <limits>

#include "base/decimal.hpp"

namespace weir::commit {

// The codes of all time limits: those of the server and that of the connection.
bool is_timeout(const Error& error) {
  return error.code == code_statement_timeout || error.code == code_idle_in_transaction ||
         error.code == code_transaction_timeout || error.code == code_response_timeout;
}

Fence fence_of(const tally::LedgerRow& ledger) {
  return {.partition = ledger.partition,
          .next_offset = ledger.next_offset,
          .version = ledger.version,
          .tallied = ledger.tallied,
          .duplicate = ledger.duplicate,
          .dead_lettered = ledger.dead_lettered,
          .skipped = ledger.skipped};
}

std::string to_text(const DeadLetterId& source) {
  return source.topic + "/" + std::to_string(source.partition) + "/" + std::to_string(source.offset);
}

// Splits at the last two slashes. The topic names of Kafka contain none. Each part must be present, and both
// numbers must be decimal and not negative.
std::optional<DeadLetterId> parse_dead_letter_id(std::string_view text) {
  const std::size_t second = text.rfind('/');
  if (second == std::string_view::npos || second == 0) return std::nullopt;
  const std::size_t first = text.rfind('/', second - 1);
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  DeadLetterId source{.topic = std::string(text.substr(0, first))};
  const auto partition = parse_decimal(text.substr(first + 1, second - first - 1), std::int32_t{0},
                                       std::numeric_limits<std::int32_t>::max());
  const auto offset =
      parse_decimal(text.substr(second + 1), std::int64_t{0}, std::numeric_limits<std::int64_t>::max());
  if (!partition || !offset) return std::nullopt;
  source.partition = *partition;
  source.offset = *offset;
  return source;
}

}  // namespace weir::commit
