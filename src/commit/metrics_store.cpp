#include "commit/metrics_store.hpp"

#include <charconv>

namespace weir::commit {

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
namespace {

// Reads a whole decimal number that is not negative. Returns false for any other text.
template <class Number>
bool read_number(std::string_view digits, Number& into) {
  const char* const end = digits.data() + digits.size();
  const auto [stopped_at, error] = std::from_chars(digits.data(), end, into);
  return error == std::errc() && stopped_at == end && into >= 0;
}

}  // namespace

std::string to_text(const DeadLetterId& source) {
  return source.topic + "/" + std::to_string(source.partition) + "/" + std::to_string(source.offset);
}

// Splits at the last two slashes. The topic names of Kafka contain none.
std::optional<DeadLetterId> parse_dead_letter_id(std::string_view text) {
  const std::size_t second = text.rfind('/');
  if (second == std::string_view::npos || second == 0) return std::nullopt;
  const std::size_t first = text.rfind('/', second - 1);
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  DeadLetterId source{.topic = std::string(text.substr(0, first))};
  if (!read_number(text.substr(first + 1, second - first - 1), source.partition)) return std::nullopt;
  if (!read_number(text.substr(second + 1), source.offset)) return std::nullopt;
  return source;
}

}  // namespace weir::commit
