// Keeps a transaction that failed, and decides whether it is repeated.
//
// A transaction is repeated without limit: nothing is dropped while the partitions belong to this process.
// The exception is a transaction that the store ended because it took too long. It is repeated in smaller
// steps. After several timeouts in a row it is abandoned: the partitions are read again from the log and
// written in smaller transactions.
#pragma once

#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/pacing.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

// One thread: the consumer's. The process has one transaction at a time.
class CommitRetry {
 public:
  explicit CommitRetry(telemetry::Logger& logger) : logger_(logger) {}

  // `transaction` has ended with failure(), not of ErrorKind::internal. Returns true if it will be repeated;
  // then this object owns it. Returns false if it is abandoned; then it stays with the caller.
  [[nodiscard]] bool schedule(std::unique_ptr<commit::Transaction>& transaction, MonoTime now);
  // A transaction was committed.
  void on_committed();

  // Returns when the transaction is to be repeated; nullopt if there is none.
  [[nodiscard]] std::optional<MonoTime> due_at() const {
    return transaction_ ? std::optional(retry_at_) : std::nullopt;
  }
  // Only if due_at() has a value.
  [[nodiscard]] std::unique_ptr<commit::Transaction> take() { return std::move(transaction_); }

  // The last transaction failed and was not abandoned.
  [[nodiscard]] bool is_failing() const { return retries_.is_failing(); }
  // All quick retries failed: the store is unavailable.
  [[nodiscard]] bool is_exhausted() const { return retries_.is_exhausted(); }

 private:
  [[nodiscard]] bool is_abandoned(commit::Transaction& transaction);

  telemetry::Logger& logger_;
  std::unique_ptr<commit::Transaction> transaction_;
  MonoTime retry_at_;
  Retries retries_;
  // Timeouts of the current transaction in a row.
  int timeouts_ = 0;
};

}  // namespace weir::consumer
