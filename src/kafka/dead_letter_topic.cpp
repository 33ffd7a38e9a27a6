#include "kafka/dead_letter_topic.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "kafka/topic.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds patience{3000};
constexpr milliseconds patience_bite{200};           // after each, it is seen whether we are to stop
constexpr std::size_t copy_bytes_max = limits::MiB;  // about what brokers take unless told otherwise

intake::EventBatch request_of(const consumer::DeadLetterTopic::Copy& copy, bool with_value) {
  const auto& letter = copy.dead_letter;
  intake::EventBatch request;
  intake::RecordSlice record;
  request.bytes = letter.key.value_or("");
  record.key_bytes = static_cast<std::uint32_t>(request.bytes.size());
  record.value_at = record.key_bytes;
  const std::string_view value = letter.value ? std::string_view(*letter.value) : std::string_view();
  if (with_value) {
    request.bytes += value;
    record.value_bytes = static_cast<std::uint32_t>(value.size());
  }
  record.headers = {{"weir.reason", letter.reason}, {"weir.source", commit::to_text(copy.source)}};
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
  if (!thread_.joinable()) thread_ = std::thread([this] { send_until_stopped(); });
}

std::vector<consumer::DeadLetterTopic::CopyResult> KafkaDeadLetterTopic::take_results() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(ended_, {});
}

void KafkaDeadLetterTopic::send_until_stopped() {
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
  letters_.reset();  // while what its answers touch is still there
}

void KafkaDeadLetterTopic::send_all(std::vector<Copy> copies) {
  if (auto opened = open_log(); !opened) {
    for (const auto& copy : copies) end(copy.ticket, opened.error());
    return;
  }
  const auto stopping = [this] {
    const std::scoped_lock lock(mutex_);
    return stopping_;
  };
  for (milliseconds waited{0}; waited < patience && !stopping(); waited += patience_bite)
    if (letters_->await_up(patience_bite)) break;
  for (auto& copy : copies) append(std::make_shared<const Copy>(std::move(copy)), true);
}

Result<void> KafkaDeadLetterTopic::open_log() {
  if (letters_) return {};
  Cluster cluster = options_.cluster;
  cluster.topic = dlq_topic(cluster.topic);
  auto opened = KafkaEventLog::open({.cluster = std::move(cluster),
                                     .partitions = options_.partitions,
                                     .compression = options_.compression,
                                     .event_bytes_max = copy_bytes_max,
                                     .waiting_bytes_max = 2 * limits::waiting_letter_bytes_max},
                                    logger_);
  if (!opened) return propagate(opened);
  letters_ = std::move(*opened);
  return {};
}

void KafkaDeadLetterTopic::append(std::shared_ptr<const Copy> copy, bool with_value) {
  auto request = request_of(*copy, with_value);
  letters_->append(std::move(request), [this, copy, with_value](intake::Receipts receipts) {
    if (receipts.all == intake::Receipt::kept) return end(copy->ticket, std::nullopt);
    if (receipts.why.code != "record_too_large" || !with_value)
      return end(copy->ticket, std::move(receipts.why));
    const std::scoped_lock lock(mutex_);
    too_large_.push_back(copy);
    work_.notify_all();
  });
}

void KafkaDeadLetterTopic::end(Ticket ticket, std::optional<Error> failure) {
  {
    const std::scoped_lock lock(mutex_);
    ended_.push_back({ticket, std::move(failure)});
  }
  wake_();
}

}  // namespace weir::kafka
