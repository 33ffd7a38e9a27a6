// A failure of the store is one of three kinds here:
//
//   unavailable or rejected   repeat the same transaction after a delay (Retries), without limit
//   timeout                   repeat it in smaller steps
//   timeouts_max in a row     abandon it: its size is the problem, and the scheduler makes smaller ones
//
// The writer does not have the transaction while it is here.
#include "consumer/commit_retry.hpp"

#include <string>
#include <utility>

namespace weir::consumer {
namespace {

constexpr int timeouts_max = 3;  // then the transaction is abandoned

}  // namespace

bool CommitRetry::schedule(std::unique_ptr<commit::Transaction>& transaction, MonoTime now) {
  const Error& why = *transaction->failure();
  if (commit::is_timeout(why) && is_abandoned(*transaction)) {
    timeouts_ = 0;
    retries_.on_success();  // nothing is left to repeat, so no later success would end the pause
    return false;
  }
  const bool was_exhausted = retries_.is_exhausted();
  retry_at_ = now + retries_.after_failure();
  if (retries_.is_exhausted() && !was_exhausted) {
    logger_.error("metrics store unavailable; consumption is paused until it answers",
                  {{"code", std::string(why.code)}, {"reason", why.text}});
  }
  // The transaction keeps its batches. They are part of the backlog until it is committed.
  transaction_ = std::move(transaction);
  return true;
}

void CommitRetry::on_committed() {
  timeouts_ = 0;
  retries_.on_success();
}

// A store that does not answer at all (code response_timeout) says nothing about the size of the transaction.
bool CommitRetry::is_abandoned(commit::Transaction& transaction) {
  const Error& why = *transaction.failure();
  const std::string rows = std::to_string(transaction.plan().size().rows);
  ++timeouts_;
  if (why.code == commit::code_response_timeout || timeouts_ < timeouts_max) {
    const bool smaller = transaction.shrink_steps();
    logger_.warn(smaller ? "a transaction took the metrics store too long; it is repeated in smaller steps"
                         : "a transaction took the metrics store too long; it is repeated",
                 {{"code", std::string(why.code)}, {"reason", why.text}, {"rows", rows}});
    return false;
  }
  logger_.warn(
      "a transaction took the metrics store too long, also in small steps; its events are read again and "
      "written in smaller transactions",
      {{"code", std::string(why.code)}, {"reason", why.text}, {"rows", rows}});
  return true;
}

}  // namespace weir::consumer
