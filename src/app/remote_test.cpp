#include "app/remote.hpp"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(Remote, IsCompletedFromTheSettings) {
  config::Settings settings;
  settings.server_port = 9000;
  Remote open;
  open.complete(settings);
  EXPECT_EQ(open.url, "http://127.0.0.1:9000");
  EXPECT_TRUE(open.credentials.empty());

  settings.dashboard_password = "s3cret";
  Remote with_password{.url = "http://weir"};
  with_password.complete(settings);
  EXPECT_EQ(with_password.url, "http://weir");
  EXPECT_EQ(with_password.credentials, (http::HeaderList{{"Authorization", "Basic d2VpcjpzM2NyZXQ="}}));

  settings.weir_api_key = "of the environment";
  Remote with_variable;
  with_variable.complete(settings);
  EXPECT_EQ(with_variable.credentials, (http::HeaderList{{"Authorization", "Bearer of the environment"}}));
  Remote with_option{.key = "typed"};
  with_option.complete(settings);
  EXPECT_EQ(with_option.credentials, (http::HeaderList{{"Authorization", "Bearer typed"}}));
}

TEST(Remote, TakesNoKeyThatCouldEndAHeader) {
  std::string key;
  const Argument argument = key_into(key);
  EXPECT_TRUE(argument.take("s3cret"));
  EXPECT_EQ(key, "s3cret");
  for (const char* const bad : {"", "a b", "a\r\nX: y", "\xc3\xa9"}) EXPECT_FALSE(argument.take(bad)) << bad;
}

TEST(Remote, HidesTheValueOfTheOptionOnly) {
  std::vector<std::string> texts{"weir",         "stats",  "--key", "s3cret",
                                 "--key=s3cret", "--keys", "--url", "--key"};
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  hide_key(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(texts, (std::vector<std::string>{"weir", "stats", "--key", "xxxxxx", "--key=xxxxxx", "--keys",
                                             "--url", "--key"}));
}

}  // namespace
}  // namespace weir::app
