// The result type and the error type of the whole program (docs/adr/0004-one-error-type.md).
//
// A function returns Result<T> if it can fail for a reason that its caller must handle. Exceptions are only
// for failures that end the process (out of memory, a broken installation at start). A violated assertion
// aborts the process (ensure.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// What the caller can do about an error. HTTP status codes and retries are derived from it.
enum class ErrorKind : std::uint8_t {
  invalid,      // the input or a setting is wrong; a retry cannot succeed
  unavailable,  // a server or a resource is unavailable or busy; retry later
  internal,     // Weir's own state or the machine (disk, memory) is at fault; stop and investigate
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string_view
      code;          // stable snake_case identifier in static storage; label of metrics, checked by tests
  std::string text;  // one line for the person who has to act; never contains a secret
};

template <class T>
using Result = std::expected<T, Error>;

// Makes the error of any Result:
//   return fail(ErrorKind::invalid, "user_id_missing", "user_id is required");
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string_view code, std::string text) {
  return std::unexpected<Error>(Error{kind, code, std::move(text)});
}

// Moves the error of one Result into a Result of another type:
//   if (!opened) return propagate(opened);
template <class T>
[[nodiscard]] std::unexpected<Error> propagate(Result<T>& failed) {
  return std::unexpected<Error>(std::move(failed).error());
}

}  // namespace weir
