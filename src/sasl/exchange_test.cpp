#include "sasl/exchange.hpp"

#include <gtest/gtest.h>

namespace weir::sasl {
namespace {

// The example of RFC 7677 §3.
const Credentials rfc_7677{Mechanism::scram_sha_256, "user", "pencil"};
constexpr std::string_view nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

// Returns the text of the error, or "none".
std::string error_after(std::string_view server_message) {
  Exchange login(rfc_7677, std::string(nonce));
  static_cast<void>(login.first_message());
  const auto next = login.on_message(server_message);
  if (next) return "none";
  EXPECT_EQ(next.error().code, code_not_authenticated);
  EXPECT_FALSE(next.error().text.contains("pencil"));
  return next.error().text;
}

TEST(Scram, FollowsTheExampleOfRfc7677) {
  Exchange login(rfc_7677, std::string(nonce));
  EXPECT_EQ(login.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto proof = login.on_message(challenge);
  ASSERT_TRUE(proof && *proof);
  EXPECT_EQ(**proof,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  const auto end = login.on_message("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  ASSERT_TRUE(end) << end.error().text;
  EXPECT_FALSE(*end);
}

// Computed with Python's hashlib and hmac, by RFC 5802 §3.
TEST(Scram, ComputesTheProofAndTheSignatureWithSha512) {
  Exchange login({Mechanism::scram_sha_512, "user", "pencil"}, std::string(nonce));
  static_cast<void>(login.first_message());
  const auto proof = login.on_message(challenge);
  ASSERT_TRUE(proof && *proof);
  EXPECT_TRUE((*proof)->ends_with(
      ",p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="));
  EXPECT_TRUE(login.on_message(
      "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="));
}

TEST(Scram, RefusesAServerThatDoesNotKnowThePassword) {
  Exchange login(rfc_7677, std::string(nonce));
  static_cast<void>(login.first_message());
  ASSERT_TRUE(login.on_message(challenge));
  for (const std::string_view wrong :
       {"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "", "v=6rri", "x=6rri"})
    EXPECT_FALSE(login.on_message(wrong)) << wrong;
  const auto refused = login.on_message("e=other-error");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "the SASL login failed: the server reports other-error");
}

TEST(Scram, RefusesAWrongChallenge) {
  EXPECT_EQ(error_after(challenge), "none");
  for (const std::string_view wrong :
       {"", "r=", "r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==", "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO1,s=*,i=4096",
        "m=x,r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"})
    EXPECT_EQ(error_after(wrong), "the SASL login failed: the server sent no SCRAM challenge") << wrong;
  for (const std::string_view foreign : {"r=rOprNGfwEbeRWgbNEkqO", "r=someone-elses-nonce"})
    EXPECT_TRUE(error_after(std::string(foreign) + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").contains("nonce"));
  for (const std::string_view rounds : {"1", "4095", "65537", "99999999999", "4096x", "-1", ""})
    EXPECT_TRUE(error_after("r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=" + std::string(rounds))
                    .contains("expected 4096 to 65536 SCRAM iterations"))
        << rounds;
}

TEST(Scram, EscapesTheUserName) {
  Exchange login({Mechanism::scram_sha_256, "a,b=c", "pencil"}, "nonce");
  EXPECT_EQ(login.first_message(), "n,,n=a=2Cb=3Dc,r=nonce");
}

TEST(Plain, SendsUserAndPasswordOnce) {
  Exchange login({Mechanism::plain, "user", "pencil"}, "");
  EXPECT_EQ(login.first_message(), std::string("\0user\0pencil", 12));
  const auto end = login.on_message("");
  EXPECT_TRUE(end && !*end);
}

TEST(Mechanisms, HaveTheirRegisteredNames) {
  for (const std::string_view name : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})
    EXPECT_EQ(name_of(parse_mechanism(name).value()), name);
  EXPECT_FALSE(parse_mechanism("GSSAPI"));
  EXPECT_FALSE(parse_mechanism("OAUTHBEARER"));
}

TEST(RandomNonce, IsDifferentEachTimeAndHasNoComma) {
  const std::string one = random_nonce();
  EXPECT_EQ(one.size(), 24U);
  EXPECT_FALSE(one.contains(','));
  EXPECT_NE(one, random_nonce());
}

}  // namespace
}  // namespace weir::sasl
