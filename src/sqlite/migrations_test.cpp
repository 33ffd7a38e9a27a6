// Files of older versions are migrated. At any point a migration may be killed or fail: then the file is of
// the old version or of the new one.
#include "sqlite/migrations.hpp"

#include <csignal>
#include <map>
#include <sqlite3.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "sqlite/metrics_store.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/testing/fake_vfs.hpp"
#include "sqlite/testing/metrics_store_version_1.hpp"
#include "sqlite/testing/temporary_folder.hpp"

namespace weir::sqlite {
namespace {

// A file of any kind and version, without the checks of Database.
class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& path) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    database_.reset(database);
  }

  void run(const std::string& sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  }

  // All rows, a line each.
  std::string text(const std::string& sql) {
    std::string lines;
    const auto add = [](void* to, int count, char** values, char**) {
      for (int i = 0; i < count; ++i)
        *static_cast<std::string*>(to) += std::string(values[i] == nullptr ? "NULL" : values[i]) + '|';
      *static_cast<std::string*>(to) += '\n';
      return 0;
    };
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database_.get(), sql.c_str(), add, &lines, &error), SQLITE_OK) << error;
    return lines;
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

// The rows that a file of version 1 has, with the columns of version 1.
std::string rows_of_version_1(const std::filesystem::path& path) {
  RawFile file(path);
  std::string rows;
  for (const char* const select :
       {"SELECT * FROM user_activity_metrics",
        "SELECT topic, granularity, dimension, window_start, partition, value, events, page_views, "
        "rolled_events, "
        "rolled_page_views, place, stored_activity_types, stored_pages, stored_referrers, last_write_ms, "
        "hex(users) "
        "FROM activity_windows ORDER BY granularity, dimension, window_start",
        "SELECT topic, partition, window_start FROM activity_unrolled",
        "SELECT topic, partition, group_id, start_offset, next_offset, version, read, tallied, duplicate, "
        "dead_lettered, skipped, last_record_hash, log_end_offset, oldest_unread_at, observed_at, updated_at "
        "FROM activity_ledger",
        "SELECT topic, partition, offset, reason, detail, hex(key), hex(value), at, attempts, replayed_at "
        "FROM activity_dead_letters",
        "SELECT * FROM activity_horizon ORDER BY granularity",
        "SELECT topic, window_start, partition, dimension, value, events, page_views, hex(users) FROM "
        "activity_minutes",
        "SELECT topic, window_start, partition, dimension, value, events, page_views, hex(users) FROM "
        "activity_hours",
        "SELECT topic, window_start, partition, dimension, value, events, page_views, hex(users) FROM "
        "activity_days"})
    rows += file.text(select) + "--\n";
  return rows;
}

// The columns of each table and view, with their types and constraints.
std::string columns_of(const std::filesystem::path& path) {
  return RawFile(path).text(
      "SELECT s.type, s.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk FROM sqlite_schema AS s "
      "JOIN pragma_table_info(s.name) AS c WHERE s.type IN ('table', 'view') ORDER BY s.name, c.cid");
}

std::string version_of(const std::filesystem::path& path) {
  return RawFile(path).text("PRAGMA user_version");
}

std::string newest() { return std::to_string(metrics_store_file.version()) + "|\n"; }

Result<void> open_store(const TestFolder& folder, const std::string& vfs = {}) {
  auto store =
      SqliteMetricsStore::open({.data_dir = folder.path(), .topic = "t", .group_id = "g", .vfs = vfs});
  if (!store) return propagate(store);
  return {};
}

// Runs `work` in a process of its own. False: it was killed.
template <class Work>
bool survives(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
  return WIFEXITED(status);
}

// From now on each statement of each connection of this process is counted; the nth one kills the process
// before it runs.
int statements_until_death = 0;
void die_at_statement(int nth) {
  statements_until_death = nth;
  const auto watch = [](sqlite3* database, const char**, const void*) {
    const auto count = [](unsigned, void*, void*, void*) {
      if (--statements_until_death == 0) (void)raise(SIGKILL);
      return 0;
    };
    return sqlite3_trace_v2(database, SQLITE_TRACE_STMT, count, nullptr);
  };
  int (*const entry)(sqlite3*, const char**, const void*) = watch;
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(entry));
}

enum class Variant { with_counted_from, without_counted_from };

