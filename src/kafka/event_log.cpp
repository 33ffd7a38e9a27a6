// What runs on which thread:
//
//   any thread     append(): refuses the request, or gives its records to librdkafka
//   the reporter   poll ─▶ on_events ─▶ apply_receipt ─▶ complete ─▶ deliver; then replace_producer(), if necessary
//   TopicWatch     keeps `up`, which append() reads without a lock
//
// librdkafka refers to the bytes of a request until its delivery report, so a Request owns itself: send()
// releases it, and the thread that applies its last receipt takes it back. That is append() itself if
// librdkafka rejects the last open record at once.
//
// stop() makes append() refuse, flushes or purges the producer, and waits until the reporter has completed
// all requests.
#include "kafka/event_log.hpp"

#include <algorithm>

#include "kafka/errors.hpp"

namespace weir::kafka {
namespace {

using intake::Receipt;
using intake::Receipts;
using std::chrono::milliseconds;

// The memory of a record besides its bytes.
constexpr std::size_t record_cost = 128;
constexpr std::size_t key_and_headers_bytes_max = 8 * limits::KiB;
// An older failure does not make the log unhealthy: without traffic, no later record could show that it has
// ended.
constexpr milliseconds failure_age_max{10'000};
constexpr milliseconds replace_retry_interval{1000};
constexpr milliseconds purge_interval{20};
// How often the reporter checks for overdue requests during append_timeout.
constexpr int overdue_checks_per_timeout = 36;

std::string writing_to(const std::string& topic) { return "writing to the topic " + topic; }

std::size_t index_of_failure(std::string_view code) {
  const auto* const found = std::ranges::find(failure_codes, code);
  return static_cast<std::size_t>((found != failure_codes.end() ? found : failure_codes.end() - 1) -
                                  failure_codes.begin());
}

Receipts not_kept(Error why) { return {.all = Receipt::not_kept, .each = {}, .why = std::move(why)}; }

// Failures of one record or of this process, which say nothing about the health of Kafka.
bool is_unrelated_to_kafka(std::string_view code) {
  static constexpr std::array<std::string_view, 5> codes{"log_full", "log_stopping", "log_away",
                                                         "record_too_large", "record_refused"};
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

struct KafkaEventLog::Slot {
  Request* request = nullptr;
  Receipt receipt = Receipt::not_kept;
  int error = 0;
};

// Owned by the thread that applies the last receipt. `open` counts the records without one. `at` is its entry
// in open_since_.
struct KafkaEventLog::Request {
  intake::EventBatch events;
  intake::ReceiptCallback receive;
  std::int64_t cost = 0;
  std::list<MonoTime>::iterator at;
  std::vector<Slot> slots;
  std::atomic<std::size_t> open{0};
};

Result<std::unique_ptr<KafkaEventLog>> KafkaEventLog::open(EventLogOptions options,
                                                           telemetry::Logger& logger) {
  auto watch = TopicWatch::open({options.cluster, options.partitions, options.create_dlq_topic}, logger);
  if (!watch) return propagate(watch);
  std::unique_ptr<KafkaEventLog> made(new KafkaEventLog(std::move(options), logger, std::move(*watch)));
  auto producer = Producer::open(made->producer_options(), logger);
  if (!producer) return propagate(producer);
  made->producer_ = std::move(*producer);
  made->reporter_ = std::thread([log = made.get()] { log->run_reporter(); });
  return made;
}

KafkaEventLog::KafkaEventLog(EventLogOptions options, telemetry::Logger& logger,
                             std::unique_ptr<TopicWatch> watch)
    : options_(std::move(options)), logger_(logger), watch_(std::move(watch)) {}

KafkaEventLog::~KafkaEventLog() { stop(milliseconds{0}); }

ProducerOptions KafkaEventLog::producer_options() const {
  // append() enforces waiting_bytes_max. librdkafka's own limits are higher, so it accepts all records of a
  // request.
  return {.cluster = options_.cluster,
          .compression = options_.compression,
          .linger = options_.linger,
          .record_bytes_max = options_.event_bytes_max + key_and_headers_bytes_max,
          .queue_bytes_max = 2 * options_.waiting_bytes_max,
          .queue_records_max = options_.waiting_bytes_max / record_cost + 1,
          .request_timeout = options_.request_timeout};
}

void KafkaEventLog::append(intake::EventBatch events, intake::ReceiptCallback receive) {
  if (events.records.empty()) return receive({.all = Receipt::kept, .each = {}, .why = {}});
  // Before stopping_ is read: so stop() waits for this request, or the request is refused.
  open_requests_.fetch_add(1);
  auto request = std::make_unique<Request>();
  const std::size_t records = events.records.size();
  request->cost = static_cast<std::int64_t>(events.bytes.size() + records * record_cost);
  request->events = std::move(events);
  request->receive = std::move(receive);
  const std::int64_t waiting = counts_.waiting_bytes.fetch_add(request->cost) + request->cost;
  counts_.waiting_records.fetch_add(static_cast<std::int64_t>(records), std::memory_order_relaxed);
  if (auto why = refusal(waiting)) return deliver(std::move(request), not_kept(std::move(*why)));
  {
    const std::scoped_lock lock(open_since_mutex_);
    request->at = open_since_.insert(open_since_.end(), read_clock().mono);
  }
  request->slots.resize(records, {.request = request.get()});
  request->open = records;
  send(*request.release());
}

std::optional<Error> KafkaEventLog::refusal(std::int64_t waiting_bytes) const {
  if (stopping_.load()) return Error{ErrorKind::unavailable, "log_stopping", "the event log is stopping"};
  if (waiting_bytes > static_cast<std::int64_t>(options_.waiting_bytes_max))
    return Error{ErrorKind::unavailable, "log_full", "too many events wait for Kafka"};
  if (producer_failed_.load(std::memory_order_relaxed))
    return Error{ErrorKind::internal, "kafka_fatal", "the Kafka producer has failed and is being replaced"};
  if (watch_->up()) return std::nullopt;
  Error why = watch_->state().error;
  if (why.code.empty() || why.code == "broker_unavailable" || why.code == "timed_out" ||
      why.code == "starting")
    why = {ErrorKind::unavailable, "log_away", "Kafka is not reachable: " + why.text};
  return why;
}

// The last apply_receipt(), here or on the reporter, destroys the request. So the loop must not read it after
// its last record.
void KafkaEventLog::send(Request& request) {
  const std::shared_lock lock(producer_mutex_);
  const std::size_t records = request.slots.size();
  for (std::size_t i = 0; i < records; ++i) {
    Slot& slot = request.slots[i];
    const auto& record = request.events.records[i];
    const int error =
        producer_->send(request.events.key(record), request.events.value(record), record.headers, &slot);
    if (error == 0) continue;
    if (error == RD_KAFKA_RESP_ERR__FATAL && !producer_failed_.exchange(true)) producer_->wake();
    apply_receipt(slot, Receipt::not_kept, error);
  }
}

void KafkaEventLog::run_reporter() {
  Producer::ProducerEvents events;
  while (!stopping_.load() || open_requests_.load() > 0) {
    producer_->poll(poll_timeout(), events);
    on_events(events);
    // stop() purges the producer.
    if (stopping_.load()) continue;
    if (events.fatal || producer_failed_.load()) replace_producer("the producer has a fatal error");
    if (is_overdue()) {
      purging_overdue_ = true;
      replace_producer("Kafka did not respond in time");
      purging_overdue_ = false;
    }
  }
}

milliseconds KafkaEventLog::poll_timeout() const {
  if (producer_failed_.load()) return replace_retry_interval;
  return options_.append_timeout /
         (open_requests_.load() > 0 ? overdue_checks_per_timeout : overdue_checks_per_timeout / 4);
}

bool KafkaEventLog::is_overdue() {
  const std::scoped_lock lock(open_since_mutex_);
  return !open_since_.empty() && open_since_.front() + options_.append_timeout <= read_clock().mono;
}

void KafkaEventLog::on_events(const Producer::ProducerEvents& events) {
  if (events.brokers_lost) watch_->on_brokers_lost();
  std::vector<PartitionEnd> ends;
  for (const auto& report : events.reports)
    if (report.offset >= 0) ends.push_back({report.partition, report.offset + 1});
  // First: a client that gets its response must find its events in the end offsets.
  if (!ends.empty()) watch_->on_ends_written(ends);
  for (const auto& report : events.reports)
    apply_receipt(*static_cast<Slot*>(report.ticket), report.receipt, report.error);
}

void KafkaEventLog::apply_receipt(Slot& slot, Receipt receipt, int error) {
  const bool purged = error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  slot.receipt = receipt;
  slot.error = purged && purging_overdue_ ? RD_KAFKA_RESP_ERR__MSG_TIMED_OUT : error;
  Request* const request = slot.request;
  if (request->open.fetch_sub(1, std::memory_order_acq_rel) == 1) complete(std::unique_ptr<Request>(request));
}

// A request has one error: ErrorKind::invalid only if every failed record is invalid.
Error KafkaEventLog::failure_of(std::span<const Slot> slots) const {
  Error why;
  for (const auto& slot : slots) {
    if (slot.receipt == Receipt::kept || (!why.code.empty() && why.kind != ErrorKind::invalid)) continue;
    why = error_of(static_cast<rd_kafka_resp_err_t>(slot.error), writing_to(options_.cluster.topic));
  }
  return why;
}

void KafkaEventLog::complete(std::unique_ptr<Request> request) {
  const auto worst = std::ranges::max_element(request->slots, {}, &Slot::receipt);
  Receipts receipts{.all = worst->receipt, .each = {}, .why = {}};
  receipts.why = failure_of(request->slots);
  const auto differs = [&](const Slot& slot) { return slot.receipt != receipts.all; };
  if (std::ranges::any_of(request->slots, differs)) {
    receipts.each.reserve(request->slots.size());
    for (const auto& slot : request->slots) receipts.each.push_back(slot.receipt);
  }
  const MonoTime now = read_clock().mono;
  std::chrono::nanoseconds took{0};
  {
    const std::scoped_lock lock(open_since_mutex_);
    took = now - *request->at;
    open_since_.erase(request->at);
  }
  latency_ms_ = std::chrono::duration_cast<milliseconds>(took).count();
  counts_.appends.fetch_add(1, std::memory_order_relaxed);
  counts_.append_micros.fetch_add(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()),
      std::memory_order_relaxed);
  record_outcome(receipts);
  deliver(std::move(request), std::move(receipts));
}

void KafkaEventLog::deliver(std::unique_ptr<Request> request, Receipts receipts) {
  count(*request, receipts);
  counts_.waiting_bytes.fetch_sub(request->cost);
  counts_.waiting_records.fetch_sub(static_cast<std::int64_t>(request->events.records.size()),
                                    std::memory_order_relaxed);
  request->receive(std::move(receipts));
  request.reset();
  if (open_requests_.fetch_sub(1) != 1 || !stopping_.load()) return;
  const std::scoped_lock lock(mutex_);
  drained_.notify_all();
}

void KafkaEventLog::count(const Request& request, const Receipts& receipts) {
  std::array<std::uint64_t, 3> by_receipt{};
  for (std::size_t i = 0; i < request.events.records.size(); ++i)
    ++by_receipt[static_cast<std::size_t>(receipts.of(i))];
  const auto [kept, not_kept, unknown] = by_receipt;
  counts_.published.fetch_add(kept, std::memory_order_relaxed);
  if (not_kept + unknown == 0) return;
  counts_.unknown.fetch_add(unknown, std::memory_order_relaxed);
  counts_.failed[index_of_failure(receipts.why.code)].fetch_add(not_kept + unknown,
                                                                std::memory_order_relaxed);
}

// Logs once, not for each request, that Kafka is reachable but rejects records.
void KafkaEventLog::record_outcome(const Receipts& receipts) {
  const bool well = receipts.all == Receipt::kept;
  if (!well && is_unrelated_to_kafka(receipts.why.code)) return;
  if (well && !has_failure_.load(std::memory_order_relaxed)) return;
  bool changed = false;
  {
    const std::scoped_lock lock(mutex_);
    changed = well == failure_.has_value();
    if (well)
      failure_.reset();
    else
      failure_ = Failure{receipts.why.text, std::chrono::steady_clock::now()};
    has_failure_ = !well;
  }
  if (!changed) return;
  if (well)
    logger_.info("Kafka accepts records again", {{"topic", options_.cluster.topic}});
  else
    logger_.warn("Kafka did not accept records", {{"topic", options_.cluster.topic},
                                                  {"code", std::string(receipts.why.code)},
                                                  {"reason", receipts.why.text}});
}

intake::LogHealth KafkaEventLog::health() const {
  intake::LogHealth health = watch_->health();
  health.latency_ms = latency_ms_;
  const std::scoped_lock lock(mutex_);
  if (health.up && failure_ && std::chrono::steady_clock::now() < failure_->at + failure_age_max) {
    health.up = false;
    health.reason = failure_->reason;
  }
  return health;
}

// Opens another producer for new requests, then purges the old one and completes its requests.
void KafkaEventLog::replace_producer(std::string_view why) {
  // append() refuses from here on, instead of waiting for the lock.
  producer_failed_ = true;
  auto fresh = Producer::open(producer_options(), logger_);
  if (!fresh) return logger_.error("cannot create another Kafka producer", {{"reason", fresh.error().text}});
  std::shared_ptr<Producer> old(std::move(*fresh));
  {
    const std::unique_lock lock(producer_mutex_);
    old.swap(producer_);
    producer_failed_ = false;
  }
  counts_.producers_replaced.fetch_add(1, std::memory_order_relaxed);
  logger_.warn("Kafka producer replaced",
               {{"reason", std::string(why)}, {"open_records", std::to_string(old->open_records())}});
  Producer::ProducerEvents events;
  while (old->open_records() > 0) {
    old->purge();
    old->poll(purge_interval, events);
    on_events(events);
  }
}

void KafkaEventLog::stop(milliseconds timeout) {
  if (!reporter_.joinable()) return;
  stopping_ = true;
  const auto producer_now = [this] {
    const std::shared_lock lock(producer_mutex_);
    return producer_;
  };
  const MonoTime until = std::chrono::steady_clock::now() + timeout;
  if (open_requests_.load() > 0 && timeout.count() > 0) producer_now()->flush(timeout);
  while (open_requests_.load() > 0) {
    if (std::chrono::steady_clock::now() >= until) producer_now()->purge();
    std::unique_lock lock(mutex_);
    drained_.wait_for(lock, purge_interval, [this] { return open_requests_.load() == 0; });
  }
  producer_now()->wake();
  reporter_.join();
}

}  // namespace weir::kafka
