#include "kafka/record_fetcher.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "kafka/message.hpp"
#include "kafka/rdkafka_handles.hpp"
#include "kafka/reading_settings.hpp"
#include "kafka/wakeup.hpp"

namespace weir::kafka {
namespace {

using consumer::LogEvent;

constexpr std::size_t block_bytes = limits::MiB;
constexpr std::size_t blocks_kept = limits::poll_bytes_max / block_bytes + 2;

// Messages taken out of the queue at once: few at first, then as many as fit by their size so far.
constexpr std::size_t first_batch = 64;
constexpr std::size_t batch_max = 1024;

const std::array<Property, 7> defaults{{
    // Brokers gather for up to 100 ms: a quarter of the CPU at 1,000 records a second.
    {"fetch.min.bytes", "65536"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.max.bytes", "16777216"},
    {"queued.max.messages.kbytes", std::to_string(RecordFetcher::ahead_kib_max)},
    {"queued.min.messages",
     "300000"},  // so that the kilobytes are the bound for records of 220 bytes and more
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"socket.nagle.disable", "true"},
}};

}  // namespace

std::string_view Arena::put(std::string_view bytes) {
  const std::size_t wanted = bytes.size() + limits::json_slack_bytes;
  if (blocks_.empty() || used_ + wanted > blocks_[block_].size) begin_block(wanted);
  char* const place = blocks_[block_].bytes.get() + used_;
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  used_ += bytes.size();  // what comes behind is readable too
  return {place, bytes.size()};
}

void Arena::begin_block(std::size_t wanted) {
  if (!blocks_.empty()) ++block_;
  used_ = 0;
  if (block_ < blocks_.size() && blocks_[block_].size >= wanted) return;
  const std::size_t size = std::max(block_bytes, wanted);
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(block_),
                 Block{.bytes = std::make_unique<char[]>(size), .size = size});
}

void Arena::clear() {
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_bytes; });
  if (blocks_.size() > blocks_kept) blocks_.resize(blocks_kept);
  block_ = 0;
  used_ = 0;
}

Result<std::unique_ptr<RecordFetcher>> RecordFetcher::open(const Cluster& cluster, telemetry::Logger& logger,
                                                           int knock_fd) {
  auto conf = make_conf(without(cluster, "group."), defaults, reading_laws);
  if (!conf) return propagate(conf);
  auto client = Client::open(Role::consumer, std::move(*conf), logger);
  if (!client) return propagate(client);
  return std::unique_ptr<RecordFetcher>(new RecordFetcher(std::move(*client), cluster.topic, knock_fd));
}

RecordFetcher::RecordFetcher(Client client, const std::string& topic, int knock_fd)
    : client_(std::move(client)),
      name_(topic),
      topic_(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr)),
      queue_(rd_kafka_queue_new(client_.get())) {
  rd_kafka_queue_io_event_enable(queue_.get(), knock_fd, &Wakeup::payload, sizeof Wakeup::payload);
}

RecordFetcher::~RecordFetcher() {
  for (auto& [partition, place] : places_) stop(partition, place);
}

void RecordFetcher::add(std::int32_t partition) {
  remove(partition);
  places_[partition].records = &records_[partition];
}

void RecordFetcher::remove(std::int32_t partition) {
  const auto found = places_.find(partition);
  if (found == places_.end()) return;
  stop(partition, found->second);
  places_.erase(found);
}

Result<void> RecordFetcher::seek(std::int32_t partition, std::int64_t offset) {
  ensure(offset >= 0, "an offset to read from is one of the log's");
  const auto found = places_.find(partition);
  if (found == places_.end())
    return fail(ErrorKind::unavailable, "not_assigned",
                "partition " + std::to_string(partition) + " is not ours");
  FetchPosition& place = found->second;
  stop(partition, place);
  place.position = offset;
  if (!place.paused) start(partition, place);
  return {};
}

void RecordFetcher::pause(std::int32_t partition) {
  if (const auto found = places_.find(partition); found != places_.end()) found->second.paused = true;
}

void RecordFetcher::resume(std::int32_t partition) {
  const auto found = places_.find(partition);
  if (found == places_.end()) return;
  found->second.paused = false;
  if (found->second.position && !found->second.fetching) start(partition, found->second);
}

