// What reading a real Kafka costs this process, all its threads taken together: through KafkaLogReader, and
// with librdkafka's bare batches, where every byte is looked at once as a decoder would. And how old a record
// is when it comes, at 200 a second.
#include <benchmark/benchmark.h>
#include <chrono>
#include <iostream>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kafka/log_reader.hpp"
#include "support/kafka_server.hpp"

namespace weir::bench {
namespace {

constexpr std::int64_t records = 1'000'000;
constexpr int partitions = 4;
constexpr std::size_t record_bytes = 250;

struct End {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using Client = std::unique_ptr<rd_kafka_t, End>;
using Topic = std::unique_ptr<rd_kafka_topic_t, End>;
using Queue = std::unique_ptr<rd_kafka_queue_t, End>;

Client connect(rd_kafka_type_t type, const std::vector<kafka::Property>& properties) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", support::shared_kafka().brokers().c_str(), nullptr, 0);
  for (const auto& [name, value] : properties)
    rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0);
  return Client(rd_kafka_new(type, conf, nullptr, 0));
}

std::string new_group() {
  static int groups = 0;
  return "bench-" + std::to_string(++groups);
}

const std::string& full_topic() {
  static const std::string topic = [] {
    const std::string name = support::shared_kafka().make_topic("bench", partitions);
    const Client writer = connect(
        RD_KAFKA_PRODUCER, {{"compression.codec", "lz4"}, {"queue.buffering.max.messages", "2000000"}});
    const Topic topic_handle(rd_kafka_topic_new(writer.get(), name.c_str(), nullptr));
    for (std::int64_t i = 0; i < records; ++i) {
      std::string value(record_bytes, 'x');
      for (std::size_t at = 0; at < 60; ++at)
        value[at] = static_cast<char>('a' + (i * 31 + static_cast<int>(at)) % 26);
      rd_kafka_produce(topic_handle.get(), static_cast<std::int32_t>(i % partitions), RD_KAFKA_MSG_F_COPY,
                       value.data(), value.size(), nullptr, 0, nullptr);
    }
    rd_kafka_flush(writer.get(), 120'000);
    return name;
  }();
  return topic;
}

std::uint64_t look_at(std::string_view bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

void kafka_read(benchmark::State& state) {
  const auto log = telemetry::make_silent_logger();
  const kafka::Cluster cluster{
      .brokers = support::shared_kafka().brokers(), .topic = full_topic(), .properties = {}};
  for (auto _ : state) {
    auto reader = std::move(*kafka::KafkaLogReader::open(cluster, new_group(), *log));
    std::int64_t seen = 0;
    while (seen < records) {
      auto events = reader->poll(std::chrono::seconds(1));
      if (!events) continue;
      for (const auto& event : *events) {
        if (const auto* assigned = std::get_if<consumer::Assigned>(&event))
          for (const auto partition : assigned->partitions) (void)reader->seek(partition, 0);
        if (const auto* came = std::get_if<consumer::Records>(&event)) {
          for (const auto& record : came->records)
            benchmark::DoNotOptimize(look_at(record.value.value_or("")));
          seen += static_cast<std::int64_t>(came->records.size());
        }
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(kafka_read)->Iterations(3)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void kafka_read_bare(benchmark::State& state) {
  const std::string& name = full_topic();
  for (auto _ : state) {
    const Client client = connect(RD_KAFKA_CONSUMER, {{"fetch.min.bytes", "65536"},
                                                      {"fetch.wait.max.ms", "100"},
                                                      {"fetch.max.bytes", "16777216"},
                                                      {"queued.min.messages", "300000"}});
    const Topic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
    const Queue queue(rd_kafka_queue_new(client.get()));
    for (int partition = 0; partition < partitions; ++partition)
      rd_kafka_consume_start_queue(topic.get(), partition, 0, queue.get());
    std::vector<rd_kafka_message_t*> batch(10'000);
    std::int64_t seen = 0;
    while (seen < records) {
      const auto came = rd_kafka_consume_batch_queue(queue.get(), 10, batch.data(), batch.size());
      for (ssize_t i = 0; i < came; ++i) {
        const auto* const message = batch[static_cast<std::size_t>(i)];
        benchmark::DoNotOptimize(look_at({static_cast<const char*>(message->payload), message->len}));
        rd_kafka_message_destroy(batch[static_cast<std::size_t>(i)]);
      }
      seen += came;
    }
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(kafka_read_bare)
    ->Iterations(3)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Counters: milliseconds from a record's own time (set by the writer) to the poll that brings it.
void kafka_read_age(benchmark::State& state) {
  const std::string name = support::shared_kafka().make_topic("age", partitions);
  const auto log = telemetry::make_silent_logger();
  auto reader = std::move(*kafka::KafkaLogReader::open(
      {.brokers = support::shared_kafka().brokers(), .topic = name, .properties = {}}, new_group(), *log));
  std::vector<std::int64_t> ages;
  for (auto _ : state) {
    constexpr std::size_t wanted = 2000;
    std::thread writer([&] {
      const Client client = connect(RD_KAFKA_PRODUCER, {{"linger.ms", "0"}});
      const Topic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
      const std::string value(record_bytes, 'x');
      auto next = std::chrono::steady_clock::now();
      for (std::size_t i = 0; i < wanted + 50; ++i) {
        rd_kafka_produce(topic.get(), static_cast<std::int32_t>(i % partitions), RD_KAFKA_MSG_F_COPY,
                         const_cast<char*>(value.data()), value.size(), nullptr, 0, nullptr);
        std::this_thread::sleep_until(next += std::chrono::milliseconds(5));
      }
      rd_kafka_flush(client.get(), 60'000);
    });
    while (ages.size() < wanted) {
      auto events = reader->poll(std::chrono::seconds(1));
      const auto now = read_clock().wall;
      if (!events) continue;
      for (const auto& event : *events) {
        if (const auto* assigned = std::get_if<consumer::Assigned>(&event))
          for (const auto partition : assigned->partitions) (void)reader->seek(partition, 0);
        if (const auto* came = std::get_if<consumer::Records>(&event))
          for (const auto& record : came->records) ages.push_back((now - record.time).count());
      }
    }
    writer.join();
  }
  ages.erase(ages.begin(), ages.begin() + 400);  // of the two seconds in which it may still have been joining
  std::ranges::sort(ages);
  state.counters["p50_ms"] = static_cast<double>(ages[ages.size() / 2]);
  state.counters["p99_ms"] = static_cast<double>(ages[ages.size() * 99 / 100]);
}
BENCHMARK(kafka_read_age)
    ->Iterations(1)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir::bench
