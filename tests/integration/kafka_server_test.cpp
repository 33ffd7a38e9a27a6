// The Kafka server of the other tests: it starts, keeps its data over a kill, and restarts.
#include "support/kafka_server.hpp"

#include <csignal>
#include <gtest/gtest.h>

#include "support/child.hpp"

namespace weir::support {
namespace {

TEST(KafkaServer, KeepsItsTopicsAndItsPortAfterAKill) {
  if (const std::string lack = kafka_missing(); !lack.empty()) return missing(lack);
  KafkaServer& server = shared_kafka();
  const std::string topic = server.make_topic("kept", 12, "message.timestamp.type=LogAppendTime");
  EXPECT_NE(topic, server.make_topic("kept", 1)) << "every topic has a name of its own";
  if (!server.ours()) return;

  const std::string brokers = server.brokers();
  server.kill();
  EXPECT_EQ(server.pid(), -1);
  server.restart();
  EXPECT_EQ(server.brokers(), brokers);
  EXPECT_EQ(::kill(server.pid(), 0), 0);
  EXPECT_EQ(server.partitions(topic), 12);
}

}  // namespace
}  // namespace weir::support
