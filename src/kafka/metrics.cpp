#include "kafka/metrics.hpp"

#include "telemetry/exposition.hpp"

namespace weir::kafka {

void collect(const EventLogCounts& counts, telemetry::Exposition& into) {
  const auto read = [](const auto& count) {
    return static_cast<double>(count.load(std::memory_order_relaxed));
  };
  into.counter("weir_kafka_published_total", "Records that all in-sync replicas have.",
               read(counts.published));
  for (std::size_t at = 0; at < failure_codes.size(); ++at)
    into.counter("weir_kafka_failed_total", "Records that were not, or not surely, kept, by reason.",
                 read(counts.failed[at]), {{"code", failure_codes[at]}});
  into.counter("weir_kafka_unknown_total", "Of those that failed: the ones that may be in the topic.",
               read(counts.unknown));
  into.counter("weir_kafka_producers_renewed_total",
               "Producers that took the place of one that was given up.", read(counts.renewed));
  into.counter("weir_kafka_answered_total", "Requests that Kafka has answered.", read(counts.answered));
  into.counter("weir_kafka_answer_seconds_total", "How long these answers took, together.",
               read(counts.answer_micros) / 1e6);
  into.gauge("weir_kafka_waiting_records", "Records that were handed to librdkafka and not reported yet.",
             read(counts.waiting_records));
  into.gauge("weir_kafka_waiting_bytes", "Their bytes.", read(counts.waiting_bytes));
}

}  // namespace weir::kafka
