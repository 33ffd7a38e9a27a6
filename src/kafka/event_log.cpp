// What runs on which thread:
//
//   any thread     append(): refuses the request, or gives its records to librdkafka
//   the reporter   poll ─▶ on_events ─▶ apply_receipt ─▶ complete ─▶ deliver; replace_producer() if necessary
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

constexpr std::size_t key_and_headers_bytes_max = 8 * limits::KiB;
constexpr milliseconds replace_retry_interval{1000};
constexpr milliseconds purge_interval{20};
// How often the reporter checks for overdue requests during append_timeout.
constexpr int overdue_checks_per_timeout = 36;

std::string writing_to(const std::string& topic) { return "writing to the topic " + topic; }

Receipts not_kept(Error why) { return {.all = Receipt::not_kept, .each = {}, .why = std::move(why)}; }

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
    : options_(std::move(options)),
      logger_(logger),
      watch_(std::move(watch)),
      state_(options_.cluster.topic, options_.waiting_bytes_max, *watch_, logger) {}

KafkaEventLog::~KafkaEventLog() { stop(milliseconds{0}); }

ProducerOptions KafkaEventLog::producer_options() const {
  // append() enforces waiting_bytes_max. librdkafka's own limits are higher, so it accepts all records of a
  // request.
  return {.cluster = options_.cluster,
          .compression = options_.compression,
          .linger = options_.linger,
          .record_bytes_max = options_.event_bytes_max + key_and_headers_bytes_max,
          .queue_bytes_max = 2 * options_.waiting_bytes_max,
          .queue_records_max = options_.waiting_bytes_max / EventLogState::record_cost + 1,
          .request_timeout = options_.request_timeout};
}

void KafkaEventLog::append(intake::EventBatch events, intake::ReceiptCallback receive) {
  if (events.records.empty()) return receive({.all = Receipt::kept, .each = {}, .why = {}});
  // Before admit(): so stop() waits for this request, or the request is refused.
  open_requests_.fetch_add(1);
  auto request = std::make_unique<Request>();
  const std::size_t records = events.records.size();
  request->cost = EventLogState::cost_of(events);
  request->events = std::move(events);
  request->receive = std::move(receive);
  if (auto why = admit(*request)) return deliver(std::move(request), not_kept(std::move(*why)), std::nullopt);
  {
    const std::scoped_lock lock(open_since_mutex_);
    request->at = open_since_.insert(open_since_.end(), read_clock().mono);
  }
  request->slots.resize(records, {.request = request.get()});
  request->open = records;
  send(*request.release());
}

std::optional<Error> KafkaEventLog::admit(const Request& request) {
  auto why = state_.admit(request.events.records.size(), request.cost);
  if (!why && producer_failed_.load(std::memory_order_relaxed))
    why = Error{ErrorKind::internal, "kafka_fatal", "the Kafka producer has failed and is being replaced"};
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
    const int error = producer_->send(request.events.key(record), request.events.value(record),
                                      request.events.headers(record), &slot);
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
  deliver(std::move(request), std::move(receipts), took);
}

void KafkaEventLog::deliver(std::unique_ptr<Request> request, Receipts receipts,
                            std::optional<std::chrono::nanoseconds> took) {
  state_.on_receipts(receipts, request->events.records.size(), request->cost, took);
  request->receive(std::move(receipts));
  request.reset();
  if (open_requests_.fetch_sub(1) != 1 || !stopping_.load()) return;
  const std::scoped_lock lock(drained_mutex_);
  drained_.notify_all();
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
  state_.on_producer_replaced();
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
  // In this order: a request that is not refused is counted in open_requests_ when the reporter sees
  // stopping_.
  state_.stop();
  stopping_ = true;
  const auto producer_now = [this] {
    const std::shared_lock lock(producer_mutex_);
    return producer_;
  };
  const MonoTime until = std::chrono::steady_clock::now() + timeout;
  if (open_requests_.load() > 0 && timeout.count() > 0) producer_now()->flush(timeout);
  while (open_requests_.load() > 0) {
    if (std::chrono::steady_clock::now() >= until) producer_now()->purge();
    std::unique_lock lock(drained_mutex_);
    drained_.wait_for(lock, purge_interval, [this] { return open_requests_.load() == 0; });
  }
  producer_now()->wake();
  reporter_.join();
}

}  // namespace weir::kafka
