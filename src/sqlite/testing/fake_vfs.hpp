// A disk that fails on request: a SQLite VFS that passes all calls on to the real one, but for the fault of
// the test.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

struct sqlite3_vfs;

namespace weir::sqlite {

// Registered under name() while it lives. Must outlive the connections that use it. The calls of all files
// are counted together: database, WAL and journal. The shared memory of the WAL index never fails.
class FakeVfs {
 public:
  enum class Call : std::uint8_t { open, read, write, sync, truncate, remove };
  static constexpr std::size_t calls = 6;

  struct Fault {
    Call call = Call::write;
    int nth = 1;            // counted from inject(), from 1
    bool no_space = false;  // ENOSPC; else EIO. A write that fails has written the first half.
    bool for_good = false;  // all later calls of this kind fail too
    bool kills = false;     // SIGKILL to this process at the call: for a child that the test forks
  };

  FakeVfs();
  FakeVfs(const FakeVfs&) = delete;
  FakeVfs& operator=(const FakeVfs&) = delete;
  ~FakeVfs();

  [[nodiscard]] const std::string& name() const { return name_; }

  // Any thread.
  void inject(Fault fault);
  void clear_fault();                        // no call fails any more
  void read_only(bool yes);                  // files open only for reading
  [[nodiscard]] bool fired() const;          // the fault that was injected last has happened
  [[nodiscard]] int count(Call call) const;  // since inject() or the constructor

  // For the VFS itself: counts the call and says whether it must fail, and with ENOSPC.
  struct Verdict {
    bool fails = false;
    bool no_space = false;
  };
  Verdict called(Call call);
  [[nodiscard]] bool is_read_only() const;

 private:
  struct Unregister {
    void operator()(sqlite3_vfs* vfs) const noexcept;
  };

  const std::string name_;
  std::unique_ptr<sqlite3_vfs, Unregister> vfs_;

  mutable std::mutex mutex_;
  std::array<int, calls> counts_{};
  Fault fault_;
  bool armed_ = false;
  bool fired_ = false;
  bool read_only_ = false;
};

}  // namespace weir::sqlite
