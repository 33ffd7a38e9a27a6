#include "tls/server_identity.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "tls/testing/certificates.hpp"

namespace weir::tls {
namespace {

using std::chrono::days;

class ServerIdentityTest : public testing::Test {
 protected:
  ServerIdentityTest() { certificates_.issue("weir"); }

  Result<std::unique_ptr<ServerIdentity>> open(const std::string& certificate, const std::string& key,
                                               days later = days(0)) {
    return ServerIdentity::open({certificates_.file(certificate), certificates_.file(key)},
                                read_clock().wall + later);
  }
  // The text of the error, with the folder left out.
  std::string error_of(const std::string& certificate, const std::string& key, days later = days(0)) {
    const auto opened = open(certificate, key, later);
    if (opened) return "none";
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_EQ(opened.error().code, code_tls_files);
    std::string text = opened.error().text;
    const std::string folder = certificates_.folder().string() + "/";
    for (std::size_t at; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
    return text;
  }

  Certificates certificates_;
};

TEST_F(ServerIdentityTest, StatesSubjectExpiryAndFingerprint) {
  const auto identity = open("weir.pem", "weir.key");
  ASSERT_TRUE(identity) << identity.error().text;
  const CertificateFacts facts = (*identity)->facts();
  EXPECT_EQ(facts.subject, "CN = weir");
  EXPECT_GT(facts.not_after, read_clock().wall + std::chrono::hours(23));
  EXPECT_LT(facts.not_after, read_clock().wall + std::chrono::hours(25));
  EXPECT_EQ(facts.fingerprint.size(), 64U);
}

TEST_F(ServerIdentityTest, RefusesWrongFilesByNameAndReason) {
  certificates_.issue("other");
  certificates_.openssl("ec -in weir.key -aes128 -passout pass:secret -out encrypted.key");
  std::ofstream(certificates_.file("text.pem")) << "no certificate\n";
  std::ofstream(certificates_.file("empty.key"));
  EXPECT_EQ(error_of("gone.pem", "weir.key"),
            "TLS_CERT=\"gone.pem\": cannot be read: No such file or directory");
  EXPECT_EQ(error_of("weir.pem", "gone.key"),
            "TLS_KEY=\"gone.key\": cannot be read: No such file or directory");
  EXPECT_EQ(error_of("", "weir.key").substr(0, 8), "TLS_CERT");
  EXPECT_EQ(error_of("text.pem", "weir.key"),
            "TLS_CERT=\"text.pem\": expected certificates in PEM that TLS can use (no start line)");
  EXPECT_EQ(error_of("weir.pem", "empty.key").substr(0, 55),
            "TLS_KEY=\"empty.key\": expected a private key in PEM (uns");
  EXPECT_EQ(error_of("weir.pem", "encrypted.key"),
            "TLS_KEY=\"encrypted.key\": the key is encrypted; expected a key without a password");
  EXPECT_EQ(error_of("weir.pem", "other.key"),
            "TLS_KEY=\"other.key\": the key does not belong to the certificate in TLS_CERT=\"weir.pem\" (key "
            "values mismatch)");
}

TEST_F(ServerIdentityTest, RefusesACertificateOutsideItsValidity) {
  EXPECT_TRUE(error_of("weir.pem", "weir.key", days(2))
                  .starts_with("TLS_CERT=\"weir.pem\": the certificate expired at 20"));
  EXPECT_TRUE(error_of("weir.pem", "weir.key", days(-2))
                  .starts_with("TLS_CERT=\"weir.pem\": the certificate is not valid before 20"));
}

TEST_F(ServerIdentityTest, RefusesAKeyThatIsTooWeak) {
  certificates_.openssl(
      "req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.pem -days 1 -subj /CN=weak");
  EXPECT_EQ(error_of("weak.pem", "weak.key"),
            "TLS_CERT=\"weak.pem\": expected certificates in PEM that TLS can use (ee key too small)");
}

TEST_F(ServerIdentityTest, ReloadsBothFilesOrKeepsBoth) {
  const auto identity = open("weir.pem", "weir.key");
  ASSERT_TRUE(identity);
  const CertificateFacts before = (*identity)->facts();
  certificates_.openssl("ecparam -name prime256v1 -genkey -noout -out weir.key");  // of no certificate
  const auto refused = (*identity)->reload(read_clock().wall);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().text.contains("does not belong to the certificate"));
  EXPECT_EQ((*identity)->facts(), before);
  certificates_.issue("weir");
  EXPECT_TRUE((*identity)->reload(read_clock().wall));
  EXPECT_NE((*identity)->facts().fingerprint, before.fingerprint);
}

}  // namespace
}  // namespace weir::tls
