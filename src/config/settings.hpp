// What a process was told, complete and checked. The names in the contract (§2) are the names of the
// environment variables; the members here are the same in lower case.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "tally/dimension.hpp"

namespace weir::config {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };
enum class EventLogKind : std::uint8_t { embedded, kafka };
enum class StoreKind : std::uint8_t { sqlite, postgres };
enum class OnOffsetGone : std::uint8_t { stop, earliest };
enum class KafkaStart : std::uint8_t { earliest, latest };

// What decides an event's partition: the record's key.
struct PartitionKey {
  enum class Kind : std::uint8_t { user_id, activity_type, metadata, none };
  Kind kind = Kind::user_id;
  std::string member;  // of metadata
};

// How PostgreSQL is reached.
struct Database {
  std::string host = "localhost";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password = "postgres";
  std::string name = "analytics";
  std::string url;  // DATABASE_URL: wins over all of the above
  int pool_size = 4;
};

struct Kafka {
  std::string brokers = "localhost:9092";
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  std::int32_t partitions = 12;  // of the topic, when it must be created
  KafkaStart start = KafkaStart::earliest;
  std::vector<std::pair<std::string, std::string>> properties;  // KAFKA_PROPERTY_x_y, as ("x.y", value)
};

struct Settings {
  std::string kafka_topic = "incoming.user_activity";
  std::string kafka_group_id = "user-activity-consumer-group";
  std::uint16_t server_port = 8080;
  std::uint16_t consumer_port = 8081;
  bool consumer_port_is_set = false;  // then a busy one is an error, else another free one is taken
  int num_workers = 3;
  std::chrono::seconds flush_interval{30};  // serve: 1
  std::int64_t batch_size = 100;
  std::chrono::milliseconds flush_min_interval{200};
  std::filesystem::path data_dir = "./weir-data";
  EventLogKind event_log = EventLogKind::embedded;
  StoreKind metrics_store = StoreKind::sqlite;
  Kafka kafka;
  PartitionKey partition_key;
  Database database;
  int http_threads = 0;  // 0: as many as the machine has cores
  std::string bind_address = "0.0.0.0";
  std::vector<std::string> cors_origins{"*"};  // web origins whose scripts may call the ingest paths
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::size_t max_event_bytes = limits::event_bytes_default;
  std::size_t max_body_bytes = limits::body_bytes_default;
  std::chrono::seconds dedup_window{600};
  std::int64_t dedup_window_events = 1'000'000;
  std::vector<tally::OwnDimension> dimensions;
  OnOffsetGone on_offset_gone = OnOffsetGone::stop;
  // How long rows live after the later of their last write and their window's end; 0: for ever.
  std::chrono::days retention_minute{7};
  std::chrono::days retention_hour{400};
  std::chrono::days retention_day{0};
  std::chrono::days retention_metrics{90};
  std::chrono::hours retention_log{72};
};

}  // namespace weir::config
