#include "app/descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace weir::app {
namespace {

// Runs the claim in a child process, because it changes state of the whole process. Returns whether it held.
template <class Claim>
bool holds_in_a_child(Claim claim) {
  const pid_t child = fork();
  if (child == 0) _exit(claim() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Descriptors, Fault44NoFileGetsTheNumberOfAClosedStandardStream) {
  EXPECT_TRUE(holds_in_a_child([] {
    for (int descriptor = 0; descriptor < 3; ++descriptor) close(descriptor);
    open_standard_descriptors();
    const int file = open("/dev/zero", O_RDONLY);
    return file > 2;
  }));
}

TEST(Descriptors, Fault44WritingToAClosedStandardOutputStillFails) {
  EXPECT_TRUE(holds_in_a_child([] {
    close(STDOUT_FILENO);
    open_standard_descriptors();
    return write(STDOUT_FILENO, "x", 1) == -1 && errno == EBADF;
  }));
}

TEST(Descriptors, OpenStandardStreamsDoNotChange) {
  EXPECT_TRUE(holds_in_a_child([] {
    struct stat before{};
    struct stat after{};
    if (fstat(STDERR_FILENO, &before) != 0) return false;
    open_standard_descriptors();
    return fstat(STDERR_FILENO, &after) == 0 && before.st_ino == after.st_ino &&
           before.st_dev == after.st_dev;
  }));
}

TEST(Descriptors, Fault44TheSoftLimitIsRaisedToTheHardOne) {
  EXPECT_TRUE(holds_in_a_child([] {
    rlimit limit{.rlim_cur = 64, .rlim_max = 256};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    return raise_descriptor_limit() == 256 && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 256;
  }));
}

TEST(Descriptors, Fault44ConnectionsLeaveDescriptorsForStoresAndLog) {
  for (const std::size_t limit : {256U, 512U, 1024U, 4096U, 1'048'576U})
    for (const int threads : {1, 2, 8}) {
      const std::size_t connections = connections_within(limit, threads);
      const std::size_t rejected = connections / 8 + static_cast<std::size_t>(threads);
      EXPECT_LE(connections + rejected + limits::reserved_descriptors, limit) << limit << ' ' << threads;
      EXPECT_GE(connections, 64U) << limit << ' ' << threads;
    }
  EXPECT_EQ(connections_within(1'048'576, 2), limits::connections_max);
  EXPECT_EQ(connections_within(16, 4), 4U) << "one for each thread, however low the limit is";
}

}  // namespace
}  // namespace weir::app
