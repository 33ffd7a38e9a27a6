// The one result type of the program, and its one error type.
//
// A function that can fail for a reason that its caller must handle returns Result<T>. Exceptions are only for
// "cannot go on" (out of memory, a broken installation at start); a broken promise of our own aborts (ensure.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// Whose move it is: what may be done about an error, which is the main thing a caller wants to know of it.
enum class Move : std::uint8_t {
  caller,  // the input is wrong: answer 400, dead-letter it, or refuse the setting; trying again cannot help
  peer,    // something outside is away or busy: try again later
  ourselves,  // our own state is not as promised, or the machine fails us (disk): stop and look
};

struct Error {
  Move move = Move::ourselves;
  std::string_view code;  // stable, snake_case, static storage: what counters and tests name
  std::string text;       // one line for the person who must act on it; never a secret
};

template <class T>
using Result = std::expected<T, Error>;

// `return fail(Move::caller, "user_id_missing", "user_id is required");`
[[nodiscard]] inline std::unexpected<Error> fail(Move move, std::string_view code, std::string text) {
  return std::unexpected<Error>(Error{move, code, std::move(text)});
}

// Hands an error of one Result on as an error of another.
template <class T>
[[nodiscard]] std::unexpected<Error> pass_on(Result<T>& failed) {
  return std::unexpected<Error>(std::move(failed).error());
}

}  // namespace weir
