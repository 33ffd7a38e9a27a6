#include "base/published.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>

namespace weir {
namespace {

TEST(Published, ShowsEachReaderTheNewestValue) {
  Published<std::string> published(std::make_shared<const std::string>("one"));
  Published<std::string>::Reader reader(published);
  EXPECT_EQ(reader.newest(), "one");
  published.publish(std::make_shared<const std::string>("two"));
  EXPECT_EQ(reader.newest(), "two");
  EXPECT_EQ(Published<std::string>::Reader(published).newest(), "two");
  EXPECT_EQ(*published.get(), "two");
}

TEST(Published, CanBeReplacedWhileOthersRead) {
  Published<int> published(std::make_shared<const int>(0));
  std::thread other([&] {
    Published<int>::Reader reader(published);
    for (int last = 0; last < 1000;) {
      const int now = reader.newest();
      EXPECT_GE(now, last);
      last = now;
    }
  });
  for (int value = 1; value <= 1000; ++value) published.publish(std::make_shared<const int>(value));
  other.join();
}

}  // namespace
}  // namespace weir
