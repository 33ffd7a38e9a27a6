#include "intake/testing/fake_event_log.hpp"

#include "base/ensure.hpp"

namespace weir::intake {

FakeEventLog::~FakeEventLog() {
  for (auto& one : waiting_)
    one.on_receipts(Receipts{.all = Receipt::not_kept,
                             .each = {},
                             .why = {ErrorKind::unavailable, "log_stopping", "the log is closing"}});
}

void FakeEventLog::answer(Receipt receipt, Error why) {
  const std::scoped_lock lock(mutex_);
  default_answer_ = {.each = {}, .all = receipt, .why = std::move(why)};
}

void FakeEventLog::answer_next(std::vector<Receipt> each, Error why) {
  const std::scoped_lock lock(mutex_);
  next_.push_back({.each = std::move(each), .all = Receipt::kept, .why = std::move(why)});
}

void FakeEventLog::hold() {
  const std::scoped_lock lock(mutex_);
  holding_ = true;
}

void FakeEventLog::release() {
  while (true) {
    std::unique_lock lock(mutex_);
    if (waiting_.empty()) {
      holding_ = false;
      return;
    }
    Waiting one = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= one.events.bytes.size();
    Receipts receipts = apply(one.events, one.answer);
    lock.unlock();  // the callback may append again
    one.on_receipts(std::move(receipts));
  }
}

void FakeEventLog::waiting_bytes_max(std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  waiting_bytes_max_ = bytes;
}

void FakeEventLog::set_health(LogHealth health) {
  const std::scoped_lock lock(mutex_);
  health_ = std::move(health);
}

std::vector<EventBatch> FakeEventLog::appends() const {
  const std::scoped_lock lock(mutex_);
  return appends_;
}

std::vector<FakeEventLog::Kept> FakeEventLog::kept() const {
  const std::scoped_lock lock(mutex_);
  return kept_;
}

std::size_t FakeEventLog::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

void FakeEventLog::append(EventBatch events, ReceiptCallback on_receipts) {
  std::unique_lock lock(mutex_);
  appends_.push_back(events);
  if (waiting_bytes_ + events.bytes.size() > waiting_bytes_max_) {
    lock.unlock();
    on_receipts(Receipts{.all = Receipt::not_kept,
                         .each = {},
                         .why = {ErrorKind::unavailable, "log_full", "too much is waiting"}});
    return;
  }
  Answer answer = default_answer_;
  if (!next_.empty()) {
    answer = std::move(next_.front());
    next_.pop_front();
    ensure(answer.each.size() == events.records.size(), "the test gives a receipt for each record");
  }
  if (holding_) {
    waiting_bytes_ += events.bytes.size();
    waiting_.push_back({std::move(events), std::move(answer), std::move(on_receipts)});
    return;
  }
  Receipts receipts = apply(events, answer);
  lock.unlock();
  on_receipts(std::move(receipts));
}

LogHealth FakeEventLog::health() const {
  const std::scoped_lock lock(mutex_);
  LogHealth health = health_;
  health.end = end_before_ + static_cast<std::int64_t>(kept_.size());
  return health;
}

Receipts FakeEventLog::apply(const EventBatch& events, const Answer& answer) {
  Receipts receipts{.all = answer.all, .each = answer.each, .why = answer.why};
  for (std::size_t i = 0; i < events.records.size(); ++i) {
    const auto& record = events.records[i];
    if (receipts.of(i) == Receipt::kept)
      kept_.push_back({std::string(events.key(record)), std::string(events.value(record)), record.headers});
  }
  return receipts;
}

}  // namespace weir::intake
