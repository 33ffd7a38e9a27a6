// An event log in memory, for tests: it records every append, and the test chooses the receipts.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "intake/event_log.hpp"

namespace weir::intake {

// Thread-safe. By default it keeps everything and reports that before append() returns.
class FakeEventLog final : public EventLog {
 public:
  // A record that is in the log.
  struct Kept {
    std::string key;
    std::string value;
    std::vector<Header> headers;
  };

  // The log starts with the end offset `end`, as if it had that many records.
  explicit FakeEventLog(std::int64_t end = 0) : end_before_(end) {}
  ~FakeEventLog() override;

  // Every further append gets this receipt. With `unknown` and `not_kept` it also gets the error, and its
  // records are not in the log.
  void answer(Receipt receipt, Error why = {});
  // Only the next append gets these receipts, one for each record. Several calls apply to several appends.
  void answer_next(std::vector<Receipt> each, Error why = {});
  // Further appends wait, without receipts, until release().
  void hold();
  // Reports the receipts of all waiting appends, in order, on this thread. Further appends do not wait.
  void release();
  // Appends that exceed this, together with the waiting ones, get not_kept with log_full.
  void waiting_bytes_max(std::size_t bytes);
  // The fake still counts `end` itself.
  void set_health(LogHealth health);

  // Returns every append, kept or not.
  [[nodiscard]] std::vector<EventBatch> appends() const;
  // Returns the records in the log, in order.
  [[nodiscard]] std::vector<Kept> kept() const;
  // Returns the number of waiting appends.
  [[nodiscard]] std::size_t waiting() const;

  void append(EventBatch events, ReceiptCallback on_receipts) override;
  [[nodiscard]] LogHealth health() const override;

 private:
  // The receipts that an append will get.
  struct Answer {
    std::vector<Receipt> each;
    Receipt all = Receipt::kept;
    Error why;
  };
  struct Waiting {
    EventBatch events;
    Answer answer;
    ReceiptCallback on_receipts;
  };

  // Adds the records that the answer keeps to the log. Under the lock.
  Receipts apply(const EventBatch& events, const Answer& answer);

  const std::int64_t end_before_;
  mutable std::mutex mutex_;
  Answer default_answer_;
  std::deque<Answer> next_;
  bool holding_ = false;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t waiting_bytes_max_ = SIZE_MAX;
  LogHealth health_{.up = true, .reason = "", .log_id = "fake"};
  std::vector<EventBatch> appends_;
  std::vector<Kept> kept_;
};

}  // namespace weir::intake
