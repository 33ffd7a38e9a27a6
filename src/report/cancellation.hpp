// Ends the work on an API query at its deadline, or when its client closes the connection.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"

namespace weir::report {

inline constexpr std::string_view code_query_timeout = "question_timeout";
inline constexpr std::string_view code_client_gone = "client_gone";

// A value type; all copies of one query share its stop token and its clock. check() is thread-safe if the
// clock is. A metrics reader calls check() while it waits for the store and after each batch of rows.
class Cancellation {
 public:
  using Clock = std::function<MonoTime()>;

  // A cancellation that is never due.
  Cancellation() = default;
  // Due at `deadline` by `clock`, or as soon as a stop is requested of `client_gone`.
  Cancellation(MonoTime deadline, std::stop_token client_gone, Clock clock)
      : deadline_(deadline), client_gone_(std::move(client_gone)), clock_(std::move(clock)) {}

  // Error: ErrorKind::unavailable, code_client_gone or code_query_timeout. Then the caller ends the query and
  // returns this error. Costs one read of the clock.
  [[nodiscard]] Result<void> check() const {
    if (client_gone_.stop_requested())
      return fail(ErrorKind::unavailable, code_client_gone,
                  "the client closed the connection before the answer was ready");
    if (!clock_ || clock_() < deadline_) return {};
    return fail(ErrorKind::unavailable, code_query_timeout,
                "the answer took longer than the limit of " + std::to_string(limits::query_deadline.count()) +
                    " s; ask for a shorter range, or ask again when the service is less busy");
  }

  // Returns the deadline for waits that cannot call check(), or MonoTime::max() if there is none.
  [[nodiscard]] MonoTime deadline() const { return deadline_; }

 private:
  MonoTime deadline_ = MonoTime::max();
  std::stop_token client_gone_;
  Clock clock_;
};

}  // namespace weir::report
