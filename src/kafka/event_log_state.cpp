#include "kafka/event_log_state.hpp"

#include <algorithm>
#include <array>

#include "kafka/errors.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

// An older failure does not make the log unhealthy: a load balancer would keep away the requests that could
// show that it has ended.
constexpr milliseconds failure_lifetime{10'000};

std::size_t index_of(std::string_view code) {
  const auto* const found = std::ranges::find(failure_codes, code);
  return static_cast<std::size_t>((found != failure_codes.end() ? found : failure_codes.end() - 1) -
                                  failure_codes.begin());
}

// Failures of one record or of this process, which say nothing about Kafka.
bool is_local(std::string_view code) {
  static constexpr std::array<std::string_view, 5> codes{"log_full", "log_stopping", "log_away",
                                                         "record_too_large", "record_refused"};
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

Error error_of_code(int code, std::string_view action) {
  return error_of(static_cast<rd_kafka_resp_err_t>(code), action);
}

EventLogState::EventLogState(std::string topic, std::size_t waiting_bytes_max, TopicWatch& watch,
                             telemetry::Logger& logger)
    : topic_(std::move(topic)),
      waiting_bytes_max_(static_cast<std::int64_t>(waiting_bytes_max)),
      watch_(watch),
      logger_(logger) {}

std::int64_t EventLogState::cost_of(const intake::EventBatch& events) {
  return static_cast<std::int64_t>(events.bytes.size() + events.records.size() * record_cost);
}

std::optional<Error> EventLogState::admit(std::size_t records, std::int64_t cost) {
  const std::int64_t waiting = counts_.waiting_bytes.fetch_add(cost) + cost;
  counts_.waiting_records.fetch_add(static_cast<std::int64_t>(records), std::memory_order_relaxed);
  if (stopping_.load()) return Error{ErrorKind::unavailable, "log_stopping", "the event log is stopping"};
  if (waiting > waiting_bytes_max_)
    return Error{ErrorKind::unavailable, "log_full", "too many events wait for Kafka"};
  if (watch_.up()) return std::nullopt;
  // Errors of the connection become log_away. Others, as not_authorised, tell the operator more.
  Error why = watch_.state().error;
  if (why.code.empty() || why.code == "broker_unavailable" || why.code == "timed_out" ||
      why.code == "starting")
    why = {ErrorKind::unavailable, "log_away", "Kafka is not reachable: " + why.text};
  return why;
}

void EventLogState::on_receipts(const intake::Receipts& receipts, std::size_t records, std::int64_t cost,
                                std::optional<std::chrono::nanoseconds> took) {
  if (took) {
    latency_ms_ = std::chrono::duration_cast<milliseconds>(*took).count();
    counts_.appends.fetch_add(1, std::memory_order_relaxed);
    counts_.append_micros.fetch_add(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(*took).count()),
        std::memory_order_relaxed);
    log_change(receipts);
  }
  count(receipts, records);
  counts_.waiting_bytes.fetch_sub(cost);
  counts_.waiting_records.fetch_sub(static_cast<std::int64_t>(records), std::memory_order_relaxed);
}

void EventLogState::on_connection_failure(std::string_view code, const std::string& reason) {
  const auto* const found = std::ranges::find(connection_failure_codes, code);
  if (found != connection_failure_codes.end())
    counts_.connections_failed.at(static_cast<std::size_t>(found - connection_failure_codes.begin()))
        .fetch_add(1, std::memory_order_relaxed);
  logger_.debug("a connection of the producer failed", {{"code", std::string(code)}, {"reason", reason}});
}

void EventLogState::count(const intake::Receipts& receipts, std::size_t records) {
  std::array<std::uint64_t, 3> by_receipt{};
  if (receipts.each.empty())
    by_receipt[static_cast<std::size_t>(receipts.all)] = records;
  else
    for (const auto receipt : receipts.each) ++by_receipt[static_cast<std::size_t>(receipt)];
  const auto [kept, not_kept, unknown] = by_receipt;
  counts_.published.fetch_add(kept, std::memory_order_relaxed);
  if (not_kept + unknown == 0) return;
  counts_.unknown.fetch_add(unknown, std::memory_order_relaxed);
  counts_.failed[index_of(receipts.why.code)].fetch_add(not_kept + unknown, std::memory_order_relaxed);
}

void EventLogState::log_change(const intake::Receipts& receipts) {
  const bool is_kept = receipts.all == intake::Receipt::kept;
  if (!is_kept && is_local(receipts.why.code)) return;
  if (is_kept && !has_failure_.load(std::memory_order_relaxed)) return;
  bool has_changed = false;
  {
    const std::scoped_lock lock(mutex_);
    has_changed = is_kept == failure_.has_value();
    if (is_kept)
      failure_.reset();
    else
      failure_ = Failure{receipts.why.text, read_clock().mono};
    has_failure_ = !is_kept;
  }
  if (!has_changed) return;
  if (is_kept)
    logger_.info("Kafka accepts records again", {{"topic", topic_}});
  else
    logger_.warn(
        "Kafka did not accept records",
        {{"topic", topic_}, {"code", std::string(receipts.why.code)}, {"reason", receipts.why.text}});
}

intake::LogHealth EventLogState::health() const {
  intake::LogHealth health = watch_.health();
  // Before the first append, the latency is that of the watch's last query.
  if (counts_.appends.load(std::memory_order_relaxed) > 0) health.latency_ms = latency_ms_;
  const std::scoped_lock lock(mutex_);
  if (health.up && failure_ && read_clock().mono < failure_->at + failure_lifetime) {
    health.up = false;
    health.reason = failure_->reason;
  }
  return health;
}

}  // namespace weir::kafka