class Migrations : public testing::TestWithParam<Variant> {
 protected:
  static void make_version_1(const TestFolder& folder) {
    RawFile file(metrics_store_path(folder.path()));
    file.run("PRAGMA journal_mode = WAL");
    file.run(version_1_tables);
    if (GetParam() == Variant::without_counted_from) file.run(version_1_without_counted_from);
    file.run(version_1_rows);
  }

  // After a migration of a file of version 1 was killed or failed.
  static void expect_old_or_new(const TestFolder& folder, const std::string& rows) {
    const auto path = metrics_store_path(folder.path());
    EXPECT_EQ(RawFile(path).text("PRAGMA integrity_check"), "ok|\n");
    const std::string version = version_of(path);
    EXPECT_TRUE(version == "1|\n" || version == newest()) << version;
    EXPECT_EQ(rows_of_version_1(path), rows);
    const Result<void> opened = open_store(folder);
    EXPECT_TRUE(opened.has_value()) << opened.error().text;
    EXPECT_EQ(version_of(path), newest());
    EXPECT_EQ(rows_of_version_1(path), rows);
  }
};

TEST_P(Migrations, KeepTheRowsOfAFileOfVersion1) {
  const TestFolder folder;
  make_version_1(folder);
  const auto path = metrics_store_path(folder.path());
  const std::string rows = rows_of_version_1(path);
  const Result<void> opened = open_store(folder);
  ASSERT_TRUE(opened.has_value()) << opened.error().text;
  EXPECT_EQ(version_of(path), newest());
  EXPECT_EQ(rows_of_version_1(path), rows);
  EXPECT_EQ(RawFile(path).text("SELECT counted_from FROM activity_ledger"), "NULL|\n");

  const TestFolder fresh;
  ASSERT_TRUE(open_store(fresh).has_value());
  EXPECT_EQ(columns_of(path), columns_of(metrics_store_path(fresh.path()))) << "as a new file has them";
}

TEST_P(Migrations, Fault31AreWholeOrNotThereAfterAKillAtAnyStatement) {
  int nth = 1;
  for (bool alive = false; !alive && !HasFailure(); ++nth) {
    const TestFolder folder;
    make_version_1(folder);
    const std::string rows = rows_of_version_1(metrics_store_path(folder.path()));
    alive = survives([&] {
      die_at_statement(nth);
      (void)open_store(folder);
    });
    expect_old_or_new(folder, rows);
  }
  EXPECT_FALSE(HasFailure()) << "killed at statement " << nth - 1;
  EXPECT_GT(nth, 10) << "a migration has more statements than that";
}

TEST_P(Migrations, Fault31AreWholeOrNotThereAfterAKillAtAnyDiskCall) {
  using Call = FakeVfs::Call;
  for (const Call call : {Call::open, Call::read, Call::write, Call::sync, Call::truncate}) {
    int nth = 1;
    for (bool alive = false; !alive && !HasFailure(); ++nth) {
      const TestFolder folder;
      make_version_1(folder);
      const std::string rows = rows_of_version_1(metrics_store_path(folder.path()));
      alive = survives([&] {
        FakeVfs disk;
        disk.inject({.call = call, .nth = nth, .kills = true});
        (void)open_store(folder, disk.name());
      });
      expect_old_or_new(folder, rows);
    }
    EXPECT_FALSE(HasFailure()) << "killed at call " << nth - 1 << " of kind " << static_cast<int>(call);
  }
}

