#include "sqlite/file_watch.hpp"

#include <fstream>

#include "sqlite/testing/temporary_folder.hpp"

namespace weir::sqlite {
namespace {

class FileWatchTest : public testing::Test {
 protected:
  void write(const std::string& name) const { std::ofstream(folder_ / name) << "x"; }

  TestFolder folder_;
};

TEST_F(FileWatchTest, Fault42ReportsAFileThatIsDeletedOrReplaced) {
  for (const std::string name : {"events.db", "events.db-wal", "events.db-shm"}) {
    for (const char* const other : {"events.db", "events.db-wal", "events.db-shm"}) write(other);
    FileWatch watch({folder_ / "events.db"});
    EXPECT_EQ(watch.find_missing(), std::nullopt);

    std::filesystem::rename(folder_ / name, folder_ / "aside");
    EXPECT_EQ(watch.find_missing(), (folder_ / name).string() + " was deleted");
    write(name);
    EXPECT_EQ(watch.find_missing(), (folder_ / name).string() + " was replaced by another file");
    std::filesystem::rename(folder_ / "aside", folder_ / name);
    EXPECT_EQ(watch.find_missing(), std::nullopt) << "the same file is back";
  }
}

TEST_F(FileWatchTest, WatchesAFileThatIsCreatedLater) {
  write("metrics.db");
  FileWatch watch({folder_ / "metrics.db"});
  EXPECT_EQ(watch.find_missing(), std::nullopt);
  write("metrics.db-wal");
  EXPECT_EQ(watch.find_missing(), std::nullopt);
  std::filesystem::remove(folder_ / "metrics.db-wal");
  EXPECT_EQ(watch.find_missing(), (folder_ / "metrics.db-wal").string() + " was deleted");
}

TEST_F(FileWatchTest, ReportsTheFilesOfADeletedDirectory) {
  std::filesystem::create_directory(folder_ / "data");
  write("data/events.db");
  FileWatch watch({folder_ / "data/events.db"});
  std::filesystem::rename(folder_ / "data", folder_ / "aside");
  EXPECT_NE(watch.find_missing(), std::nullopt);
}

}  // namespace
}  // namespace weir::sqlite
