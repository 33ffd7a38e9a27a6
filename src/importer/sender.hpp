// How a piece gets into Weir once, whatever happens to import, to Weir or to the line between them.
//
// Before a piece is sent the journal has its intent; behind its answer, the outcome. A piece of unknown
// outcome is sent again under the same ids while Weir's dedupe surely knows them; afterwards it is in doubt,
// and a person decides.
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

// What to do with a piece in doubt.
enum class InDoubt : std::uint8_t {
  ask,     // end with 1 and name its lines
  resend,  // --resend: it was not kept
  skip,    // --skip: it was kept
};

// Whether Weir would recognise every id of a piece that was perhaps sent: its intent is younger than half of
// the window in time, and the log's end moved by less than half of the window in events. The other half is
// for the time that sending takes, for clocks that are not quite even, and for what others send meanwhile. A
// clock or a log that went backwards proves nothing: false.
[[nodiscard]] bool surely_deduped(const Intent& intent, const LogState& log, WallTime now);

// One thread.
class Sender {
 public:
  static constexpr std::chrono::seconds away_max{60};

  struct Dependencies {
    WeirClient& weir;
    std::function<Now()> now;
    std::function<void(std::chrono::milliseconds)> wait;
    std::function<void(std::string_view)> say;  // a line for the person who waits
  };

  explicit Sender(Dependencies world) : world_(std::move(world)) {}

  // What Weir says of its log, as soon as it does. ErrorKind::unavailable, weir_away: not within away_max;
  // ErrorKind::invalid: what answers is no Weir.
  [[nodiscard]] Result<LogState> await_log();

  // Brings the piece, which may have no events at all, into the log `log_id`, and its outcome into the
  // journal. If the journal has an open intent, it is this piece's, from an import that was killed, and
  // `in_doubt` is what its owner decided since. Gives the items that Weir rejected. Errors: weir_away,
  // in_doubt, log_changed, refused; the journal's own. The journal then knows how far it came, and the same
  // import can be run again.
  [[nodiscard]] Result<std::vector<RejectedItem>> deliver(const RequestBatch& piece, Intent intent,
                                                          std::string_view log_id, InDoubt in_doubt,
                                                          Journal& journal);

 private:
  // From here on Weir may be away for so long.
  void begin_patience();
  Result<void> be_patient(const std::string& why, std::int64_t at_least_ms);
  Result<LogState> ask_log();
  enum class Step : std::uint8_t {
    send,        // never sent, or surely without effect
    send_again,  // what came of sending it is unknown, and dedupe knows its ids
    leave_out,
  };
  // Posts the piece, in several requests if Weir takes only smaller bodies now than when the piece was cut.
  Posted post(const RequestBatch& piece, std::size_t body_bytes_max);
  Result<Step> prepare(const RequestBatch& piece, Intent& intent, const LogState& log, InDoubt in_doubt,
                       Journal& journal);
  static Result<std::vector<RejectedItem>> settle(const RequestBatch& piece,
                                                  std::vector<RejectedItem> rejected, Journal& journal);

  Dependencies world_;
  MonoTime patient_since_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace weir::importer
