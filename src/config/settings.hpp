// The settings of a process, complete and checked. A member has the name of its environment variable in lower
// case; the variables are described in variable.cpp and docs/SETTINGS.md. A value type; const after load().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "consumer/on_offset_gone.hpp"
#include "intake/partition_key.hpp"
#include "telemetry/logger.hpp"

namespace weir::config {

enum class LogFormat : std::uint8_t { text, json };
enum class EventLogKind : std::uint8_t { embedded, kafka };
enum class StoreKind : std::uint8_t { sqlite, postgres };
enum class KafkaStart : std::uint8_t { earliest, latest };

// How to connect to PostgreSQL.
struct Database {
  std::string host = "localhost";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password = "postgres";
  std::string name = "analytics";
  std::string url;  // DATABASE_URL: used in place of everything above
  int pool_size = 4;
};

struct Kafka {
  std::string brokers = "localhost:9092";
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  std::int32_t partitions = 12;  // of the topic, if Weir has to create it
  KafkaStart start = KafkaStart::earliest;
  std::vector<std::pair<std::string, std::string>> properties;  // KAFKA_PROPERTY_x_y, as ("x.y", value)
};

struct Settings {
  std::string kafka_topic = "incoming.user_activity";
  std::string kafka_group_id = "user-activity-consumer-group";
  std::uint16_t server_port = 8080;
  std::uint16_t consumer_port = 8081;
  bool consumer_port_is_set = false;  // if so, a busy port is an error; otherwise a free one is used
  int num_workers = 3;
  std::chrono::seconds flush_interval{30};  // serve: 1
  std::int64_t batch_size = 100;
  std::chrono::milliseconds flush_min_interval{200};
  std::filesystem::path data_dir = "./weir-data";
  EventLogKind event_log = EventLogKind::embedded;
  StoreKind metrics_store = StoreKind::sqlite;
  Kafka kafka;
  intake::PartitionKey partition_key;
  Database database;
  int http_threads = 0;  // 0: one for each core
  std::string bind_address = "0.0.0.0";
  std::vector<std::string> cors_origins{"*"};  // web origins whose scripts may call the ingest paths
  telemetry::Severity log_level = telemetry::Severity::info;
  LogFormat log_format = LogFormat::text;
  std::size_t max_event_bytes = limits::event_bytes_default;
  std::size_t max_body_bytes = limits::body_bytes_default;
  std::chrono::seconds dedup_window{600};
  std::int64_t dedup_window_events = 1'000'000;
  consumer::OnOffsetGone on_offset_gone = consumer::OnOffsetGone::stop;
  // How long a row is kept after the later of its last write and its window's end; 0: forever.
  std::chrono::days retention_minute{7};
  std::chrono::days retention_hour{400};
  std::chrono::days retention_day{0};
  std::chrono::days retention_metrics{90};
  std::chrono::hours retention_log{72};
};

}  // namespace weir::config
