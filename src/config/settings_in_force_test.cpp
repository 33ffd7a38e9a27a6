#include "config/settings_in_force.hpp"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

Loaded loaded(Texts file) {
  auto result = load(
      {.command = Command::serve, .file = {.origin = Origin::file, .texts = std::move(file), .errors = {}}});
  EXPECT_TRUE(result);
  return result ? *std::move(result) : Loaded{};
}

using Lines = std::vector<std::string>;

TEST(SettingsInForce, TellWhatChangesNowAndWhatNeedsARestart) {
  SettingsInForce in_force(loaded({{"BATCH_SIZE", "7"}, {"SERVER_PORT", "9000"}, {"API_KEYS", "a:one"}}));
  const Loaded newer = loaded({{"LOG_LEVEL", "debug"}, {"SERVER_PORT", "9001"}, {"API_KEYS", "a:two"}});
  const SettingChanges first = in_force.update(newer);
  EXPECT_EQ(first.applied, (Lines{"API_KEYS", "BATCH_SIZE=\"100\"", "LOG_LEVEL=\"debug\""}));
  EXPECT_EQ(first.need_restart, (Lines{"SERVER_PORT=\"9001\""}));

  const SettingChanges again = in_force.update(newer);
  EXPECT_EQ(again.applied, Lines{});
  EXPECT_EQ(again.need_restart, (Lines{"SERVER_PORT=\"9001\""})) << "it is still not in force";

  const SettingChanges back = in_force.update(loaded({{"SERVER_PORT", "9000"}}));
  EXPECT_EQ(back.applied, (Lines{"API_KEYS", "LOG_LEVEL=\"info\""}));
  EXPECT_EQ(back.need_restart, Lines{});
}

}  // namespace
}  // namespace weir::config