TEST_P(Migrations, Fault31AreWholeOrNotThereAfterAnyFailedWrite) {
  for (const bool no_space : {false, true}) {
    int nth = 1;
    for (bool fired = true; fired && !HasFailure(); ++nth) {
      const TestFolder folder;
      make_version_1(folder);
      const std::string rows = rows_of_version_1(metrics_store_path(folder.path()));
      FakeVfs disk;
      disk.inject({.call = FakeVfs::Call::write, .nth = nth, .no_space = no_space, .for_good = true});
      const Result<void> opened = open_store(folder, disk.name());
      fired = disk.fired();
      EXPECT_TRUE(fired || opened.has_value());
      expect_old_or_new(folder, rows);
    }
    EXPECT_GT(nth, 2) << "a migration writes";
    EXPECT_FALSE(HasFailure()) << "with a failure at write " << nth - 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Version1, Migrations,
                         testing::Values(Variant::with_counted_from, Variant::without_counted_from),
                         [](const auto& test) {
                           return test.param == Variant::with_counted_from ? "WithCountedFrom"
                                                                           : "WithoutCountedFrom";
                         });

// The list of a file that has seen three versions. Each table is made by a migration of its own.
constexpr std::array steps{Migration{"CREATE TABLE one(x); INSERT INTO one VALUES(1)"},
                           Migration{"CREATE TABLE two(x); INSERT INTO two SELECT x + 1 FROM one"},
                           Migration{"ALTER TABLE one ADD COLUMN y",
                                     "SELECT count(*) FROM pragma_table_info('one') WHERE name = 'y'"}};
constexpr std::int32_t steps_id = 0x53544550;

FileKind steps_to(std::size_t version) {
  return {.name = "steps", .application_id = steps_id, .migrations = std::span(steps).first(version)};
}

class MigrationList : public testing::Test {
 protected:
  Result<Database> open(const FileKind& kind, OpenMode mode = OpenMode::create_or_migrate) const {
    return Database::open(path_, {.kind = kind, .mode = mode});
  }

  TestFolder folder_;
  std::filesystem::path path_ = folder_ / "steps.db";
};

TEST_F(MigrationList, RunsWhatTheFileLacksAndNothingTwice) {
  for (std::size_t version = 1; version <= steps.size(); ++version) {
    ASSERT_TRUE(open(steps_to(version)).has_value());
    EXPECT_EQ(version_of(path_), std::to_string(version) + "|\n");
    ASSERT_TRUE(open(steps_to(version)).has_value()) << "nothing to do";
  }
  EXPECT_EQ(RawFile(path_).text("SELECT * FROM one, two"), "1|NULL|2|\n");
}

TEST_F(MigrationList, SkipsAMigrationThatTheFileHasAlready) {
  ASSERT_TRUE(open(steps_to(2)).has_value());
  RawFile(path_).run("ALTER TABLE one ADD COLUMN y");
  const Result<Database> opened = open(steps_to(3));
  EXPECT_TRUE(opened.has_value()) << opened.error().text;
  EXPECT_EQ(version_of(path_), "3|\n");
}

TEST_F(MigrationList, LeavesTheOldVersionWhereAMigrationFails) {
  ASSERT_TRUE(open(steps_to(1)).has_value());
  RawFile(path_).run("CREATE TABLE y(x); DROP TABLE one; CREATE VIEW one AS SELECT 1 AS x");
  const Result<Database> refused = open(steps_to(3));  // two is made, then a view gets no column
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("migrating the steps from version 1 to 3: " + path_.string()),
            std::string::npos)
      << refused.error().text;
  EXPECT_EQ(version_of(path_), "1|\n");
  EXPECT_EQ(RawFile(path_).text("SELECT count(*) FROM sqlite_schema WHERE name = 'two'"), "0|\n");
}

TEST_F(MigrationList, ReplacesTheViewsOfAnOlderFile) {
  FileKind kind = steps_to(1);
  kind.views = [] { return std::string("DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 'old'"); };
  ASSERT_TRUE(open(kind).has_value());
  kind = steps_to(2);
  kind.views = [] { return std::string("DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 'new'"); };
  ASSERT_TRUE(open(kind).has_value());
  EXPECT_EQ(RawFile(path_).text("SELECT * FROM v"), "new|\n");
}

TEST_F(MigrationList, AReaderWaitsForTheWriterToMigrate) {
  ASSERT_TRUE(open(steps_to(1)).has_value());
  const Result<Database> refused = open(steps_to(2), OpenMode::existing);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, code_older);
  EXPECT_NE(refused.error().text.find("is of version 1; expected Weir's steps of version 2"),
            std::string::npos)
      << refused.error().text;
  EXPECT_EQ(version_of(path_), "1|\n");
}

TEST_F(MigrationList, IsRunOnceByThreadsThatOpenAFileAtOnce) {
  std::vector<std::string> faults(8);
  std::vector<std::thread> threads;
  for (std::string& fault : faults) {
    threads.emplace_back([&fault, this] {
      const Result<Database> opened = open(steps_to(3));
      if (!opened) fault = opened.error().text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, std::vector<std::string>(8));
  EXPECT_EQ(RawFile(path_).text("SELECT count(*) FROM one"), "1|\n");
}

}  // namespace
}  // namespace weir::sqlite
