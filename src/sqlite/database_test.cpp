#include "sqlite/database.hpp"

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite/testing/fake_vfs.hpp"
#include "sqlite/testing/temporary_folder.hpp"

namespace weir::sqlite {
namespace {

constexpr std::array migrations{Migration{"CREATE TABLE notes(id INTEGER PRIMARY KEY, body)"}, Migration{""},
                                Migration{""}, Migration{""}};
constexpr std::int32_t notes_id = 0x4E4F5445;

FileKind notes_of_version(std::size_t version) {
  return {.name = "notebook", .application_id = notes_id, .migrations = std::span(migrations).first(version)};
}
const FileKind notes = notes_of_version(3);

OpenOptions options(OpenMode mode = OpenMode::create_or_migrate) { return {.kind = notes, .mode = mode}; }

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DatabaseTest : public testing::Test {
 protected:
  Database opened(const OpenOptions& how = options()) {
    auto database = Database::open(file_, how);
    EXPECT_TRUE(database) << database.error().text;
    return std::move(*database);
  }
  Error refused(const OpenOptions& how = options()) {
    auto database = Database::open(file_, how);
    EXPECT_FALSE(database);
    return database ? Error{} : database.error();
  }

  TestFolder folder_;
  std::filesystem::path file_ = folder_ / "notes.db";
};

TEST_F(DatabaseTest, CreatesItsFileAndOpensItAgain) {
  {
    auto database = opened();
    ASSERT_TRUE(database.run("INSERT INTO notes VALUES(1, 'one')"));
  }
  auto database = opened();
  EXPECT_EQ(database.number("SELECT count(*) FROM notes"), 1);
  EXPECT_EQ(database.number("PRAGMA application_id"), notes.application_id);
  EXPECT_EQ(database.number("PRAGMA user_version"), notes.version());
  EXPECT_EQ(database.number("PRAGMA synchronous"), 2);
  EXPECT_EQ(opened({.kind = notes, .durability = Durability::normal}).number("PRAGMA synchronous"), 1);
}

TEST_F(DatabaseTest, SortsInAnotherFolderIfNoUsualOneIsWritable) {
  auto database = opened();
  const auto folder = [&] {
    auto asked = database.prepare("PRAGMA temp_store_directory").value();
    return asked.step().value() ? std::string(asked.text(0)) : "";
  };
  const char* const none[] = {nullptr, "/proc/nowhere"};
  const std::string writable = std::filesystem::temp_directory_path();
  const char* const one[] = {nullptr, "/proc/nowhere", writable.c_str()};
  ensure_temporary_folder("/somewhere", one);
  EXPECT_EQ(folder(), "");
  ensure_temporary_folder(writable, none);
  EXPECT_EQ(folder(), writable);
  ASSERT_TRUE(database.run("PRAGMA temp_store_directory = ''"));
  EXPECT_EQ(folder(), "");
}

TEST_F(DatabaseTest, InterruptsAStatement) {
  auto database = opened();
  int asked = 0;
  database.interrupt_when([&] { return ++asked == 3; });
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  auto ended = database.number(endless);
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code, code_interrupted);
  EXPECT_EQ(ended.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(asked, 3);
  database.interrupt_when({});
  EXPECT_EQ(database.number("SELECT count(*) FROM notes"), 0);
}

TEST_F(DatabaseTest, GivesItsFilesToTheirOwnerAlone) {
  const auto mode_of = [this](const char* more) {
    struct stat found{};
    return stat((file_.string() + more).c_str(), &found) == 0 ? found.st_mode & 0777U : 0U;
  };
  {
    auto database = opened();
    ASSERT_TRUE(database.run("INSERT INTO notes VALUES(1, 'one')"));
    for (const char* more : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(more), 0600U) << more;
    for (const char* more : {"", "-wal", "-shm"}) ASSERT_EQ(chmod((file_.string() + more).c_str(), 0644), 0);
    auto second = opened();
    for (const char* more : {"", "-wal", "-shm"})
      EXPECT_EQ(mode_of(more), 0600U) << more << " of a database that an older version created";
  }
}

TEST_F(DatabaseTest, NamesAPathThatIsTooLongForSqlite) {
  for (int i = 0; i < 3; ++i) file_ = file_.parent_path() / std::string(200, 'x') / "notes.db";
  std::filesystem::create_directories(file_.parent_path());
  const Error why = refused();
  EXPECT_EQ(why.code, code_cannot_open);
  EXPECT_NE(why.text.find("is too long for SQLite"), std::string::npos) << why.text;
}

TEST_F(DatabaseTest, Fault44ReportsAFileSizeLimitAsAFullDisk) {
  const pid_t child = fork();
  if (child == 0) {
    auto database = opened();
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    for (int i = 1; i < 100; ++i) {
      auto done = database.run("INSERT INTO notes VALUES(" + std::to_string(i) + ", randomblob(8000))");
      if (!done)
        _exit(done.error().code == code_disk_full && done.error().kind == ErrorKind::unavailable ? 0 : 3);
    }
    _exit(4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(DatabaseTest, ReadsBackEachTypeOfValue) {
  using namespace std::string_literals;
  auto database = opened();
  auto insert = database.prepare("INSERT INTO notes VALUES(?1, ?2)");
  auto select = database.prepare("SELECT body FROM notes WHERE id = ?1");
  ASSERT_TRUE(insert && select);
  const std::string blob = "\0\xff\0"s;
  ASSERT_TRUE(insert->bind(1, 1).bind(2, INT64_MIN).run());
  ASSERT_TRUE(insert->bind(1, 2).bind_text(2, "täxt").run());
  ASSERT_TRUE(insert->bind(1, 3).bind_blob(2, blob).run());
  ASSERT_TRUE(insert->bind(1, 4).bind_null(2).run());
  ASSERT_TRUE(insert->bind(1, 5).bind_text(2, {}).run());
  ASSERT_TRUE(insert->bind(1, 6).bind_blob(2, {}).run());

  const auto at = [&select](std::int64_t id) -> Statement& {
    select->reset();
    EXPECT_TRUE(select->bind(1, id).step().value());
    return *select;
  };
  EXPECT_EQ(at(1).number(0), INT64_MIN);
  EXPECT_EQ(at(2).text(0), "täxt");
  EXPECT_EQ(at(3).blob(0), blob);
  EXPECT_TRUE(at(4).is_null(0));
  EXPECT_FALSE(at(5).is_null(0));
  EXPECT_EQ(at(5).text(0), "");
  EXPECT_FALSE(at(6).is_null(0));
  select->reset();
}

TEST_F(DatabaseTest, RollsBackWhatIsNotCommitted) {
  auto database = opened();
  ASSERT_TRUE(database.begin());
  ASSERT_TRUE(database.run("INSERT INTO notes VALUES(1, 'one')"));
  EXPECT_EQ(database.rows_changed(), 1);
  EXPECT_TRUE(database.in_transaction());
  database.rollback();
  EXPECT_FALSE(database.in_transaction());
  database.rollback();
  EXPECT_EQ(database.number("SELECT count(*) FROM notes"), 0);
}

TEST_F(DatabaseTest, Fault31ReportsALockedFile) {
  auto database = opened();
  auto quick = options();
  quick.busy_timeout = std::chrono::milliseconds(0);
  auto other = opened(quick);
  ASSERT_TRUE(database.begin());
  auto begun = other.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(begun.error().code, code_busy);
  database.rollback();
  EXPECT_TRUE(other.begin());
}

TEST_F(DatabaseTest, CheckpointsOnlyOnRequest) {
  auto database = opened();
  auto reader = opened();
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(database.run("INSERT INTO notes VALUES(NULL, randomblob(4000))"));
  EXPECT_GT(database.wal_frames(), 2000);

  auto reading = reader.prepare("SELECT id FROM notes ORDER BY id");
  ASSERT_TRUE(reading && reading->step().value());
  ASSERT_TRUE(database.run("INSERT INTO notes VALUES(NULL, 'after the snapshot')"));
  auto end = database.checkpoint(CheckpointMode::passive);
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->complete());
  EXPECT_LT(end->checkpointed, end->log_frames);

  reading->reset();
  end = database.checkpoint(CheckpointMode::truncate);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->complete());
  EXPECT_EQ(std::filesystem::file_size(file_.string() + "-wal"), 0U);
}

struct BadFile {
  std::string name;
  std::function<void(const std::filesystem::path&)> make;
  ErrorKind kind = ErrorKind::invalid;
  std::string_view code;
  std::string says;
};

class DatabaseRefuses : public testing::TestWithParam<BadFile> {};

TEST_P(DatabaseRefuses, Fault31AnotherFileAndLeavesItUnchanged) {
  const TestFolder folder;
  const auto file = folder / "notes.db";
  GetParam().make(file);
  const bool is_file = std::filesystem::is_regular_file(file);
  const std::string before = is_file ? read_file(file) : "";
  auto database = Database::open(file, options());
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().kind, GetParam().kind) << database.error().text;
  EXPECT_EQ(database.error().code, GetParam().code) << database.error().text;
  EXPECT_NE(database.error().text.find(file.string()), std::string::npos) << database.error().text;
  EXPECT_NE(database.error().text.find(GetParam().says), std::string::npos) << database.error().text;
  EXPECT_NE(database.error().text.find("expected"), std::string::npos) << database.error().text;
  EXPECT_EQ(std::filesystem::is_regular_file(file), is_file);
  EXPECT_EQ(is_file ? read_file(file) : "", before);
}

void make_kind(const std::filesystem::path& path, FileKind kind) {
  auto database = Database::open(path, {.kind = kind, .mode = OpenMode::create_or_migrate});
  ASSERT_TRUE(database);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(database->run("INSERT INTO notes VALUES(NULL, randomblob(4000))"));
  ASSERT_TRUE(database->checkpoint(CheckpointMode::truncate));
}

const BadFile bad_files[]{
    {"Directory", [](const auto& path) { std::filesystem::create_directory(path); }, ErrorKind::invalid,
     code_cannot_open, "is a directory"},
    {"Pipe", [](const auto& path) { std::filesystem::create_symlink("/dev/null", path); }, ErrorKind::invalid,
     code_cannot_open, "is no regular file"},
    {"Text", [](const auto& path) { write_file(path, "these are not the pages you are looking for"); },
     ErrorKind::internal, code_not_a_database, "not a database"},
    {"AnotherProgram",
     [](const auto& path) {
       make_kind(path, {.name = "other", .application_id = 0x1234, .migrations = migrations});
     },
     ErrorKind::invalid, code_foreign, "0x1234"},
    {"ADatabaseWithoutAnId",
     [](const auto& path) {
       make_kind(path, {.name = "none", .application_id = 0, .migrations = migrations});
     },
     ErrorKind::invalid, code_foreign, "another database"},
    {"ADatabaseWithoutAVersion",
     [](const auto& path) {
       make_kind(path, notes);
       auto database = Database::open(path, options());
       ASSERT_TRUE(database->run("PRAGMA user_version = 0"));
       ASSERT_TRUE(database->checkpoint(CheckpointMode::truncate));
     },
     ErrorKind::invalid, code_foreign, "user_version 0"},
    {"Newer", [](const auto& path) { make_kind(path, notes_of_version(4)); }, ErrorKind::invalid, code_newer,
     "newer Weir (version 4)"},
    {"CutShort",
     [](const auto& path) {
       make_kind(path, notes);
       std::filesystem::resize_file(path, 8192);
     },
     ErrorKind::internal, code_corrupt, "malformed"},
    {"BadHeader",
     [](const auto& path) {
       make_kind(path, notes);
       write_file(path, std::string(100, '\x55') + read_file(path).substr(100));
     },
     ErrorKind::internal, code_not_a_database, "not a database"},
    {"BadSchemaPage",
     [](const auto& path) {
       make_kind(path, notes);
       write_file(path,
                  read_file(path).substr(0, 100) + std::string(3996, '\x55') + read_file(path).substr(4096));
     },
     ErrorKind::internal, code_corrupt, "malformed"},
    {"MissingBesideItsWal", [](const auto& path) { write_file(path.string() + "-wal", "frames"); },
     ErrorKind::invalid, code_corrupt, "is gone"},
    {"EmptyBesideItsWal",
     [](const auto& path) {
       write_file(path, "");
       write_file(path.string() + "-wal", "frames");
     },
     ErrorKind::invalid, code_corrupt, "is empty"},
    {"NoFolder", [](const auto& path) { std::filesystem::remove_all(path.parent_path()); },
     ErrorKind::invalid, code_cannot_open, "cannot be opened"},
};

INSTANTIATE_TEST_SUITE_P(Files, DatabaseRefuses, testing::ValuesIn(bad_files),
                         [](const auto& test) { return test.param.name; });

TEST_F(DatabaseTest, Fault31RefusesAReadOnlyFile) {
  FakeVfs disk;
  opened();
  disk.read_only(true);
  auto how = options();
  how.vfs = disk.name();
  const auto error = refused(how);
  EXPECT_EQ(error.code, code_read_only);
  EXPECT_NE(error.text.find("not writable"), std::string::npos) << error.text;
}

TEST_F(DatabaseTest, RefusesToCreateAFileThatMustExist) {
  EXPECT_EQ(refused(options(OpenMode::existing)).code, code_cannot_open);
  EXPECT_FALSE(std::filesystem::exists(file_));
  write_file(file_, "");
  EXPECT_EQ(refused(options(OpenMode::existing)).code, code_corrupt);
}

TEST_F(DatabaseTest, CreatesTheTablesInAnEmptyFile) {
  write_file(file_, "");
  EXPECT_EQ(opened().number("SELECT count(*) FROM notes"), 0);
}

struct DiskFault {
  std::string name;
  FakeVfs::Fault fault;
  ErrorKind kind = ErrorKind::internal;
  std::string_view code;
};

class DatabaseOnABadDisk : public testing::TestWithParam<DiskFault> {};

TEST_P(DatabaseOnABadDisk, Fault31ClassifiesTheError) {
  const TestFolder folder;
  FakeVfs disk;
  auto how = options();
  how.vfs = disk.name();
  auto database = Database::open(folder / "notes.db", how);
  ASSERT_TRUE(database);
  disk.inject(GetParam().fault);
  auto done = database->run("INSERT INTO notes VALUES(NULL, randomblob(100000))");
  ASSERT_TRUE(disk.fired());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, GetParam().kind);
  EXPECT_EQ(done.error().code, GetParam().code);
}

using Call = FakeVfs::Call;
const DiskFault disk_faults[]{
    {"NoSpace", {.call = Call::write, .nth = 3, .no_space = true}, ErrorKind::unavailable, code_disk_full},
    {"WriteFails", {.call = Call::write, .nth = 3}, ErrorKind::internal, code_disk_failed},
    {"FsyncFails", {.call = Call::sync}, ErrorKind::internal, code_fsync_failed},
};
INSTANTIATE_TEST_SUITE_P(Faults, DatabaseOnABadDisk, testing::ValuesIn(disk_faults),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weir::sqlite
