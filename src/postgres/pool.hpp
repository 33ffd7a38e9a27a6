// A bounded number of sessions that many threads read by.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.hpp"
#include "postgres/connection.hpp"

namespace weir::postgres {

inline constexpr std::string_view code_pool_busy = "all_connections_in_use";

struct PoolOptions {
  ConnectionSettings connection;
  std::size_t connections_max = 3;
  std::chrono::milliseconds wait_max{5'000};  // how long take() waits for another thread to return a session
};

// Opens sessions when they are first needed and keeps them. A lost session is dropped when it is returned.
// take() from any thread. Must outlive its leases.
class Pool {
 public:
  // A session lent to one thread. The destructor rolls an open transaction back and returns the session to
  // the pool.
  class Lease {
   public:
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }
    // The session was opened for an earlier lease, so it may have been lost while it was idle.
    [[nodiscard]] bool is_reused() const { return reused_; }

   private:
    friend class Pool;
    Lease(Pool& pool, std::unique_ptr<Connection> connection, bool reused)
        : pool_(&pool), connection_(std::move(connection)), reused_(reused) {}

    Pool* pool_;
    std::unique_ptr<Connection> connection_;  // null after a move
    bool reused_;
  };

  explicit Pool(PoolOptions options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  // ErrorKind::unavailable, code_pool_busy: all sessions were in use for wait_max; try again later. Other
  // errors are those of Connection::open().
  Result<Lease> take();

 private:
  void give_back(std::unique_ptr<Connection> connection);
  // Lets another thread open or take a session.
  void release_slot();

  const PoolOptions options_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable released_;
  std::vector<std::unique_ptr<Connection>> idle_;  // a stack: the last one used is the next one lent
  std::size_t lent_ = 0;                           // including those that are being opened
};

}  // namespace weir::postgres
