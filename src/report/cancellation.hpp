// Tells when the work on a question must end: at its deadline, or because its client has closed the
// connection.
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

// A value, shared by everything that works on one question. Reading it is thread-safe if the clock is. The
// clock is a parameter: a metrics reader asks check() while it waits for the store and after each batch of
// rows.
class Cancellation {
 public:
  using Clock = std::function<MonoTime()>;

  // Is never due.
  Cancellation() = default;
  Cancellation(MonoTime deadline, std::stop_token client_gone, Clock clock)
      : deadline_(deadline), client_gone_(std::move(client_gone)), clock_(std::move(clock)) {}

  // ErrorKind::unavailable, code_client_gone or code_question_timeout: the question must end, and this is its
  // answer. Costs one reading of the clock.
  [[nodiscard]] Result<void> check() const {
    if (client_gone_.stop_requested())
      return fail(ErrorKind::unavailable, code_client_gone,
                  "the client closed the connection before the answer was ready");
    if (!clock_ || clock_() < deadline_) return {};
    return fail(ErrorKind::unavailable, code_query_timeout,
                "the answer took longer than the limit of " + std::to_string(limits::query_deadline.count()) +
                    " s; ask for a shorter range, or ask again when the service is less busy");
  }

  // For waits that cannot call check(): MonoTime::max() without a deadline.
  [[nodiscard]] MonoTime deadline() const { return deadline_; }

 private:
  MonoTime deadline_ = MonoTime::max();
  std::stop_token client_gone_;
  Clock clock_;
};

}  // namespace weir::report
