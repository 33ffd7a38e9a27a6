#include "app/standard_output.hpp"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <unistd.h>

namespace weir::app {
namespace {

TEST(DescriptorBuffer, WritesAllInOrder) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  DescriptorBuffer buffer(ends[1]);
  std::ostream out(&buffer);
  const std::string text(40'000, 'x');
  out << "a" << text.substr(0, 20'000) << 17 << std::flush;
  close(ends[1]);
  std::string read(30'000, ' ');
  read.resize(static_cast<std::size_t>(::read(ends[0], read.data(), read.size())));
  close(ends[0]);
  EXPECT_EQ(read, "a" + text.substr(0, 20'000) + "17");
  EXPECT_TRUE(out);
  EXPECT_EQ(buffer.error(), 0);
}

TEST(DescriptorBuffer, Fault44KeepsTheFirstError) {
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  DescriptorBuffer buffer(full);
  std::ostream out(&buffer);
  out << "a";
  EXPECT_TRUE(out) << "it is only buffered";
  EXPECT_FALSE(out.flush());
  close(full);
  out.clear();
  EXPECT_TRUE(out.flush()) << "the failed output was discarded, and nothing was added since";
  out << "b";
  EXPECT_FALSE(out.flush());
  EXPECT_EQ(buffer.error(), ENOSPC) << "the first error is kept";
}

TEST(DescriptorBuffer, Fault44FailsOnAClosedDescriptor) {
  DescriptorBuffer buffer(-1);
  std::ostream out(&buffer);
  out << std::string(100'000, 'x');
  EXPECT_FALSE(out);
  EXPECT_EQ(buffer.error(), EBADF);
}

}  // namespace
}  // namespace weir::app
