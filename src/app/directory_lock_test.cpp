#include "app/directory_lock.hpp"

#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite/testing/temporary_folder.hpp"

namespace weir::app {
namespace {

TEST(DirectoryLock, CreatesTheDirectoryAndHoldsIt) {
  const sqlite::TestFolder folder;
  const auto directory = folder / "a/b";
  auto lock = DirectoryLock::acquire(directory);
  ASSERT_TRUE(lock) << lock.error().text;
  EXPECT_TRUE(std::filesystem::is_directory(directory));

  auto second = DirectoryLock::acquire(directory);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::invalid);
  EXPECT_EQ(second.error().code, "directory_in_use");
  EXPECT_NE(second.error().text.find(directory.string()), std::string::npos);
  EXPECT_NE(second.error().text.find(std::to_string(getpid())), std::string::npos) << second.error().text;
}

TEST(DirectoryLock, IsReleasedByItsDestructor) {
  const sqlite::TestFolder folder;
  {
    auto lock = DirectoryLock::acquire(folder.path());
    ASSERT_TRUE(lock);
    const DirectoryLock moved = std::move(*lock);
    EXPECT_FALSE(DirectoryLock::acquire(folder.path()));
  }
  EXPECT_TRUE(DirectoryLock::acquire(folder.path()));
}

TEST(DirectoryLock, IsReleasedWhenTheProcessIsKilled) {
  const sqlite::TestFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = DirectoryLock::acquire(folder.path());
    const char locked = lock ? 'y' : 'n';
    if (write(ready[1], &locked, 1) == 1) pause();
    _exit(1);
  }
  char locked = 0;
  ASSERT_EQ(read(ready[0], &locked, 1), 1);
  EXPECT_EQ(locked, 'y');
  EXPECT_FALSE(DirectoryLock::acquire(folder.path()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DirectoryLock::acquire(folder.path()));
  close(ready[0]);
  close(ready[1]);
}

std::filesystem::perms mode_of(const std::filesystem::path& path) {
  return std::filesystem::status(path).permissions();
}
constexpr auto private_mode = std::filesystem::perms::owner_all;

TEST(DirectoryLock, GivesANewDirectoryToItsOwnerAlone) {
  const sqlite::TestFolder folder;
  ASSERT_TRUE(DirectoryLock::acquire(folder / "a/data/"));
  EXPECT_EQ(mode_of(folder / "a/data"), private_mode);
  EXPECT_EQ(mode_of(folder / "a/data/weir.lock"),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(DirectoryLock, RestrictsADirectoryOfWeirsFilesToItsOwner) {
  const sqlite::TestFolder folder;
  std::ofstream(folder / "events.db-wal") << "x";
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_TRUE(DirectoryLock::acquire(folder.path()));
  EXPECT_EQ(mode_of(folder.path()), private_mode);
}

TEST(DirectoryLock, KeepsTheModeOfADirectoryWithOtherFiles) {
  const sqlite::TestFolder folder;
  std::ofstream(folder / "notes.txt") << "x";
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_TRUE(DirectoryLock::acquire(folder.path()));
  EXPECT_NE(mode_of(folder.path()), private_mode);
}

TEST(DirectoryLock, NamesALinkWhoseTargetIsMissing) {
  const sqlite::TestFolder folder;
  std::filesystem::create_symlink("/nowhere/at/all", folder / "link");
  for (const char* const directory : {"link", "link/data"}) {
    auto lock = DirectoryLock::acquire(folder / directory);
    ASSERT_FALSE(lock);
    EXPECT_NE(
        lock.error().text.find((folder / "link").string() + " is a symbolic link to /nowhere/at/all, which"),
        std::string::npos)
        << lock.error().text;
  }
}

TEST(DirectoryLock, NamesAPathThatIsTooLong) {
  const sqlite::TestFolder folder;
  for (const std::size_t bytes : {256U, 5000U}) {
    auto lock = DirectoryLock::acquire(folder.path() / std::string(bytes, 'x'));
    ASSERT_FALSE(lock);
    EXPECT_NE(lock.error().text.find("is too long ("), std::string::npos) << lock.error().text;
  }
}

TEST(DirectoryLock, RefusesAPathThatIsNoDirectory) {
  const sqlite::TestFolder folder;
  const auto file = folder / "file";
  std::ofstream(file) << "x";
  auto lock = DirectoryLock::acquire(file);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, "cannot_open");
  EXPECT_NE(lock.error().text.find(file.string()), std::string::npos);
}

}  // namespace
}  // namespace weir::app
