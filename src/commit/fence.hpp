// Whether the stores of this build have the fence: theirs to ask, and the program's, which says so where it
// is missing.
#pragma once

#include <string_view>

namespace weir::commit {

// Only `weir_unfenced` (tests/CMakeLists.txt) has none: the bug that tests of the deployed service must find.
// What stands behind the fence by itself (constraints, locks) is left in place there.
#ifdef WEIR_WITHOUT_FENCE
inline constexpr bool fenced = false;
#else
inline constexpr bool fenced = true;
#endif

// SQL behind a fence's conditions, inside their brackets.
inline constexpr std::string_view fence_condition_suffix = fenced ? "" : " OR true";

}  // namespace weir::commit
