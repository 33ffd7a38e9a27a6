// The settings of a process, complete and checked. A member has the name of its environment variable in lower
// case; the variables are described in variable.cpp and docs/SETTINGS.md. A value type; const after load().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/api_keys.hpp"
#include "access/rate_limiter.hpp"
#include "base/ip_address.hpp"
#include "base/limits.hpp"
#include "consumer/on_offset_gone.hpp"
#include "http/client.hpp"
#include "intake/partition_key.hpp"
#include "tally/dimension.hpp"
#include "telemetry/logger.hpp"
#include "tracing/settings.hpp"

namespace weir::config {

// Choices of LOG_FORMAT, EVENT_LOG, METRICS_STORE and KAFKA_START. Other choices are declared by the modules
// that act on them.
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
  // DATABASE_URL. If it is set, it is used in place of the members above.
  std::string url;
  int pool_size = 4;
};

// The connection to Kafka, and how records are written and the topic is created.
struct Kafka {
  std::string brokers = "localhost:9092";
  std::string compression = "lz4";
  std::chrono::milliseconds linger{0};
  // Number of partitions of the topic, if Weir has to create it.
  std::int32_t partitions = 12;
  KafkaStart start = KafkaStart::earliest;
  // KAFKA_PROPERTY_x_y as ("x.y", value), each property once.
  std::vector<std::pair<std::string, std::string>> properties;
};

// All settings of a process. The defaults are those of the table, except where the command has its own.
struct Settings {
  std::string kafka_topic = "incoming.user_activity";
  std::string kafka_group_id = "user-activity-consumer-group";
  std::uint16_t server_port = 8080;
  std::uint16_t consumer_port = 8081;
  // If CONSUMER_PORT is set, a busy port is an error. Otherwise any free one is used.
  bool consumer_port_is_set = false;
  // The consumer: threads, and when it writes to the metrics store.
  int num_workers = 3;
  // 1 s in serve.
  std::chrono::seconds flush_interval{30};
  std::int64_t batch_size = 100;
  std::chrono::milliseconds flush_min_interval{200};
  // Where events and numbers are stored.
  std::filesystem::path data_dir = "./weir-data";
  EventLogKind event_log = EventLogKind::embedded;
  StoreKind metrics_store = StoreKind::sqlite;
  Kafka kafka;
  intake::PartitionKey partition_key;
  Database database;
  // 0 means one for each core.
  int http_threads = 0;
  // Folder with the schemas of activity types; empty: none.
  std::filesystem::path schema_dir;
  // Files of the certificate and the key of the listener; both or none are set. Empty: plain HTTP.
  std::filesystem::path tls_cert;
  std::filesystem::path tls_key;
  // Connections of clients, and the log.
  std::string bind_address = "0.0.0.0";
  // Web origins whose scripts may call the ingest paths.
  std::vector<std::string> cors_origins{"*"};
  // Who may send and read. No keys: any client may send. An empty password: any client may read.
  std::vector<access::ApiKey> api_keys;
  std::string dashboard_password;
  access::RateLimit rate_limit;
  std::vector<IpNetwork> trusted_proxies;
  // WEIR_API_KEY: the key that import, stats and dlq send; empty: none.
  std::string weir_api_key;
  telemetry::Severity log_level = telemetry::Severity::info;
  LogFormat log_format = LogFormat::text;
  // Bounds of what clients send. An event is at most as large as a body.
  std::size_t max_event_bytes = limits::event_bytes_default;
  std::size_t max_body_bytes = limits::body_bytes_default;
  // A repeated message_id is recognized within both bounds. The number of events is over all partitions.
  std::chrono::seconds dedup_window{600};
  std::int64_t dedup_window_events = 1'000'000;
  std::vector<tally::OwnDimension> dimensions;
  consumer::OnOffsetGone on_offset_gone = consumer::OnOffsetGone::stop;
  // How long a row is kept after the later of its last write and its window's end; 0: forever.
  std::chrono::days retention_minute{7};
  std::chrono::days retention_hour{400};
  std::chrono::days retention_day{0};
  std::chrono::days retention_metrics{90};
  std::chrono::hours retention_log{72};
  // Where other settings are read from.
  std::filesystem::path config_file;            // empty: none
  std::optional<http::BaseUrl> consul_address;  // nothing: Consul is not used
  std::string consul_token;
  std::string consul_prefix = "weir";
  std::string consul_datacenter;
  // OTEL_*: traces.
  tracing::TracingSettings tracing;
};

}  // namespace weir::config
