#include "sqlite/testing/fake_vfs.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <new>
#include <sqlite3.h>

#include "base/ensure.hpp"

namespace weir::sqlite {
namespace {

// The object of an open file. The object of the real VFS follows it in memory.
struct FakeFile {
  sqlite3_file base{};
  FakeVfs* owner = nullptr;
};

FakeFile& fake(sqlite3_file* file) { return *reinterpret_cast<FakeFile*>(file); }
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FakeFile));
}
sqlite3_vfs* real(sqlite3_vfs*) { return sqlite3_vfs_find(nullptr); }
FakeVfs& owner(sqlite3_vfs* vfs) { return *static_cast<FakeVfs*>(vfs->pAppData); }

using Call = FakeVfs::Call;

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

int read_file(sqlite3_file* file, void* out, int bytes, sqlite3_int64 at) {
  if (fake(file).owner->called(Call::read).fails) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), out, bytes, at);
}

int write_file(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  const auto verdict = fake(file).owner->called(Call::write);
  if (!verdict.fails) return real(file)->pMethods->xWrite(real(file), data, bytes, at);
  if (bytes > 1) real(file)->pMethods->xWrite(real(file), data, bytes / 2, at);
  return verdict.no_space ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 bytes) {
  if (fake(file).owner->called(Call::truncate).fails) return SQLITE_IOERR_TRUNCATE;
  return real(file)->pMethods->xTruncate(real(file), bytes);
}

int sync_file(sqlite3_file* file, int flags) {
  if (fake(file).owner->called(Call::sync).fails) return SQLITE_IOERR_FSYNC;
  return real(file)->pMethods->xSync(real(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* bytes) {
  return real(file)->pMethods->xFileSize(real(file), bytes);
}
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* held) {
  return real(file)->pMethods->xCheckReservedLock(real(file), held);
}
int control_file(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_traits(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), region, bytes, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shared_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2: with shared memory for the WAL, without mapped pages.
constexpr sqlite3_io_methods file_methods{
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_traits,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = shared_barrier,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  auto& disk = owner(vfs);
  file->pMethods = nullptr;
  if (disk.called(Call::open).fails) return SQLITE_CANTOPEN;
  if (disk.is_read_only() && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
    flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    flags |= SQLITE_OPEN_READONLY;
  }
  new (file) FakeFile{.base = {}, .owner = &disk};
  const int result = real(vfs)->xOpen(real(vfs), name, real(file), flags, flags_out);
  if (real(file)->pMethods != nullptr) file->pMethods = &file_methods;
  return result;
}

int remove_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  if (owner(vfs).called(Call::remove).fails) return SQLITE_IOERR_DELETE;
  return real(vfs)->xDelete(real(vfs), name, sync_directory);
}

int access_file(sqlite3_vfs* vfs, const char* name, int flags, int* yes) {
  return real(vfs)->xAccess(real(vfs), name, flags, yes);
}
int full_path(sqlite3_vfs* vfs, const char* name, int bytes, char* out) {
  return real(vfs)->xFullPathname(real(vfs), name, bytes, out);
}
int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  return real(vfs)->xRandomness(real(vfs), bytes, out);
}
int sleep_for(sqlite3_vfs* vfs, int microseconds) { return real(vfs)->xSleep(real(vfs), microseconds); }
int last_error(sqlite3_vfs* vfs, int bytes, char* out) {
  return real(vfs)->xGetLastError(real(vfs), bytes, out);
}
int time_now(sqlite3_vfs* vfs, sqlite3_int64* out) { return real(vfs)->xCurrentTimeInt64(real(vfs), out); }

std::string next_name() {
  static std::atomic<int> made = 0;
  return "weir-fake-" + std::to_string(++made);
}

}  // namespace

void FakeVfs::Unregister::operator()(sqlite3_vfs* vfs) const noexcept {
  sqlite3_vfs_unregister(vfs);
  delete vfs;
}

FakeVfs::FakeVfs() : name_(next_name()) {
  sqlite3_initialize();
  const sqlite3_vfs* disk = sqlite3_vfs_find(nullptr);
  vfs_.reset(new sqlite3_vfs{});
  vfs_->iVersion = 2;
  vfs_->szOsFile = static_cast<int>(sizeof(FakeFile)) + disk->szOsFile;
  vfs_->mxPathname = disk->mxPathname;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = open_file;
  vfs_->xDelete = remove_file;
  vfs_->xAccess = access_file;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = randomness;
  vfs_->xSleep = sleep_for;
  vfs_->xGetLastError = last_error;
  vfs_->xCurrentTimeInt64 = time_now;
  ensure(sqlite3_vfs_register(vfs_.get(), 0) == SQLITE_OK, "a VFS can be registered");
}

FakeVfs::~FakeVfs() = default;

void FakeVfs::inject(Fault fault) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault;
  armed_ = true;
  fired_ = false;
  counts_.fill(0);
}

void FakeVfs::clear_fault() {
  const std::scoped_lock lock(mutex_);
  armed_ = false;
}

void FakeVfs::read_only(bool yes) {
  const std::scoped_lock lock(mutex_);
  read_only_ = yes;
}

bool FakeVfs::fired() const {
  const std::scoped_lock lock(mutex_);
  return fired_;
}

int FakeVfs::count(Call call) const {
  const std::scoped_lock lock(mutex_);
  return counts_[static_cast<std::size_t>(call)];
}

FakeVfs::Verdict FakeVfs::called(Call call) {
  const std::scoped_lock lock(mutex_);
  const int count = ++counts_[static_cast<std::size_t>(call)];
  if (!armed_ || call != fault_.call) return {};
  if (count != fault_.nth && !(fault_.for_good && count > fault_.nth)) return {};
  fired_ = true;
  if (fault_.kills) (void)raise(SIGKILL);
  return {.fails = true, .no_space = fault_.no_space};
}

bool FakeVfs::is_read_only() const {
  const std::scoped_lock lock(mutex_);
  return read_only_;
}

}  // namespace weir::sqlite
