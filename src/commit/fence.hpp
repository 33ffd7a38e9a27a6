// Whether this build has the fence.
//
// Only the test program `weir_unfenced` (tests/CMakeLists.txt) is built without it: a planted bug that the
// tests of a deployed service must find. The constraints and locks of the stores stay in that build.
#pragma once

#include <string_view>

namespace weir::commit {

#ifdef WEIR_WITHOUT_FENCE
inline constexpr bool fenced = false;
#else
inline constexpr bool fenced = true;
#endif

// The stores append this SQL to the condition of a fence, inside its parentheses.
inline constexpr std::string_view fence_condition_suffix = fenced ? "" : " OR true";

}  // namespace weir::commit
