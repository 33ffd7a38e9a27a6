#include "importer/default_state_dir.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace weir::importer {
namespace {

TEST(StateDir, Fault44DoesNotDependOnTheCurrentFolder) {
  using Text = std::optional<std::string>;
  struct Case {
    Text xdg_state_home, home, passwd_home;
    std::string expected;
  };
  const std::vector<Case> cases = {{"/state", "/home/ada", "/home/passwd", "/state/weir"},
                                   {{}, "/home/ada", "/home/passwd", "/home/ada/.local/state/weir"},
                                   {"", "/home/ada", "/home/passwd", "/home/ada/.local/state/weir"},
                                   {"state", "/home/ada", "/home/passwd", "/home/ada/.local/state/weir"},
                                   {{}, {}, "/home/passwd", "/home/passwd/.local/state/weir"},
                                   {{}, "", "/home/passwd", "/home/passwd/.local/state/weir"},
                                   {{}, ".", "/home/passwd", "/home/passwd/.local/state/weir"},
                                   {"./x", "ada", "/home/passwd", "/home/passwd/.local/state/weir"}};
  for (const Case& one : cases) {
    const auto found =
        default_state_dir({.xdg_state_home = one.xdg_state_home, .home = one.home, .passwd_home = [&] {
                             return one.passwd_home;
                           }});
    ASSERT_TRUE(found) << one.expected;
    EXPECT_EQ(*found, one.expected);
  }
}

TEST(StateDir, Fault44MustBeGivenWhereNoHomeIsKnown) {
  for (const std::optional<std::string>& passwd_home :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("x")}) {
    const auto found = default_state_dir({.passwd_home = [&] { return passwd_home; }});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::invalid);
    EXPECT_TRUE(found.error().text.ends_with("expected --state DIR"));
  }
}

}  // namespace
}  // namespace weir::importer
