#include "app/start_gate.hpp"

#include <gtest/gtest.h>
#include <optional>

#include "intake/testing/fake_event_log.hpp"

namespace weir::app {
namespace {

using intake::Receipt;

std::optional<intake::Receipts> append_to(intake::EventLog& log) {
  std::optional<intake::Receipts> answer;
  log.append({.bytes = "event", .records = {{.value_at = 0, .value_bytes = 5}}},
             [&](intake::Receipts receipts) { answer = std::move(receipts); });
  return answer;
}

TEST(StartGate, RefusesEveryEventUntilItIsOpened) {
  intake::FakeEventLog log;
  StartGate gate(log);
  const auto refused = append_to(gate);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->all, Receipt::not_kept);
  EXPECT_EQ(refused->why.code, "log_away") << "a code that the breaker ignores";
  EXPECT_FALSE(gate.health().up);
  EXPECT_EQ(log.health().end, 0);

  gate.open();
  (void)append_to(gate);
  EXPECT_TRUE(gate.health().up);
  EXPECT_EQ(log.health().end, 1);
}

}  // namespace
}  // namespace weir::app
