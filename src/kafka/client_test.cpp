#include "kafka/client.hpp"

#include <gtest/gtest.h>

#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

std::string value_of(const ConfHandle& conf, const char* name) {
  std::array<char, 256> value{};
  std::size_t size = value.size();
  EXPECT_EQ(rd_kafka_conf_get(conf.get(), name, value.data(), &size), RD_KAFKA_CONF_OK) << name;
  return value.data();
}

const std::vector<Property> defaults{{"socket.timeout.ms", "4000"}, {"fetch.wait.max.ms", "100"}};
const std::vector<Property> laws{{"enable.idempotence", "true"}};

TEST(Client, TakesAnOperatorsPropertyBeforeADefaultAndALawBeforeBoth) {
  const Cluster cluster{
      .brokers = "one:9092,two:9092",
      .topic = "events",
      .properties = {{"socket.timeout.ms", "5000"}, {"metadata.broker.list", "three:9092"}}};
  const auto conf = make_conf(cluster, defaults, laws);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(value_of(*conf, "socket.timeout.ms"), "5000");
  EXPECT_EQ(value_of(*conf, "fetch.wait.max.ms"), "100");
  EXPECT_EQ(value_of(*conf, "enable.idempotence"), "true");
  EXPECT_EQ(value_of(*conf, "bootstrap.servers"), "one:9092,two:9092");
}

TEST(Client, NamesThePropertyThatItCannotTake) {
  struct Case {
    Property property;
    std::string_view code;
    std::string_view said;
  };
  for (const auto& [property, code, said] : {
           Case{{"no.such.thing", "1"}, "property_unknown", "no.such.thing"},
           Case{{"socket.timeout.ms", "soon"}, "property_invalid", "soon"},
           Case{{"enable.idempotence", "false"}, "property_reserved", "enable.idempotence"},
           Case{{"bootstrap.servers", "other:9092"}, "property_reserved", "bootstrap.servers"},
       }) {
    const auto conf = make_conf({.properties = {property}}, defaults, laws);
    ASSERT_FALSE(conf) << property.first;
    EXPECT_EQ(conf.error().code, code);
    EXPECT_EQ(conf.error().kind, ErrorKind::invalid);
    EXPECT_NE(conf.error().text.find(said), std::string::npos) << conf.error().text;
  }
}

TEST(Client, NeverRepeatsASecret) {
  const Property secret{"ssl.key.pem", "-----hunter2-----"};
  auto conf = make_conf({.properties = {secret, {"security.protocol", "ssl"}}}, defaults, laws);
  std::string said;
  if (!conf) {
    said = conf.error().text;
  } else {
    const auto log = telemetry::make_silent_logger();
    const auto client = Client::open(Role::producer, std::move(*conf), *log);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, "kafka_settings");
    said = client.error().text;
  }
  EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
}

TEST(Client, SaysWhoseMoveAnErrorIs) {
  struct Case {
    rd_kafka_resp_err_t error;
    std::string_view code;
    ErrorKind kind;
  };
  for (const auto& [error, code, move] : {
           Case{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "broker_away", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "timed_out", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic_unknown", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "not_authorised", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, "not_enough_replicas",
                ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR__QUEUE_FULL, "log_full", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, "offset_out_of_range", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "record_too_large", ErrorKind::invalid},
           Case{RD_KAFKA_RESP_ERR__FATAL, "kafka_fatal", ErrorKind::internal},
           Case{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, "kafka_error", ErrorKind::unavailable},
       }) {
    const auto said = error_of(error, "doing a thing");
    EXPECT_EQ(said.code, code);
    EXPECT_EQ(said.code, code_of(error));
    EXPECT_EQ(said.kind, move) << code;
    EXPECT_EQ(said.text.rfind("doing a thing: ", 0), 0) << said.text;
  }
}

}  // namespace
}  // namespace weir::kafka
