// All connections are opened at start. So a file that cannot be read fails the start and not a query, and no
// query waits for the preparation of statements.
#include "sqlite/pool.hpp"

#include <chrono>
#include <utility>

#include "base/ensure.hpp"
#include "sqlite/reader_sql.hpp"
#include "sqlite/schema.hpp"

namespace weir::sqlite {
namespace {

// How often a thread that waits for a connection checks its cancellation.
constexpr std::chrono::milliseconds check_interval{100};

Result<std::unique_ptr<ReaderConnection>> connect(const std::filesystem::path& file) {
  auto database = Database::open(file, {.kind = metrics_store_file, .durability = Durability::normal});
  if (!database) return propagate(database);
  database->keep_wal_at_close();  // the store checkpoints, and reports the errors of it
  if (auto only = database->run("PRAGMA query_only = ON"); !only) return propagate(only);
  auto statements = PreparedStatements::prepare(*database, reader_sql::all());
  if (!statements) return propagate(statements);
  return std::make_unique<ReaderConnection>(ReaderConnection{std::move(*database), std::move(*statements)});
}

}  // namespace

Pool::Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Result<std::unique_ptr<Pool>> Pool::open(const std::filesystem::path& file, std::size_t connections) {
  ensure(connections > 0, "a pool has a connection to lend");
  std::vector<std::unique_ptr<ReaderConnection>> opened;
  while (opened.size() < connections) {
    auto connection = connect(file);
    if (!connection) return propagate(connection);
    opened.push_back(std::move(*connection));
  }
  return std::unique_ptr<Pool>(new Pool(std::move(opened)));
}

Pool::Pool(std::vector<std::unique_ptr<ReaderConnection>> connections)
    : idle_(std::move(connections)), connections_(idle_.size()) {}

Pool::~Pool() { ensure(idle_.size() == connections_, "all leases are gone before their pool"); }

// The cancellation has no wakeup, so a waiting thread checks it every check_interval.
Result<Pool::Lease> Pool::take(const report::Cancellation& cancellation) {
  std::unique_lock lock(mutex_);
  while (!returned_.wait_for(lock, check_interval, [this] { return !idle_.empty(); }))
    if (auto due = cancellation.check(); !due) return propagate(due);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return Lease(*this, std::move(connection));
}

// The next snapshot must find neither the cancellation of this one nor its read transaction.
void Pool::give_back(std::unique_ptr<ReaderConnection> connection) {
  connection->database.interrupt_when({});
  connection->database.rollback();
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();  // outside of the mutex, which the woken thread takes at once
}

}  // namespace weir::sqlite
