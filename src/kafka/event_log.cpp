#include "kafka/event_log.hpp"

#include <algorithm>

#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using intake::Receipt;
using intake::Receipts;
using std::chrono::milliseconds;

constexpr std::size_t record_cost = 128;  // what a record holds of memory beside its bytes
constexpr std::size_t key_and_headers_bytes_max = 8 * limits::KiB;
constexpr milliseconds trouble_lives{10'000};  // or health would keep away the traffic that could clear it
constexpr milliseconds renewal_pause{1000};
constexpr milliseconds purge_pause{20};
constexpr int looks_a_timeout = 36;  // how often it is seen whether a request is overdue

std::string writing_to(const std::string& topic) { return "writing to the topic " + topic; }

std::size_t to_text(std::string_view code) {
  const auto* const found = std::ranges::find(failure_codes, code);
  return static_cast<std::size_t>((found != failure_codes.end() ? found : failure_codes.end() - 1) -
                                  failure_codes.begin());
}

Receipts refusal(Error why) { return {.all = Receipt::not_kept, .each = {}, .why = std::move(why)}; }

// Failures that are about this record or this process, and say nothing of Kafka's health.
bool is_of_the_moment(std::string_view code) {
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

// Lives until its last record is settled, by whichever thread that is.
struct KafkaEventLog::Request {
  intake::EventBatch events;
  intake::ReceiptCallback receive;
  std::int64_t cost = 0;
  std::list<MonoTime>::iterator at;  // in ages_
  std::vector<Slot> slots;
  std::atomic<std::size_t> open{0};
};

Result<std::unique_ptr<KafkaEventLog>> KafkaEventLog::open(EventLogOptions options,
                                                           telemetry::Logger& logger) {
  auto watch = TopicWatch::open({options.cluster, options.partitions, options.make_letters_too}, logger);
  if (!watch) return propagate(watch);
  std::unique_ptr<KafkaEventLog> made(new KafkaEventLog(std::move(options), logger, std::move(*watch)));
  auto producer = Producer::open(made->producer_options(), logger);
  if (!producer) return propagate(producer);
  made->producer_ = std::move(*producer);
  made->reporter_ = std::thread([reporting = made.get()] { reporting->report(); });
  return made;
}

KafkaEventLog::KafkaEventLog(EventLogOptions options, telemetry::Logger& logger,
                             std::unique_ptr<TopicWatch> watch)
    : options_(std::move(options)), logger_(logger), watch_(std::move(watch)) {}

KafkaEventLog::~KafkaEventLog() { stop(milliseconds{0}); }

ProducerOptions KafkaEventLog::producer_options() const {
  // We hold the bound on waiting bytes ourselves; librdkafka's own are just beyond, so a request is taken
  // whole.
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
  open_requests_.fetch_add(1);  // before stopping_ is read: stop() waits for it, or it is refused
  auto request = std::make_unique<Request>();
  const std::size_t records = events.records.size();
  request->cost = static_cast<std::int64_t>(events.bytes.size() + records * record_cost);
  request->events = std::move(events);
  request->receive = std::move(receive);
  const std::int64_t waiting = counts_.waiting_bytes.fetch_add(request->cost) + request->cost;
  counts_.waiting_records.fetch_add(static_cast<std::int64_t>(records), std::memory_order_relaxed);
  if (auto why = obstacle(waiting)) return hand_over(std::move(request), refusal(std::move(*why)));
  {
    const std::scoped_lock lock(ages_mutex_);
    request->at = ages_.insert(ages_.end(), read_clock().mono);
  }
  request->slots.resize(records, {.request = request.get()});
  request->open = records;
  send(*request.release());
}

std::optional<Error> KafkaEventLog::obstacle(std::int64_t waiting_bytes) const {
  if (stopping_.load()) return Error{ErrorKind::unavailable, "log_stopping", "the log is going away"};
  if (waiting_bytes > static_cast<std::int64_t>(options_.waiting_bytes_max))
    return Error{ErrorKind::unavailable, "log_full", "too much is waiting for Kafka"};
  if (broken_.load(std::memory_order_relaxed))
    return Error{ErrorKind::internal, "kafka_fatal", "the Kafka producer failed and is being replaced"};
  if (watch_->up()) return std::nullopt;
  Error why = watch_->state().trouble;
  if (why.code.empty() || why.code == "broker_away" || why.code == "timed_out" || why.code == "starting")
    why = {ErrorKind::unavailable, "log_away", "Kafka is away: " + why.text};
  return why;
}

// The request is gone once its last record is settled, here or on the reporting thread.
void KafkaEventLog::send(Request& request) {
  const std::shared_lock lock(producer_mutex_);
  const std::size_t records = request.slots.size();
  for (std::size_t i = 0; i < records; ++i) {
    Slot& slot = request.slots[i];
    const auto& record = request.events.records[i];
    const int error =
        producer_->send(request.events.key(record), request.events.value(record), record.headers, &slot);
    if (error == 0) continue;
    if (error == RD_KAFKA_RESP_ERR__FATAL && !broken_.exchange(true)) producer_->wake();
    settle(slot, Receipt::not_kept, error);
  }
}

void KafkaEventLog::report() {
  Producer::ProducerEvents news;
  while (!stopping_.load() || open_requests_.load() > 0) {
    producer_->poll(poll_timeout(), news);
    take(news);
    if (stopping_.load()) continue;  // stop() gives up what is left
    if (news.fatal || broken_.load()) replace_producer("it failed for good");
    if (is_overdue()) {
      gives_up_overdue_ = true;
      replace_producer("Kafka did not answer in time");
      gives_up_overdue_ = false;
    }
  }
}

milliseconds KafkaEventLog::poll_timeout() const {
  if (broken_.load()) return renewal_pause;
  return options_.answer_timeout / (open_requests_.load() > 0 ? looks_a_timeout : looks_a_timeout / 4);
}

bool KafkaEventLog::is_overdue() {
  const std::scoped_lock lock(ages_mutex_);
  return !ages_.empty() && ages_.front() + options_.answer_timeout <= read_clock().mono;
}

void KafkaEventLog::take(const Producer::ProducerEvents& news) {
  if (news.brokers_lost) watch_->lost();
  std::vector<PartitionEnd> ends;
  for (const auto& delivery : news.deliveries)
    if (delivery.offset >= 0) ends.push_back({delivery.partition, delivery.offset + 1});
  if (!ends.empty()) watch_->wrote(ends);  // before anybody is told
  for (const auto& delivery : news.deliveries)
    settle(*static_cast<Slot*>(delivery.ticket), delivery.receipt, delivery.error);
}

void KafkaEventLog::settle(Slot& slot, Receipt receipt, int error) {
  const bool purged = error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  slot.receipt = receipt;
  slot.error = purged && gives_up_overdue_ ? RD_KAFKA_RESP_ERR__MSG_TIMED_OUT : error;
  Request* const request = slot.request;
  if (request->open.fetch_sub(1, std::memory_order_acq_rel) == 1) answer(std::unique_ptr<Request>(request));
}

// One reason for all: the caller's fault only if it is that for each.
Error KafkaEventLog::why_of(std::span<const Slot> slots) const {
  Error why;
  for (const auto& slot : slots) {
    if (slot.receipt == Receipt::kept || (!why.code.empty() && why.kind != ErrorKind::invalid)) continue;
    why = error_of(static_cast<rd_kafka_resp_err_t>(slot.error), writing_to(options_.cluster.topic));
  }
  return why;
}

void KafkaEventLog::answer(std::unique_ptr<Request> request) {
  const auto worst = std::ranges::max_element(request->slots, {}, &Slot::receipt);
  Receipts receipts{.all = worst->receipt, .each = {}, .why = {}};
  receipts.why = why_of(request->slots);
  const auto differs = [&](const Slot& slot) { return slot.receipt != receipts.all; };
  if (std::ranges::any_of(request->slots, differs)) {
    receipts.each.reserve(request->slots.size());
    for (const auto& slot : request->slots) receipts.each.push_back(slot.receipt);
  }
  const MonoTime now = read_clock().mono;
  std::chrono::nanoseconds took{0};
  {
    const std::scoped_lock lock(ages_mutex_);
    took = now - *request->at;
    ages_.erase(request->at);
  }
  latency_ms_ = std::chrono::duration_cast<milliseconds>(took).count();
  counts_.answered.fetch_add(1, std::memory_order_relaxed);
  counts_.answer_micros.fetch_add(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()),
      std::memory_order_relaxed);
  note(receipts);
  hand_over(std::move(request), std::move(receipts));
}

void KafkaEventLog::hand_over(std::unique_ptr<Request> request, Receipts receipts) {
  count(*request, receipts);
  counts_.waiting_bytes.fetch_sub(request->cost);
  counts_.waiting_records.fetch_sub(static_cast<std::int64_t>(request->events.records.size()),
                                    std::memory_order_relaxed);
  request->receive(std::move(receipts));
  request.reset();
  if (open_requests_.fetch_sub(1) != 1 || !stopping_.load()) return;
  const std::scoped_lock lock(mutex_);
  ended_.notify_all();
}

void KafkaEventLog::count(const Request& request, const Receipts& receipts) {
  std::array<std::uint64_t, 3> by_receipt{};
  for (std::size_t i = 0; i < request.events.records.size(); ++i)
    ++by_receipt[static_cast<std::size_t>(receipts.of(i))];
  const auto [kept, not_kept, unknown] = by_receipt;
  counts_.published.fetch_add(kept, std::memory_order_relaxed);
  if (not_kept + unknown == 0) return;
  counts_.unknown.fetch_add(unknown, std::memory_order_relaxed);
  counts_.failed[to_text(receipts.why.code)].fetch_add(not_kept + unknown, std::memory_order_relaxed);
}

// Says once, not at each request, that Kafka is there and yet does not keep what it is sent.
void KafkaEventLog::note(const Receipts& receipts) {
  const bool well = receipts.all == Receipt::kept;
  if (!well && is_of_the_moment(receipts.why.code)) return;
  if (well && !troubled_.load(std::memory_order_relaxed)) return;
  bool changed = false;
  {
    const std::scoped_lock lock(mutex_);
    changed = well == trouble_.has_value();
    if (well)
      trouble_.reset();
    else
      trouble_ = Failure{receipts.why.text, std::chrono::steady_clock::now()};
    troubled_ = !well;
  }
  if (!changed) return;
  if (well)
    logger_.info("Kafka keeps what it is sent again", {{"topic", options_.cluster.topic}});
  else
    logger_.warn("Kafka did not keep what it was sent",
                 {{"code", std::string(receipts.why.code)}, {"reason", receipts.why.text}});
}

intake::LogHealth KafkaEventLog::health() const {
  intake::LogHealth health = watch_->health();
  health.latency_ms = latency_ms_;
  const std::scoped_lock lock(mutex_);
  if (health.up && trouble_ && std::chrono::steady_clock::now() < trouble_->at + trouble_lives) {
    health.up = false;
    health.reason = trouble_->reason;
  }
  return health;
}

// Another producer takes the place, and what the old one holds is given up.
void KafkaEventLog::replace_producer(std::string_view why) {
  broken_ = true;  // keeps others off the lock
  auto fresh = Producer::open(producer_options(), logger_);
  if (!fresh) return logger_.error("no other Kafka producer can be made", {{"reason", fresh.error().text}});
  std::shared_ptr<Producer> old(std::move(*fresh));
  {
    const std::unique_lock lock(producer_mutex_);
    old.swap(producer_);
    broken_ = false;
  }
  counts_.renewed.fetch_add(1, std::memory_order_relaxed);
  logger_.warn("another Kafka producer takes the place of one that is given up",
               {{"reason", std::string(why)}, {"open_records", std::to_string(old->open_records())}});
  Producer::ProducerEvents news;
  while (old->open_records() > 0) {
    old->give_up();
    old->poll(purge_pause, news);
    take(news);
  }
}

void KafkaEventLog::stop(milliseconds patience) {
  if (!reporter_.joinable()) return;
  stopping_ = true;
  const auto producer_now = [this] {
    const std::shared_lock lock(producer_mutex_);
    return producer_;
  };
  const MonoTime until = std::chrono::steady_clock::now() + patience;
  if (open_requests_.load() > 0 && patience.count() > 0) producer_now()->flush(patience);
  while (open_requests_.load() > 0) {
    if (std::chrono::steady_clock::now() >= until) producer_now()->give_up();
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, purge_pause, [this] { return open_requests_.load() == 0; });
  }
  producer_now()->wake();
  reporter_.join();
}

}  // namespace weir::kafka
