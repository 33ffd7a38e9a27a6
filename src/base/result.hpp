// The one result type of the program, and its one error type.
//
// A function that can fail for a reason that its caller must handle returns Result<T>. Exceptions are only
// for "cannot go on" (out of memory, a broken installation at start); a broken promise of our own aborts
// (ensure.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// Whose move it is: what may be done about an error, which is the main thing a caller wants to know of it.
enum class ErrorKind : std::uint8_t {
  invalid,      // the input or a setting is wrong; trying again cannot help
  unavailable,  // something outside is away or busy: try again later
  internal,     // our own state or the machine (disk) fails: stop and look
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string_view code;  // stable, snake_case, static storage: what counters and tests name
  std::string text;       // one line for the person who must act on it; never a secret
};

template <class T>
using Result = std::expected<T, Error>;

// `return fail(ErrorKind::invalid, "user_id_missing", "user_id is required");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string_view code, std::string text) {
  return std::unexpected<Error>(Error{kind, code, std::move(text)});
}

// Hands an error of one Result on as an error of another.
template <class T>
[[nodiscard]] std::unexpected<Error> propagate(Result<T>& failed) {
  return std::unexpected<Error>(std::move(failed).error());
}

}  // namespace weir
