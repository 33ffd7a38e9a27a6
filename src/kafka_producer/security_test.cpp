#include "kafka_producer/security.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace weir::kafka_producer {
namespace {

using kafka::Property;

TEST(Security, IsPlaintextWithoutProperties) {
  const auto security = read_security({});
  ASSERT_TRUE(security);
  EXPECT_EQ(security->protocol, "PLAINTEXT");
  EXPECT_FALSE(security->tls);
  EXPECT_FALSE(security->login);
}

TEST(Security, ReadsTlsAndTheLogin) {
  const std::vector<Property> properties{{"security.protocol", "sasl_ssl"},
                                         {"sasl.mechanism", "SCRAM-SHA-512"},
                                         {"sasl.username", "ada"},
                                         {"sasl.password", "secret"},
                                         {"ssl.ca.location", "/ca.pem"},
                                         {"ssl.certificate.location", "/client.pem"},
                                         {"ssl.key.location", "/client.key"},
                                         {"ssl.key.password", "other secret"},
                                         {"ssl.endpoint.identification.algorithm", "none"},
                                         {"group.instance.id", "1"},
                                         {"fetch.min.bytes", "1"}};
  const auto security = read_security(properties);
  ASSERT_TRUE(security) << security.error();
  EXPECT_EQ(security->protocol, "SASL_SSL");
  ASSERT_TRUE(security->tls && security->login);
  EXPECT_EQ(security->tls->authorities, "/ca.pem");
  EXPECT_EQ(security->tls->certificate, "/client.pem");
  EXPECT_EQ(security->tls->key, "/client.key");
  EXPECT_EQ(security->tls->key_password, "other secret");
  EXPECT_FALSE(security->tls->checks_host);
  EXPECT_EQ(security->login->mechanism, sasl::Mechanism::scram_sha_512);
  EXPECT_EQ(security->login->user, "ada");
  EXPECT_EQ(security->login->password, "secret");
}

TEST(Security, ChecksTheHostByDefault) {
  const std::vector<Property> properties{{"security.protocol", "SSL"}};
  EXPECT_TRUE(read_security(properties)->tls->checks_host);
}

TEST(Security, NamesWhatItDoesNotSupport) {
  const auto reason = [](std::vector<Property> properties) {
    const auto security = read_security(properties);
    return security ? "none" : security.error();
  };
  EXPECT_EQ(reason({{"socket.timeout.ms", "1"}}), "KAFKA_PROPERTY_ sets socket.timeout.ms");
  EXPECT_EQ(reason({{"ssl.ca.pem", "secret"}}), "KAFKA_PROPERTY_ sets ssl.ca.pem");
  EXPECT_EQ(reason({{"security.protocol", "SASL_SSL"}}), "sasl.mechanism is GSSAPI");
  EXPECT_EQ(reason({{"security.protocol", "sasl_plaintext"}, {"sasl.mechanisms", "OAUTHBEARER"}}),
            "sasl.mechanism is OAUTHBEARER");
  EXPECT_EQ(reason({{"security.protocol", "x"}}), "security.protocol is X");
}

}  // namespace
}  // namespace weir::kafka_producer