void RecordFetcher::start(std::int32_t partition, FetchPosition& place) {
  const int started = rd_kafka_consume_start_queue(topic_.get(), partition, *place.position, queue_.get());
  ensure(started == 0, "a partition that is not being fetched can be");
  place.fetching = true;
}

void RecordFetcher::stop(std::int32_t partition, FetchPosition& place) {
  if (!std::exchange(place.fetching, false)) return;
  rd_kafka_consume_stop(topic_.get(), partition);
}

std::optional<Error> RecordFetcher::take_trouble() { return std::exchange(trouble_, std::nullopt); }

bool RecordFetcher::wants_more() const {
  return std::ranges::any_of(places_,
                             [](const auto& entry) { return entry.second.fetching && !entry.second.paused; });
}

void RecordFetcher::take(std::vector<LogEvent>& events) {
  for (auto& [partition, records] : records_) records.clear();
  for (auto& [partition, place] : places_) place.moved = false;
  shelf_.clear();
  taken_bytes_ = 0;
  if (!wants_more()) return;

  std::array<rd_kafka_message_t*, batch_max> batch{};
  std::vector<std::int32_t> misplaced;
  std::size_t records = 0;
  std::size_t wanted = first_batch;
  while (wanted > 0) {
    const auto came = rd_kafka_consume_batch_queue(queue_.get(), 0, batch.data(), wanted);
    if (came <= 0) break;
    for (ssize_t i = 0; i < came; ++i) {
      const MessageHandle message(batch[static_cast<std::size_t>(i)]);
      sort(*message, misplaced);
    }
    if (static_cast<std::size_t>(came) < wanted) break;
    records += wanted;
    const std::size_t record_bytes = std::max<std::size_t>(taken_bytes_ / records, 1);
    const std::size_t bytes_left = limits::poll_bytes_max - std::min(taken_bytes_, limits::poll_bytes_max);
    wanted = std::min({batch_max, limits::poll_records_max - records, bytes_left / record_bytes});
  }
  tell(events);
  for (const auto partition : misplaced) events.emplace_back(consumer::OffsetOutOfRange{partition});
}

// What surfaces of a paused partition is dropped, and it is fetched again from the same position later.
void RecordFetcher::sort(const rd_kafka_message_t& message, std::vector<std::int32_t>& misplaced) {
  const auto found = places_.find(message.partition);
  if (found == places_.end() || !found->second.fetching) return;
  FetchPosition& place = found->second;
  if (place.paused) return stop(message.partition, place);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(message, place, misplaced);
  if (message.offset >= *place.position) keep(message, place);
}

void RecordFetcher::keep(const rd_kafka_message_t& message, FetchPosition& place) {
  consumer::RecordView& record = place.records->emplace_back(view_of(message));
  record.key = shelf_.put(record.key);
  if (record.replay_source) record.replay_source = shelf_.put(*record.replay_source);
  if (record.value) record.value = shelf_.put(*record.value);
  taken_bytes_ += record.key.size() + record.value.value_or("").size();
  place.position = message.offset + 1;
  place.moved = true;
}

void RecordFetcher::failed(const rd_kafka_message_t& message, FetchPosition& place,
                           std::vector<std::int32_t>& misplaced) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:  // with its offset: holes at the end are passed
      if (message.offset <= *place.position) return;
      place.position = message.offset;
      place.moved = true;
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      stop(message.partition, place);
      place.position.reset();
      misplaced.push_back(message.partition);
      return;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:  // a new one, of which this client hears with its next metadata
      return;
    default:
      trouble_ = error_of(message.err, "reading partition " + std::to_string(message.partition));
  }
}

void RecordFetcher::tell(std::vector<LogEvent>& events) {
  for (auto& [partition, place] : places_) {
    if (!place.moved || (!place.position && place.records->empty())) continue;
    std::int64_t start = 0;
    std::int64_t end = 0;
    rd_kafka_get_watermark_offsets(client_.get(), name_.c_str(), partition, &start, &end);
    // A place that is misplaced by now has no position, but records from before.
    const std::int64_t next = place.position ? *place.position : place.records->back().offset + 1;
    events.emplace_back(consumer::Records{.partition = partition,
                                          .records = *place.records,
                                          .next_offset = next,
                                          .log_end = std::max(next, end)});
  }
}

}  // namespace weir::kafka
