#include "base/secret_name.hpp"

#include <array>
#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(SecretName, IsSecretForPasswordsKeysAndTokens) {
  for (const std::string_view name : std::array<std::string_view, 8>{
           "sasl.password", "ssl.key.pem", "ssl.keystore.password", "sasl.oauthbearer.client.secret",
           "sasl.jaas.config", "sasl.oauthbearer.config", "ssl.credentials", "password"})
    EXPECT_TRUE(is_secret_name(name)) << name;
}

TEST(SecretName, IsNotSecretForAddressesAndOptions) {
  for (const std::string_view name : std::array<std::string_view, 5>{"sasl.username", "security.protocol",
                                                                     "socket.timeout.ms", "host", "dbname"})
    EXPECT_FALSE(is_secret_name(name)) << name;
}

}  // namespace
}  // namespace weir
