// An event log in memory that remembers what came and answers as it is told.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "intake/event_log.hpp"

namespace weir::intake {

// May be called from any thread. Unless told otherwise it keeps everything and says so before append()
// returns.
class FakeEventLog final : public EventLog {
 public:
  struct Kept {
    std::string key;
    std::string value;
    std::vector<Header> headers;
  };

  // `end`: as if so many records stood in it already.
  explicit FakeEventLog(std::int64_t end = 0) : end_before_(end) {}
  ~FakeEventLog() override;

  // From now on every append is answered so. `unknown` and `not_kept` come with the error, and are not kept.
  void answer(Receipt receipt, Error why = {});
  // Only the next append is answered so, record by record; several calls queue up.
  void answer_next(std::vector<Receipt> each, Error why = {});
  // From now on appends are taken and not answered…
  void hold();
  // …until here: answers what waits, in order, on this thread, and goes back to answering at once.
  void release();
  // What is larger than this, together with what waits, is answered not_kept, log_full.
  void waiting_bytes_max(std::size_t bytes);
  void set_health(LogHealth health);  // `end` is counted all the same

  // Every append as it came, kept or not.
  [[nodiscard]] std::vector<EventBatch> appends() const;
  // What is in the log, in order.
  [[nodiscard]] std::vector<Kept> kept() const;
  [[nodiscard]] std::size_t waiting() const;

  void append(EventBatch events, ReceiptCallback receive) override;
  [[nodiscard]] LogHealth health() const override;

 private:
  struct Answer {
    std::vector<Receipt> each;
    Receipt all = Receipt::kept;
    Error why;
  };
  struct Waiting {
    EventBatch events;
    Answer answer;
    ReceiptCallback receive;
  };

  // Under the lock: enters what the answer keeps.
  Receipts settle(const EventBatch& events, const Answer& answer);

  const std::int64_t end_before_;
  mutable std::mutex mutex_;
  Answer standing_;
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
