// Sends a chunk to Weir so that each of its events is counted exactly once, also when import, Weir or the
// network fails in between.
//
// Before a chunk is sent, the journal has its intent; after the reply, its outcome. A chunk of unknown
// outcome is sent again under the same message ids as long as Weir's dedupe certainly knows them. Afterwards
// the chunk is in doubt, and the user must decide with --resend or --skip.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "importer/journal.hpp"
#include "importer/request_batch.hpp"
#include "importer/weir_client.hpp"

namespace weir::importer {

// What to do with a chunk that is in doubt.
enum class InDoubt : std::uint8_t {
  ask,     // fail, and name its lines
  resend,  // --resend: Weir did not keep it
  skip,    // --skip: Weir kept it
};

// Whether Weir certainly recognizes every message_id of a chunk that may have been sent. True if the intent
// is younger than half of the dedupe window, and the log's end has moved by less than half of it. The other
// half covers the time of sending, clocks that differ, and the events of other clients. False if the clock or
// the log went backwards.
[[nodiscard]] bool surely_deduped(const Intent& intent, const LogState& log, WallTime now);

// For one thread. Each call blocks until it is done or has given up.
class Sender {
 public:
  // How long a call tries again while Weir does not answer or accept.
  static constexpr std::chrono::seconds unavailable_max{60};

  struct Dependencies {
    WeirClient& weir;
    std::function<Now()> now;
    std::function<void(std::chrono::milliseconds)> wait;
    std::function<void(std::string_view)> print_line;  // for the user, who waits
  };

  explicit Sender(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}

  // Asks for Weir's log until there is an answer. ErrorKind::unavailable, weir_unavailable: none came within
  // unavailable_max. ErrorKind::invalid, not_weir: another program answers.
  [[nodiscard]] Result<LogState> await_log_state();

  // Sends the events of a batch, if it has any, to the log `log_id`, and records intent and outcome in the
  // journal. Returns the items that Weir rejected. If the journal has an intent, an earlier import of this
  // batch was interrupted. Then `in_doubt` is the decision of the user about that sending.
  //
  // Errors are those of await_log_state() and of the journal, and three more. in_doubt: the import can be run
  // again with a decision. log_changed: Weir has another log now. refused: Weir does not accept such
  // requests. After an error the journal says how far the import came.
  [[nodiscard]] Result<std::vector<RejectedItem>> send(const RequestBatch& batch, Intent intent,
                                                       std::string_view log_id, InDoubt in_doubt,
                                                       Journal& journal);

 private:
  enum class Step : std::uint8_t {
    send,    // the chunk was not sent, or certainly not kept
    resend,  // the outcome of sending it is unknown, and dedupe knows its ids
    skip,    // the chunk was kept
  };

  void start_retry_period();
  Result<void> wait_before_retry(const std::string& reason, std::int64_t at_least_ms);
  Result<LogState> fetch_log_state();
  Result<Step> decide_step(const RequestBatch& batch, Intent& intent, const LogState& log, InDoubt in_doubt,
                           Journal& journal);
  Posted post(const RequestBatch& batch, std::size_t body_bytes_max);
  static Result<std::vector<RejectedItem>> record_outcome(const RequestBatch& batch,
                                                          std::vector<RejectedItem> rejected,
                                                          Journal& journal);

  Dependencies dependencies_;
  // Of the current call: when it began, and how long it waited last.
  MonoTime retrying_since_;
  std::chrono::milliseconds retry_delay_{0};
};

}  // namespace weir::importer
