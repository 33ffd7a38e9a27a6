// The calls of MetricsStore as values. A state machine without I/O returns a call; the writer's thread, which
// may block, executes it.
//
// Each request type names the type of its response. A Call couples one request with the function that
// receives exactly that response, so a wrong pair does not compile (store_call_test.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "tally/ledger.hpp"

namespace weir::commit {

// The requests: one for each function of MetricsStore that a state machine needs. That function documents the
// arguments and the errors. send() calls it on this thread.

// Calls open_ledger().
struct OpenLedger {
  using Response = Result<tally::LedgerRow>;

  std::int32_t partition = 0;
  std::int64_t start_offset = 0;
  WallTime now;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls archive_ledger().
struct ArchiveLedger {
  using Response = Result<std::optional<tally::LedgerRow>>;

  LedgerArchival archival;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls find_dead_letters() for the offsets in [from, to).
struct FindDeadLetters {
  using Response = Result<std::vector<std::int64_t>>;

  std::int32_t partition = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls find_failed_replays().
struct FindFailedReplays {
  using Response = Result<std::vector<DeadLetterId>>;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls find_pending_rollups().
struct FindPendingRollups {
  using Response = Result<std::vector<WindowStart>>;

  std::int32_t partition = 0;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls begin(). The partitions of the response are locked.
struct Begin {
  using Response = Result<std::vector<std::int32_t>>;

  std::vector<Fence> fences;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls read_windows(). A response without rows asks for a request with fewer keys.
struct ReadWindows {
  using Response = Result<MetricsStore::WindowRows>;

  std::vector<tally::WindowKey> keys;
  std::size_t bytes_max = limits::step_bytes_max;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls read_pending_rows(). `minutes` is ascending.
struct ReadPendingRows {
  using Response = Result<PendingRows>;

  std::int32_t partition = 0;
  std::vector<WindowStart> minutes;
  RowBounds bounds;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls lock_dead_letters(). The response has the order of the request.
struct LockDeadLetters {
  using Response = Result<std::vector<DeadLetterState>>;

  std::vector<DeadLetterId> dead_letters;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls write(), for all changes of a transaction or for a part of them.
struct Write {
  using Response = Result<Written>;

  Changes changes;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls commit(). The outcome is its own error type: a lost response is not a failure.
struct Commit {
  using Response = CommitOutcome;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// Calls rollback(), which cannot fail.
struct Rollback {
  using Response = std::monostate;

  [[nodiscard]] Response send(MetricsStore& store) const;
};

// A request and the function that receives its response. Movable, not copyable. `on_response` usually refers
// to the state machine that made the call, so the call must not outlive it.
template <class Request>
class Call {
 public:
  using Response = typename Request::Response;

  Call(Request request, std::move_only_function<void(Response)> on_response)
      : request_(std::move(request)), on_response_(std::move(on_response)) {}

  [[nodiscard]] const Request& request() const { return request_; }
  // Call it exactly once.
  void respond(Response response) { std::exchange(on_response_, nullptr)(std::move(response)); }

 private:
  Request request_;
  std::move_only_function<void(Response)> on_response_;
};

using StoreCall =
    std::variant<Call<OpenLedger>, Call<ArchiveLedger>, Call<FindDeadLetters>, Call<FindFailedReplays>,
                 Call<FindPendingRollups>, Call<Begin>, Call<ReadWindows>, Call<ReadPendingRows>,
                 Call<LockDeadLetters>, Call<Write>, Call<Commit>, Call<Rollback>>;

// The request of the call if it has this type, otherwise nullptr. Valid as long as the call.
template <class Request>
[[nodiscard]] const Request* request_if(const StoreCall& call) {
  const auto* typed = std::get_if<Call<Request>>(&call);
  return typed == nullptr ? nullptr : &typed->request();
}

// Sends the request and passes on the response. Blocks as long as the store does.
void execute(StoreCall call, MetricsStore& store);

// Work that the consumer's thread gives to the writer's thread. One thread at a time owns the object: it
// moves to the writer as a whole and comes back when next() has returned nothing.
class StoreWork {
 public:
  StoreWork() = default;
  StoreWork(const StoreWork&) = delete;
  StoreWork& operator=(const StoreWork&) = delete;
  virtual ~StoreWork() = default;

  // Returns the next call, or nothing once the work has ended, with success or not. Each call must get its
  // response before next() is called again.
  virtual std::optional<StoreCall> next() = 0;
};

// Executes all calls of the work.
void run_to_end(StoreWork& work, MetricsStore& store);

}  // namespace weir::commit
