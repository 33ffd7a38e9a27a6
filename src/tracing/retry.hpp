// What follows from a receiver's answer to a batch of spans. No I/O, no clock, no randomness.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace weir::tracing {

// A complete HTTP answer of the receiver.
struct ExportAnswer {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after;  // the header Retry-After
};

// The code of an error that says: the receiver has received nothing. Every other error leaves it open.
inline constexpr std::string_view connect_failed = "connect_failed";

inline constexpr int export_attempts_max = 5;
inline constexpr std::chrono::seconds retry_after_max{300};

// Decides whether a batch is sent again after this answer to attempt number `attempt`, counted from 1, and
// after which delay. Sources: OTLP specification 1.x, "OTLP/HTTP Response" and "OTLP/HTTP Connection".
//
//   2xx                    done
//   429, 502, 503, 504     again after Retry-After (at most retry_after_max); without it after 1, 2, 4, 8 s
//   no connection          again after 1, 2, 4, 8 s: the receiver certainly has no span of the batch
//   any other status       dropped: the same request would fail again
//   no answer in time      dropped: the receiver may have the spans
//   the last attempt       dropped
//
// `jitter`, from 0 to 1, shortens or lengthens a delay without Retry-After by up to a half.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_delay(const Result<ExportAnswer>& answer,
                                                                   int attempt, double jitter);

[[nodiscard]] inline bool is_success(const Result<ExportAnswer>& answer) {
  return answer && answer->status >= 200 && answer->status < 300;
}

}  // namespace weir::tracing
