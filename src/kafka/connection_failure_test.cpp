#include "kafka/connection_failure.hpp"

#include <gtest/gtest.h>

namespace weir::kafka {
namespace {

TEST(ScramAdvice, IsGivenForScramAndALibrdkafkaWithoutTheCorrection) {
  const std::string_view refused = "invalid credentials with SASL mechanism SCRAM-SHA-256";
  EXPECT_TRUE(scram_advice(refused, 0x020002ff).contains("install librdkafka 2.6.1 or later"));
  EXPECT_TRUE(scram_advice(refused, 0x020600ff).contains("2.6.1"));
  EXPECT_EQ(scram_advice(refused, 0x020601ff), "");
  EXPECT_EQ(scram_advice("Invalid username or password", 0x020002ff), "");
}

}  // namespace
}  // namespace weir::kafka
