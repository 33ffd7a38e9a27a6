// A fixed number of connections to metrics.db that many threads read by.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.hpp"
#include "report/cancellation.hpp"
#include "sqlite/database.hpp"
#include "sqlite/prepared_statements.hpp"

namespace weir::sqlite {

// A connection that only reads, with the statements of reader_sql. One thread at a time.
struct ReaderConnection {
  Database database;
  PreparedStatements statements;  // destroyed before the connection
};

// take() from any thread. Must outlive its leases.
class Pool {
 public:
  // A connection lent to one thread. The destructor ends its transaction and returns it to the pool.
  class Lease {
   public:
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    ReaderConnection* operator->() const { return connection_.get(); }
    ReaderConnection& operator*() const { return *connection_; }

   private:
    friend class Pool;
    Lease(Pool& pool, std::unique_ptr<ReaderConnection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}

    Pool* pool_;
    std::unique_ptr<ReaderConnection> connection_;  // null after a move
  };

  // Opens all connections. The file must exist and be of the newest version. Errors are those of
  // Database::open() and PreparedStatements::prepare().
  static Result<std::unique_ptr<Pool>> open(const std::filesystem::path& file, std::size_t connections);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  // Waits for a connection until the cancellation is due, and then returns its error.
  Result<Lease> take(const report::Cancellation& cancellation);

 private:
  explicit Pool(std::vector<std::unique_ptr<ReaderConnection>> connections);
  void give_back(std::unique_ptr<ReaderConnection> connection);

  std::mutex mutex_;  // guards idle_
  std::condition_variable returned_;
  std::vector<std::unique_ptr<ReaderConnection>> idle_;
  const std::size_t connections_;
};

}  // namespace weir::sqlite
