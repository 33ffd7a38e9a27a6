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
const std::vector<Property> required{{"enable.idempotence", "true"}};

TEST(Client, PrefersRequiredPropertiesToTheOperatorsAndThoseToDefaults) {
  const Cluster cluster{
      .brokers = "one:9092,two:9092",
      .topic = "events",
      .properties = {{"socket.timeout.ms", "5000"}, {"metadata.broker.list", "three:9092"}}};
  const auto conf = make_conf(cluster, defaults, required);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(value_of(*conf, "socket.timeout.ms"), "5000");
  EXPECT_EQ(value_of(*conf, "fetch.wait.max.ms"), "100");
  EXPECT_EQ(value_of(*conf, "enable.idempotence"), "true");
  EXPECT_EQ(value_of(*conf, "bootstrap.servers"), "one:9092,two:9092");
}

TEST(Client, NamesThePropertyThatItRejects) {
  struct Case {
    Property property;
    std::string_view code;
    std::string_view named;
  };
  for (const auto& [property, code, named] : {
           Case{{"no.such.thing", "1"}, "property_unknown", "no.such.thing"},
           Case{{"socket.timeout.ms", "soon"}, "property_invalid", "soon"},
           Case{{"enable.idempotence", "false"}, "property_reserved", "enable.idempotence"},
           Case{{"bootstrap.servers", "other:9092"}, "property_reserved", "bootstrap.servers"},
       }) {
    const auto conf = make_conf({.properties = {property}}, defaults, required);
    ASSERT_FALSE(conf) << property.first;
    EXPECT_EQ(conf.error().code, code);
    EXPECT_EQ(conf.error().kind, ErrorKind::invalid);
    EXPECT_NE(conf.error().text.find(named), std::string::npos) << conf.error().text;
  }
}

TEST(Client, NeverRepeatsTheValueOfASecret) {
  const Property secret{"ssl.key.pem", "-----hunter2-----"};
  auto conf = make_conf({.properties = {secret, {"security.protocol", "ssl"}}}, defaults, required);
  std::string text;
  if (!conf) {
    text = conf.error().text;
  } else {
    const auto log = telemetry::make_silent_logger();
    const auto client = Client::open(Role::producer, std::move(*conf), *log);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, "kafka_settings");
    text = client.error().text;
  }
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::kafka
