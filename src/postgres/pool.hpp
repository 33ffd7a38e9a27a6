// A few sessions that many threads read by.
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
  std::chrono::milliseconds wait_max{5'000};  // for another thread to give one back
};

// Opens sessions when they are first needed and keeps them; one that is lost is dropped, and another one
// opened when it is needed. take() from any thread.
class Pool {
 public:
  // A session lent to one thread. It goes back when this dies; a transaction that is open is rolled back
  // first.
  class Lease {
   public:
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }
    // It was opened for an earlier lease, so it may be lost since without anybody's having noticed.
    [[nodiscard]] bool is_kept() const { return kept_; }

   private:
    friend class Pool;
    Lease(Pool& pool, std::unique_ptr<Connection> connection, bool kept)
        : pool_(&pool), connection_(std::move(connection)), kept_(kept) {}

    Pool* pool_;
    std::unique_ptr<Connection> connection_;  // none: moved from
    bool kept_;
  };

  explicit Pool(PoolOptions options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  // when all leases are gone

  // ErrorKind::unavailable, code_pool_busy: all were in use for wait_max. Else the error of Connection::open.
  Result<Lease> take();

 private:
  void give_back(std::unique_ptr<Connection> connection);
  void free_place();

  const PoolOptions options_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;  // the last one used is the next one lent
  std::size_t lent_ = 0;                           // or being opened
};

}  // namespace weir::postgres
