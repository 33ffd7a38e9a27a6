// What writing to a real Kafka costs this process, all its threads taken together: requests of one event
// through KafkaEventLog with so many under way at a time, requests of a thousand, and librdkafka's bare
// client flat out.
#include <benchmark/benchmark.h>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>

#include "kafka/event_log.hpp"
#include "kafka/producer.hpp"
#include "support/kafka_server.hpp"

namespace weir::bench {
namespace {

constexpr int partitions = 12;
constexpr std::size_t record_bytes = 250;
constexpr std::chrono::seconds patience{30};

std::string event_of(std::int64_t number) {
  std::string value(record_bytes, 'x');
  for (std::size_t at = 0; at < 60; ++at)
    value[at] = static_cast<char>('a' + (number * 31 + static_cast<int>(at)) % 26);
  return value;
}

intake::EventBatch request_of(std::int64_t first, std::int64_t events) {
  intake::EventBatch request;
  for (std::int64_t i = first; i < first + events; ++i) {
    intake::RecordSlice record;
    const std::string key = std::to_string(i % 50'000);
    record.key_at = static_cast<std::uint32_t>(request.bytes.size());
    record.key_bytes = static_cast<std::uint32_t>(key.size());
    request.bytes += key;
    record.value_at = static_cast<std::uint32_t>(request.bytes.size());
    record.value_bytes = record_bytes;
    request.bytes += event_of(i);
    request.records.push_back(std::move(record));
  }
  return request;
}

void kafka_write(benchmark::State& state) {
  const auto under_way = state.range(0);
  const auto events = state.range(1);
  const auto quiet = telemetry::make_silent_logger();
  auto log = std::move(*kafka::KafkaEventLog::open(
      {.cluster = {.brokers = support::shared_kafka().brokers(),
                   .topic = support::shared_kafka().make_topic("bench-write", partitions)}},
      *quiet));
  if (!log->await_up(patience)) return state.SkipWithError("Kafka is not reachable");
  std::counting_semaphore<> free(under_way);
  std::int64_t sent = 0;
  for (auto _ : state) {
    free.acquire();
    log->append(request_of(sent, events), [&free](intake::Receipts receipts) {
      if (receipts.all != intake::Receipt::kept) std::abort();
      free.release();
    });
    sent += events;
  }
  log->stop(patience);
  state.SetItemsProcessed(sent);
}
BENCHMARK(kafka_write)
    ->ArgNames({"under_way", "events"})
    ->Args({1, 1})
    ->Args({64, 1})
    ->Args({512, 1})
    ->Args({8, 1000})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void kafka_write_bare(benchmark::State& state) {
  constexpr std::int64_t open_max = 100'000;
  const auto quiet = telemetry::make_silent_logger();
  auto producer = std::move(*kafka::Producer::open(
      {.cluster = {.brokers = support::shared_kafka().brokers(),
                   .topic = support::shared_kafka().make_topic("bench-bare", partitions)},
       .queue_bytes_max = limits::in_flight_bytes_max,
       .queue_records_max = open_max},
      *quiet));
  const std::string value = event_of(17);
  kafka::Producer::ProducerEvents events;
  std::int64_t sent = 0;
  for (auto _ : state) {
    const auto key = std::string_view(value).substr(static_cast<std::size_t>(sent % 100), 8);
    while (producer->send(key, value, {}, nullptr) != 0)
      producer->poll(std::chrono::milliseconds{10}, events);
    ++sent;
  }
  while (producer->open_records() > 0) producer->poll(std::chrono::milliseconds{10}, events);
  state.SetItemsProcessed(sent);
}
BENCHMARK(kafka_write_bare)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace weir::bench
