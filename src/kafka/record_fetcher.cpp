// drain() takes messages from one queue for all partitions, copies the records into the arena, and appends
// one Records event for each partition with progress. A pause is lazy: librdkafka goes on fetching until a
// message of the paused partition arrives. So a short pause of all partitions costs nothing, and the records
// that are fetched already stay.
#include "kafka/record_fetcher.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "kafka/errors.hpp"
#include "kafka/message.hpp"
#include "kafka/rdkafka_handles.hpp"
#include "kafka/reading_settings.hpp"
#include "kafka/wakeup.hpp"

namespace weir::kafka {
namespace {

using consumer::LogEvent;

constexpr std::size_t block_bytes = limits::MiB;
constexpr std::size_t blocks_kept = limits::poll_bytes_max / block_bytes + 2;

// How many messages one call takes from the queue: few at first, then as many as their average size allows.
constexpr std::size_t first_batch = 64;
constexpr std::size_t batch_max = 1024;

const std::array<Property, 7> defaults{{
    // Brokers wait for 64 KiB for up to 100 ms. At 1,000 records a second, that saves three quarters of the
    // CPU.
    {"fetch.min.bytes", "65536"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.max.bytes", "4194304"},
    {"queued.max.messages.kbytes", std::to_string(RecordFetcher::ahead_kib_max)},
    // Bounds the memory of small records: librdkafka adds about 300 bytes to each.
    {"queued.min.messages", "100000"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"socket.nagle.disable", "true"},
}};

}  // namespace

std::string_view Arena::put(std::string_view bytes) {
  const std::size_t wanted = bytes.size() + limits::json_slack_bytes;
  if (blocks_.empty() || used_ + wanted > blocks_[block_].size) begin_block(wanted);
  char* const copy = blocks_[block_].bytes.get() + used_;
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  // The slack after the copy need not be free: the next copy may begin there.
  used_ += bytes.size();
  return {copy, bytes.size()};
}

// Reuses the next block if it is large enough. Otherwise inserts a new one before it.
void Arena::begin_block(std::size_t wanted) {
  if (!blocks_.empty()) ++block_;
  used_ = 0;
  if (block_ < blocks_.size() && blocks_[block_].size >= wanted) return;
  const std::size_t size = std::max(block_bytes, wanted);
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(block_),
                 Block{.bytes = std::make_unique<char[]>(size), .size = size});
}

// Blocks for unusually large records are freed, so one such record does not hold memory for ever.
void Arena::clear() {
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_bytes; });
  if (blocks_.size() > blocks_kept) blocks_.resize(blocks_kept);
  block_ = 0;
  used_ = 0;
}

Result<std::unique_ptr<RecordFetcher>> RecordFetcher::open(const Cluster& cluster, telemetry::Logger& logger,
                                                           int wakeup_fd) {
  auto conf = make_conf(without(cluster, "group."), defaults, required_consumer_properties);
  if (!conf) return propagate(conf);
  auto client = Client::open(Role::consumer, std::move(*conf), logger);
  if (!client) return propagate(client);
  return std::unique_ptr<RecordFetcher>(new RecordFetcher(std::move(*client), cluster.topic, wakeup_fd));
}

RecordFetcher::RecordFetcher(Client client, const std::string& topic, int wakeup_fd)
    : client_(std::move(client)),
      name_(topic),
      topic_(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr)),
      queue_(rd_kafka_queue_new(client_.get())) {
  rd_kafka_queue_io_event_enable(queue_.get(), wakeup_fd, &Wakeup::payload, sizeof Wakeup::payload);
}

RecordFetcher::~RecordFetcher() {
  for (auto& [partition, at] : positions_) stop(partition, at);
}

void RecordFetcher::add(std::int32_t partition) {
  remove(partition);
  positions_[partition].records = &records_[partition];
}

void RecordFetcher::remove(std::int32_t partition) {
  const auto found = positions_.find(partition);
  if (found == positions_.end()) return;
  stop(partition, found->second);
  positions_.erase(found);
}

Result<void> RecordFetcher::seek(std::int32_t partition, std::int64_t offset) {
  ensure(offset >= 0, "an offset to read from is not negative");
  const auto found = positions_.find(partition);
  if (found == positions_.end())
    return fail(ErrorKind::unavailable, "not_assigned",
                "partition " + std::to_string(partition) + " is not assigned to this process");
  FetchPosition& at = found->second;
  stop(partition, at);
  at.position = offset;
  if (!at.paused) start(partition, at);
  return {};
}

void RecordFetcher::pause(std::int32_t partition) {
  if (const auto found = positions_.find(partition); found != positions_.end()) found->second.paused = true;
}

void RecordFetcher::resume(std::int32_t partition) {
  const auto found = positions_.find(partition);
  if (found == positions_.end()) return;
  found->second.paused = false;
  if (found->second.position && !found->second.fetching) start(partition, found->second);
}

