// The mutex guards the list of idle sessions and the count of lent ones. Connecting and rolling back are done
// without it, because both wait for the server.
#include "postgres/pool.hpp"

#include <utility>

#include "base/ensure.hpp"

namespace weir::postgres {

Pool::Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Pool::Pool(PoolOptions options) : options_(std::move(options)) {
  ensure(options_.connections_max > 0, "a pool has a connection to lend");
}

Pool::~Pool() { ensure(lent_ == 0, "all leases are gone before their pool"); }

// A session that was idle is lent without a check: a round trip for each query would cost more than the rare
// loss.
Result<Pool::Lease> Pool::take() {
  {
    std::unique_lock lock(mutex_);
    const bool is_free =
        released_.wait_for(lock, options_.wait_max, [this] { return lent_ < options_.connections_max; });
    if (!is_free)
      return fail(ErrorKind::unavailable, code_pool_busy,
                  "all " + std::to_string(options_.connections_max) +
                      " connections of readers were in use for " + std::to_string(options_.wait_max.count()) +
                      " ms (DB_POOL_SIZE)");
    ++lent_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(connection), true);
    }
  }
  auto opened = Connection::open(options_.connection);
  if (!opened) {
    release_slot();
    return propagate(opened);
  }
  return Lease(*this, std::make_unique<Connection>(std::move(*opened)), false);
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  // A session that cannot roll back is closed by rollback() and then dropped.
  if (connection->in_transaction()) connection->rollback();
  if (connection->is_lost()) {
    connection.reset();
  } else {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  release_slot();
}

void Pool::release_slot() {
  {
    const std::lock_guard lock(mutex_);
    --lent_;
  }
  released_.notify_one();
}

}  // namespace weir::postgres
