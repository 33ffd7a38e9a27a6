#include "sqlite/directory_lock.hpp"

#include <fstream>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite/test_folder.hpp"

namespace weir::sqlite {
namespace {

TEST(DirectoryLock, MakesTheDirectoryAndHoldsIt) {
  const TestFolder folder;
  const auto directory = folder / "a/b";
  auto lock = DirectoryLock::take(directory);
  ASSERT_TRUE(lock) << lock.error().text;
  EXPECT_TRUE(std::filesystem::is_directory(directory));

  auto second = DirectoryLock::take(directory);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().move, Move::caller);
  EXPECT_EQ(second.error().code, "directory_in_use");
  EXPECT_NE(second.error().text.find(directory.string()), std::string::npos);
  EXPECT_NE(second.error().text.find(std::to_string(getpid())), std::string::npos) << second.error().text;
}

TEST(DirectoryLock, IsFreeWhenItsHolderIsGone) {
  const TestFolder folder;
  {
    auto lock = DirectoryLock::take(folder.path());
    ASSERT_TRUE(lock);
    const DirectoryLock moved = std::move(*lock);
    EXPECT_FALSE(DirectoryLock::take(folder.path()));
  }
  EXPECT_TRUE(DirectoryLock::take(folder.path()));
}

TEST(DirectoryLock, IsFreeWhenItsHolderWasKilled) {
  const TestFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = DirectoryLock::take(folder.path());
    const char said = lock ? 'y' : 'n';
    if (write(ready[1], &said, 1) == 1) pause();
    _exit(1);
  }
  char said = 0;
  ASSERT_EQ(read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  EXPECT_FALSE(DirectoryLock::take(folder.path()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DirectoryLock::take(folder.path()));
  close(ready[0]);
  close(ready[1]);
}

TEST(DirectoryLock, RefusesAPlaceThatIsNoDirectory) {
  const TestFolder folder;
  const auto file = folder / "file";
  std::ofstream(file) << "x";
  auto lock = DirectoryLock::take(file);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, "cannot_open");
  EXPECT_NE(lock.error().text.find(file.string()), std::string::npos);
}

}  // namespace
}  // namespace weir::sqlite