void RecordFetcher::start(std::int32_t partition, FetchPosition& at) {
  const int started = rd_kafka_consume_start_queue(topic_.get(), partition, *at.position, queue_.get());
  ensure(started == 0, "librdkafka can start to fetch a partition that is stopped");
  at.fetching = true;
}

void RecordFetcher::stop(std::int32_t partition, FetchPosition& at) {
  if (!std::exchange(at.fetching, false)) return;
  rd_kafka_consume_stop(topic_.get(), partition);
}

std::optional<Error> RecordFetcher::take_failure() { return std::exchange(failure_, std::nullopt); }

bool RecordFetcher::wants_more() const {
  return std::ranges::any_of(positions_,
                             [](const auto& entry) { return entry.second.fetching && !entry.second.paused; });
}

// The records of the last call are dropped first. While all partitions are paused, the queue is not touched.
void RecordFetcher::drain(std::vector<LogEvent>& events) {
  for (auto& [partition, records] : records_) records.clear();
  for (auto& [partition, at] : positions_) at.advanced = false;
  arena_.clear();
  drained_bytes_ = 0;
  if (!wants_more()) return;

  std::array<rd_kafka_message_t*, batch_max> batch{};
  std::vector<std::int32_t> out_of_range;
  std::size_t records = 0;
  std::size_t wanted = first_batch;
  while (wanted > 0) {
    const auto came = rd_kafka_consume_batch_queue(queue_.get(), 0, batch.data(), wanted);
    if (came <= 0) break;
    for (ssize_t i = 0; i < came; ++i) {
      const MessageHandle message(batch[static_cast<std::size_t>(i)]);
      on_message(*message, out_of_range);
    }
    if (static_cast<std::size_t>(came) < wanted) break;
    records += wanted;
    const std::size_t record_bytes = std::max<std::size_t>(drained_bytes_ / records, 1);
    const std::size_t bytes_left = limits::poll_bytes_max - std::min(drained_bytes_, limits::poll_bytes_max);
    wanted = std::min({batch_max, limits::poll_records_max - records, bytes_left / record_bytes});
  }
  // Only a full poll can have found a full queue.
  if (wanted == 0) client_.wake_broker_threads();
  emit_records(events);
  for (const auto partition : out_of_range) events.emplace_back(consumer::OffsetOutOfRange{partition});
}

// A message of a paused partition stops its fetching and is dropped. resume() fetches from the same position
// again.
void RecordFetcher::on_message(const rd_kafka_message_t& message, std::vector<std::int32_t>& out_of_range) {
  const auto found = positions_.find(message.partition);
  if (found == positions_.end() || !found->second.fetching) return;
  FetchPosition& at = found->second;
  if (at.paused) return stop(message.partition, at);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return on_error(message, at, out_of_range);
  if (message.offset >= *at.position) add_record(message, at);
}

void RecordFetcher::add_record(const rd_kafka_message_t& message, FetchPosition& at) {
  consumer::RecordView& record = at.records->emplace_back(view_of(message));
  record.key = arena_.put(record.key);
  if (record.replay_source) record.replay_source = arena_.put(*record.replay_source);
  if (record.value) record.value = arena_.put(*record.value);
  drained_bytes_ += record.key.size() + record.value.value_or("").size();
  at.position = message.offset + 1;
  at.advanced = true;
}

void RecordFetcher::on_error(const rd_kafka_message_t& message, FetchPosition& at,
                             std::vector<std::int32_t>& out_of_range) {
  switch (message.err) {
    // The offset of this event is the end of the partition. So offsets without a record before the end are
    // passed.
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (message.offset <= *at.position) return;
      at.position = message.offset;
      at.advanced = true;
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      stop(message.partition, at);
      at.position.reset();
      out_of_range.push_back(message.partition);
      return;
    // A new partition, which the next refresh of the metadata will contain.
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return;
    default:
      failure_ = error_of(message.err, "reading partition " + std::to_string(message.partition));
  }
}

// The end of the log is what the last fetch response has reported. Records may be newer, so the larger offset
// counts.
void RecordFetcher::emit_records(std::vector<LogEvent>& events) {
  for (auto& [partition, at] : positions_) {
    if (!at.advanced || (!at.position && at.records->empty())) continue;
    std::int64_t start = 0;
    std::int64_t end = 0;
    rd_kafka_get_watermark_offsets(client_.get(), name_.c_str(), partition, &start, &end);
    // A partition that is out of range by now has no position, but records from before.
    const std::int64_t next = at.position ? *at.position : at.records->back().offset + 1;
    events.emplace_back(consumer::Records{
        .partition = partition, .records = *at.records, .next_offset = next, .log_end = std::max(next, end)});
  }
}

}  // namespace weir::kafka
