#include "tracing/retry.hpp"

#include <algorithm>

namespace weir::tracing {
namespace {

// The four statuses that OTLP/HTTP names as retryable, and no others.
bool is_retryable(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace

std::optional<std::chrono::milliseconds> retry_delay(const Result<ExportAnswer>& answer, int attempt,
                                                     double jitter) {
  if (is_success(answer) || attempt >= export_attempts_max) return std::nullopt;
  const bool again = answer ? is_retryable(answer->status) : answer.error().code == connect_failed;
  if (!again) return std::nullopt;
  if (answer && answer->retry_after)
    return std::chrono::milliseconds(
        std::clamp(*answer->retry_after, std::chrono::seconds{0}, retry_after_max));
  const double seconds = static_cast<double>(1 << (attempt - 1)) * (0.5 + jitter);
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace weir::tracing
