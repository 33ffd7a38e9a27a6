#include "postgres/connection_settings.hpp"

#include <gtest/gtest.h>
#include <map>

#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

using namespace std::chrono_literals;

std::map<std::string, std::string> map_of(const Keywords& keywords) {
  return {keywords.begin(), keywords.end()};
}

TEST(ConnectionSettings, BecomeKeywordsWithAnyCharacters) {
  ConnectionSettings settings;
  settings.host = "db.example.org";
  settings.port = 6432;
  settings.user = "o'neil";
  settings.password = "a b=c'd\\e";
  settings.dbname = "host=elsewhere";
  auto keywords = map_of(keywords_of(settings).value());
  EXPECT_EQ(keywords["host"], "db.example.org");
  EXPECT_EQ(keywords["port"], "6432");
  EXPECT_EQ(keywords["user"], "o'neil");
  EXPECT_EQ(keywords["password"], "a b=c'd\\e");
  EXPECT_EQ(keywords["dbname"], "host=elsewhere");
  EXPECT_EQ(keywords["fallback_application_name"], "weir");
  EXPECT_EQ(keywords["client_encoding"], "UTF8");
}

TEST(ConnectionSettings, LeaveAnEmptyPasswordToLibpq) {
  EXPECT_FALSE(map_of(keywords_of({}).value()).contains("password"));
}

TEST(ConnectionSettings, AreOverriddenByAUrl) {
  ConnectionSettings settings;
  settings.password = "not this one";
  settings.url =
      "postgresql://me:p%40ss@one,two:6432/numbers?connect_timeout=2&application_name=mine&sslmode=require";
  auto keywords = map_of(keywords_of(settings).value());
  EXPECT_EQ(keywords["host"], "one,two");
  EXPECT_EQ(keywords["user"], "me");
  EXPECT_EQ(keywords["password"], "p@ss");
  EXPECT_EQ(keywords["dbname"], "numbers");
  EXPECT_EQ(keywords["sslmode"], "require");
  EXPECT_EQ(keywords["connect_timeout"], "2");
  EXPECT_EQ(keywords["application_name"], "mine");
  EXPECT_EQ(connect_timeout_of(keywords_of(settings).value()), 4s) << "two for each host";
  settings.url = "host=/run/postgresql dbname=numbers";
  EXPECT_EQ(address_of(keywords_of(settings).value()), "/run/postgresql:5432/numbers");
}

TEST(ConnectionSettings, DetectADeadPeerInTimeOnBothSides) {
  ConnectionSettings settings;
  settings.dead_peer_timeout = 8s;
  auto keywords = map_of(keywords_of(settings).value());
  EXPECT_EQ(keywords["keepalives_idle"], "4");
  EXPECT_EQ(keywords["keepalives_interval"], "1");
  EXPECT_EQ(keywords["keepalives_count"], "4");
  EXPECT_EQ(keywords["tcp_user_timeout"], "8000");
  auto session = map_of(session_settings_of(settings));
  EXPECT_EQ(session["tcp_keepalives_idle"], "4");
  EXPECT_EQ(session["tcp_user_timeout"], "8000");
}

TEST(ConnectionSettings, SetTheTimeoutsOfTheServer) {
  ConnectionSettings settings;
  settings.session = {{"jit", "off"}};
  auto session = map_of(session_settings_of(settings));
  EXPECT_EQ(session["statement_timeout"], "30000");
  EXPECT_EQ(session["lock_timeout"], "15000");
  EXPECT_EQ(session["idle_in_transaction_session_timeout"], "5000");
  EXPECT_EQ(session["TimeZone"], "UTC");
  EXPECT_EQ(session["jit"], "off");
  EXPECT_FALSE(session.contains("search_path"));
  EXPECT_GT(settings.answer_timeout, settings.statement_timeout);
}

TEST(ConnectionSettings, QuoteNothingOfAMalformedUrl) {
  for (const std::string url :
       {"postgresql://me:secret%zz@host/db", "password=se cret host", "postgresql://me:se@cret@host/db",
        "postgresql://me:secret@host/db?nonsense=secret"}) {
    ConnectionSettings settings;
    settings.url = url;
    auto refused = keywords_of(settings);
    ASSERT_FALSE(refused.has_value()) << url;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_EQ(refused.error().code, code_settings);
    EXPECT_NE(refused.error().text.find("DATABASE_URL"), std::string::npos);
    EXPECT_EQ(refused.error().text.find("cret"), std::string::npos) << refused.error().text;
  }
}

}  // namespace
}  // namespace weir::postgres
