// send() queues a copy, and the thread appends it to a KafkaEventLog of the topic `<topic>.dlq`. The reporter
// of that log completes the append: it queues the result, or queues the copy again without its value if the
// topic rejected it as too large. The thread destroys the log, which completes all open appends, before the
// members that they use.
#include "kafka/dead_letter_topic.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "kafka/topic.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds broker_wait_max{3000};
// stopping_ is checked in this interval while the brokers are not reachable.
constexpr milliseconds stop_check_interval{200};
// About the default of the brokers' message.max.bytes.
constexpr std::size_t copy_bytes_max = limits::MiB;

// The append of one copy. Without its value, the header weir.omitted states the size.
intake::EventBatch request_of(const consumer::DeadLetterTopic::Copy& copy, bool with_value) {
  const auto& dead_letter = copy.dead_letter;
  intake::EventBatch request;
  intake::RecordSlice record;
  request.bytes = dead_letter.key.value_or("");
  record.key_bytes = static_cast<std::uint32_t>(request.bytes.size());
  record.value_at = record.key_bytes;
  const std::string_view value =
      dead_letter.value ? std::string_view(*dead_letter.value) : std::string_view();
  if (with_value) {
    request.bytes += value;
    record.value_bytes = static_cast<std::uint32_t>(value.size());
  }
  record.headers = {{"weir.reason", dead_letter.reason}, {"weir.source", commit::to_text(copy.source)}};
  if (!with_value) record.headers.push_back({"weir.omitted", std::to_string(value.size())});
  request.records.push_back(std::move(record));
  return request;
}

}  // namespace

KafkaDeadLetterTopic::KafkaDeadLetterTopic(DeadLetterTopicOptions options, telemetry::Logger& logger,
                                           std::function<void()> wake)
    : options_(std::move(options)), logger_(logger), wake_(std::move(wake)) {}

KafkaDeadLetterTopic::~KafkaDeadLetterTopic() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void KafkaDeadLetterTopic::send(Copy copy) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(copy));
  }
  work_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

std::vector<consumer::DeadLetterTopic::CopyResult> KafkaDeadLetterTopic::take_results() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(results_, {});
}

void KafkaDeadLetterTopic::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return stopping_ || !queue_.empty() || !too_large_.empty(); });
    if (stopping_) break;
    auto copies = std::exchange(queue_, {});
    const auto too_large = std::exchange(too_large_, {});
    lock.unlock();
    for (const auto& copy : too_large) append(copy, false);
    if (!copies.empty()) send_all(std::move(copies));
  }
  // While the members that its receipts use still exist.
  log_.reset();
}

void KafkaDeadLetterTopic::send_all(std::vector<Copy> copies) {
  if (auto opened = open_log(); !opened) {
    for (const auto& copy : copies) report(copy.ticket, opened.error());
    return;
  }
  const auto stopping = [this] {
    const std::scoped_lock lock(mutex_);
    return stopping_;
  };
  for (milliseconds waited{0}; waited < broker_wait_max && !stopping(); waited += stop_check_interval)
    if (log_->await_up(stop_check_interval)) break;
  for (auto& copy : copies) append(std::make_shared<const Copy>(std::move(copy)), true);
}

// waiting_bytes_max is twice the bytes of dead letters that the consumer holds at once.
Result<void> KafkaDeadLetterTopic::open_log() {
  if (log_) return {};
  Cluster cluster = options_.cluster;
  cluster.topic = dlq_topic(cluster.topic);
  auto opened = KafkaEventLog::open({.cluster = std::move(cluster),
                                     .partitions = options_.partitions,
                                     .compression = options_.compression,
                                     .event_bytes_max = copy_bytes_max,
                                     .waiting_bytes_max = 2 * limits::waiting_dead_letter_bytes_max},
                                    logger_);
  if (!opened) return propagate(opened);
  log_ = std::move(*opened);
  return {};
}

// The callback runs on the reporter of log_. A copy that is too large even without its value fails.
void KafkaDeadLetterTopic::append(std::shared_ptr<const Copy> copy, bool with_value) {
  auto request = request_of(*copy, with_value);
  log_->append(std::move(request), [this, copy, with_value](intake::Receipts receipts) {
    if (receipts.all == intake::Receipt::kept) return report(copy->ticket, std::nullopt);
    if (receipts.why.code != "record_too_large" || !with_value)
      return report(copy->ticket, std::move(receipts.why));
    const std::scoped_lock lock(mutex_);
    too_large_.push_back(copy);
    work_.notify_all();
  });
}

void KafkaDeadLetterTopic::report(Ticket ticket, std::optional<Error> failure) {
  {
    const std::scoped_lock lock(mutex_);
    results_.push_back({ticket, std::move(failure)});
  }
  wake_();
}

}  // namespace weir::kafka
