#include "config/variable.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/limits.hpp"
#include "base/secret_name.hpp"
#include "config/dimension_list.hpp"
#include "config/kafka_property.hpp"
#include "postgres/connection_settings.hpp"

namespace weir::config {
namespace {

using enum Support;

constexpr Commands serve = Command::serve;
constexpr Commands producer = Command::producer;
constexpr Commands consumer = Command::consumer;
constexpr Commands ingesting = serve | producer;
constexpr Commands counting = serve | consumer;
constexpr Commands serving = serve | producer | consumer;
constexpr Commands asking = Commands(Command::import) | Command::stats | Command::dlq;

constexpr std::int64_t million = 1'000'000;
constexpr std::int64_t years_in_days = 36'500;

struct LogLevels {
  static constexpr std::array<std::string_view, 4> all{"debug", "info", "warn", "error"};
};
struct EventLogs {
  static constexpr std::array<std::string_view, 2> all{"embedded", "kafka"};
};
struct Stores {
  static constexpr std::array<std::string_view, 2> all{"sqlite", "postgres"};
};
struct OffsetGone {
  static constexpr std::array<std::string_view, 2> all{"stop", "earliest"};
};
struct Starts {
  static constexpr std::array<std::string_view, 2> all{"earliest", "latest"};
};
struct Codecs {
  static constexpr std::array<std::string_view, 5> all{"none", "gzip", "snappy", "lz4", "zstd"};
};
struct Formats {
  static constexpr std::array<std::string_view, 2> all{"text", "json"};
};

// load() has put in what `auto` means before the table is read.
constexpr ValueSpec log_format{[](std::string_view text, Settings& into) {
                                 return text == "auto" ||
                                        choice<&Settings::log_format, Formats>.read(text, into);
                               },
                               [] { return std::string("text, json or auto"); }};

constexpr ValueSpec topic{[](std::string_view text, Settings& into) {
                            if (!is_topic_name(text)) return false;
                            into.kafka_topic = text;
                            return true;
                          },
                          [] { return std::string("1 to 249 letters, digits, '.', '_' or '-'"); }};

constexpr std::size_t group_bytes_max = 255;
constexpr ValueSpec group{[](std::string_view text, Settings& into) {
                            if (text.size() > group_bytes_max) return false;
                            into.kafka_group_id = text;
                            return true;
                          },
                          [] { return "at most " + std::to_string(group_bytes_max) + " bytes"; }};

constexpr ValueSpec folder{[](std::string_view text, Settings& into) {
                             into.data_dir = text;
                             return true;
                           },
                           [] { return std::string("a folder"); }};

constexpr ValueSpec address{[](std::string_view text, Settings& into) {
                              if (!is_ip_address(text)) return false;
                              into.bind_address = text;
                              return true;
                            },
                            [] { return std::string("an IPv4 or IPv6 address"); }};

constexpr ValueSpec brokers{[](std::string_view text, Settings& into) {
                              if (!is_broker_list(text)) return false;
                              into.kafka.brokers = text;
                              return true;
                            },
                            [] { return std::string("host:port with commas between them"); }};

constexpr ValueSpec database_url{[](std::string_view text, Settings& into) {
                                   if (!is_database_url(text)) return false;
                                   into.database.url = text;
                                   return true;
                                 },
                                 [] { return std::string(postgres::url_expected); }};

constexpr ValueSpec cors_origins{[](std::string_view text, Settings& into) {
                                   std::vector<std::string> origins;
                                   while (true) {
                                     const std::size_t comma = std::min(text.find(','), text.size());
                                     const std::string_view one = text.substr(0, comma);
                                     if (one != "*" && one != "null" && !is_web_origin(one)) return false;
                                     origins.emplace_back(one);
                                     if (comma == text.size()) break;
                                     text.remove_prefix(comma + 1);
                                   }
                                   into.cors_origins = std::move(origins);
                                   return true;
                                 },
                                 [] {
                                   return std::string(
                                       "*, or web origins as https://shop.example with commas between "
                                       "them: lower case, no path, no space");
                                 }};

constexpr ValueSpec dimensions{[](std::string_view text, Settings& into) {
                                 auto list = parse_dimension_list(text);
                                 if (!list) return false;
                                 into.dimensions = *std::move(list);
                                 return true;
                               },
                               dimension_list_expected,
                               [](std::string_view text) {
                                 const auto list = parse_dimension_list(text);
                                 return list ? std::string() : list.error();
                               }};

constexpr ValueSpec compression{[](std::string_view text, Settings& into) {
                                  if (std::ranges::find(Codecs::all, text) == Codecs::all.end()) return false;
                                  into.kafka.compression = text;
                                  return true;
                                },
                                [] { return choices_in_words(Codecs::all); }};

constexpr ValueSpec partition_key{
    [](std::string_view text, Settings& into) {
      using enum PartitionKey::Kind;
      constexpr std::string_view member = "metadata.";
      if (text == "user_id")
        into.partition_key = {user_id, {}};
      else if (text == "activity_type")
        into.partition_key = {activity_type, {}};
      else if (text == "none")
        into.partition_key = {none, {}};
      else if (text.starts_with(member) && text.size() > member.size())
        into.partition_key = {metadata, std::string(text.substr(member.size()))};
      else
        return false;
      return true;
    },
    [] { return std::string("user_id, activity_type, metadata.<member> or none"); }};

// Members of members of Settings.
constexpr auto kafka_linger = [](Settings& into) -> auto& { return into.kafka.linger; };
constexpr auto kafka_partitions = [](Settings& into) -> auto& { return into.kafka.partitions; };
constexpr auto kafka_start = [](Settings& into) -> auto& { return into.kafka.start; };
constexpr auto db_host = [](Settings& into) -> auto& { return into.database.host; };
constexpr auto db_port = [](Settings& into) -> auto& { return into.database.port; };
constexpr auto db_user = [](Settings& into) -> auto& { return into.database.user; };
constexpr auto db_password = [](Settings& into) -> auto& { return into.database.password; };
constexpr auto db_name = [](Settings& into) -> auto& { return into.database.name; };
constexpr auto db_pool_size = [](Settings& into) -> auto& { return into.database.pool_size; };

constexpr auto MiB = static_cast<std::int64_t>(limits::MiB);
constexpr auto body_bytes_max = static_cast<std::int64_t>(limits::log_commit_bytes_max);
constexpr auto batch_max = static_cast<std::int64_t>(limits::waiting_events_max);
static_assert(limits::event_bytes_default == 65536 && limits::body_bytes_default == 16 * MiB,
              "the defaults below are these");

constexpr std::array table{
    Variable{"KAFKA_BROKERS", "localhost:9092", "", brokers, with_kafka, serving, false,
             "where the brokers are"},
    Variable{"KAFKA_TOPIC", "incoming.user_activity", "", topic, in_use, serving, false,
             "topic of the log; the embedded log's name too"},
    Variable{"KAFKA_GROUP_ID", "user-activity-consumer-group", "", group, in_use, counting, false,
             "consumer group; the ledger belongs to it"},
    Variable{"SERVER_PORT", "8080", "", number<&Settings::server_port, 0, 65535>, in_use, ingesting | asking,
             false, "port of the API; 0: any free one, said in the log"},
    Variable{"NUM_WORKERS", "3", "", number<&Settings::num_workers, 1, 256>, in_use, counting, false,
             "threads that share the partitions of this process"},
    Variable{"FLUSH_INTERVAL_SEC", "30", "1", number<&Settings::flush_interval, 1, 86400>, in_use, counting,
             false, "flush at the latest this long after the first event that waits"},
    Variable{"BATCH_SIZE", "100", "", number<&Settings::batch_size, 1, batch_max>, in_use, counting, false,
             "flush as soon as this many events wait"},
    Variable{"DB_HOST", "localhost", "", any_text_into<db_host>, with_postgres, counting, false,
             "of PostgreSQL: a name, an address or a folder with its socket"},
    Variable{"DB_PORT", "5432", "", number<db_port, 1, 65535>, with_postgres, counting, false,
             "of PostgreSQL"},
    Variable{"DB_USER", "postgres", "", any_text_into<db_user>, with_postgres, counting, false,
             "of PostgreSQL"},
    Variable{"DB_PASSWORD", "postgres", "", any_text_into<db_password>, with_postgres, counting, true,
             "of PostgreSQL"},
    Variable{"DB_NAME", "analytics", "", any_text_into<db_name>, with_postgres, counting, false,
             "the database in PostgreSQL"},
    Variable{"FLUSH_MIN_INTERVAL_MS", "200", "", number<&Settings::flush_min_interval, 0, 60000>, in_use,
             counting, false, "from the start of one flush to the start of the next, at least"},
    Variable{"CONSUMER_PORT", "8081", "", number<&Settings::consumer_port, 0, 65535>, in_use, consumer, false,
             "port of a consumer's API, health and metrics; not set and busy: any free one, said in the log"},
    Variable{"DATA_DIR", "./weir-data", "", folder, with_embedded, serve, false,
             "where the embedded files lie"},
    Variable{"EVENT_LOG", "kafka", "embedded", choice<&Settings::event_log, EventLogs>, in_use, serving,
             false, "kafka or embedded"},
    Variable{"METRICS_STORE", "postgres", "sqlite", choice<&Settings::metrics_store, Stores>, in_use,
             counting, false, "postgres or sqlite"},
    Variable{"DATABASE_URL", "", "", database_url, with_postgres, counting, true,
             "of PostgreSQL; wins over DB_*"},
    Variable{"DB_POOL_SIZE", "4", "", number<db_pool_size, 2, 1000>, with_postgres, counting, false,
             "connections to PostgreSQL: one writes, the rest read"},
    Variable{"HTTP_THREADS", "auto", "", number_or_auto<&Settings::http_threads, 1, 1024>, in_use, serving,
             false, "auto: one for each core"},
    Variable{"BIND_ADDRESS", "0.0.0.0", "", address, in_use, serving, false, "address to listen on"},
    Variable{"LOG_LEVEL", "info", "", choice<&Settings::log_level, LogLevels>, in_use, serving, false,
             "debug, info, warn or error"},
    Variable{"LOG_FORMAT", "auto", "", log_format, in_use, serving, false,
             "auto: text on a terminal, else json"},
    Variable{"KAFKA_COMPRESSION", "lz4", "", compression, with_kafka, serving, false, "of the records"},
    Variable{"KAFKA_LINGER_MS", "0", "", number<kafka_linger, 0, 900'000>, with_kafka, ingesting, false,
             "wait so long for more to send at once"},
    Variable{"KAFKA_PARTITIONS", "12", "", number<kafka_partitions, 1, 100'000>, with_kafka, serving, false,
             "of the topic, when it must be created"},
    Variable{"KAFKA_PARTITION_KEY", "user_id", "", partition_key, with_kafka, ingesting, false,
             "what decides an event's partition; message_id where an event lacks it"},
    Variable{"KAFKA_START", "earliest", "", choice<kafka_start, Starts>, with_kafka, counting, false,
             "where a topic without a ledger begins: earliest or latest"},
    Variable{"ON_OFFSET_GONE", "stop", "", choice<&Settings::on_offset_gone, OffsetGone>, in_use, counting,
             false, "when the log lacks the ledger's offset: stop or earliest"},
    Variable{kafka_properties, "", "", any_text, with_kafka, serving, false,
             "KAFKA_PROPERTY_x_y: the property x.y of librdkafka"},
    Variable{"MAX_EVENT_BYTES", "65536", "", number<&Settings::max_event_bytes, 1, body_bytes_max>, in_use,
             serving, false, "of one event"},
    Variable{"MAX_BODY_BYTES", "16777216", "", number<&Settings::max_body_bytes, 1, body_bytes_max>, in_use,
             ingesting, false, "of one body, also once inflated"},
    Variable{"API_KEYS", "", "", any_text, refused, serving, true,
             "name:secret,name:secret; then ingest needs one"},
    Variable{"DASHBOARD_PASSWORD", "", "", any_text, refused, counting, true, "then reading needs it"},
    Variable{"CORS_ORIGINS", "*", "", cors_origins, in_use, ingesting, false,
             "web origins whose scripts may send events; *: any"},
    Variable{"RATE_LIMIT_RPS", "0", "", checked_number<0, million>, refused, ingesting, false,
             "requests a second for each key or client; 0: off"},
    Variable{"RATE_LIMIT_BURST", "", "", checked_number<1, million>, refused, ingesting, false,
             "twice the rate"},
    Variable{"TRUSTED_PROXIES", "", "", any_text, refused, serving, false,
             "whose X-Forwarded-For is believed"},
    Variable{"SCHEMA_DIR", "", "", any_text, refused, serving, false, "JSON schemas by activity type"},
    Variable{"DIMENSIONS", "", "", dimensions, in_use, counting, false,
             "what is counted besides activity_type, page and referrer"},
    Variable{"DEDUP_WINDOW_SEC", "600", "", number<&Settings::dedup_window, 1, 30L * 86400>, in_use, serving,
             false, "a repeated message_id is known again for so long"},
    Variable{"DEDUP_WINDOW_EVENTS", "1000000", "", number<&Settings::dedup_window_events, 1, 100 * million>,
             in_use, serving, false, "and over so many events, all partitions together"},
    Variable{"RETENTION_MINUTE_DAYS", "7", "", number<&Settings::retention_minute, 0, years_in_days>, in_use,
             counting, false, "numbers by minute are kept so long; 0: for ever"},
    Variable{"RETENTION_HOUR_DAYS", "400", "", number<&Settings::retention_hour, 0, years_in_days>, in_use,
             counting, false, "by hour; 0: for ever"},
    Variable{"RETENTION_DAY_DAYS", "0", "", number<&Settings::retention_day, 0, years_in_days>, in_use,
             counting, false, "by day; 0: for ever"},
    Variable{"RETENTION_METRICS_DAYS", "90", "", number<&Settings::retention_metrics, 0, years_in_days>,
             in_use, counting, false, "rows of user_activity_metrics; 0: for ever"},
    Variable{"RETENTION_LOG_HOURS", "72", "", number<&Settings::retention_log, 0, 24 * years_in_days>,
             with_embedded, serve, false, "the embedded log; 0: for ever"},
    Variable{"OTEL_*", "", "", any_text, noted, serving, true, "where traces and metrics are sent"},
    Variable{"CONSUL_HTTP_ADDR", "", "", any_text, refused, serving, false, "settings from Consul"},
    Variable{"CONSUL_HTTP_TOKEN", "", "", any_text, refused, serving, true, ""},
    Variable{"CONSUL_PREFIX", "weir", "", any_text, refused, serving, false, ""},
    Variable{"CONFIG_FILE", "", "", any_text, refused, serving, false, "settings from a file"},
    Variable{"TLS_CERT", "", "", any_text, refused, serving, false, "with TLS_KEY: the listener speaks TLS"},
    Variable{"TLS_KEY", "", "", any_text, refused, serving, false, ""},
};

}  // namespace

std::string_view name_of(Command command) {
  constexpr std::array<std::string_view, 6> names{"serve", "producer", "consumer", "import", "stats", "dlq"};
  return names[static_cast<std::size_t>(command)];
}

std::string_view Variable::fallback_of(Command command) const {
  return command == Command::serve && !serve_fallback.empty() ? serve_fallback : fallback;
}

bool Variable::covers(std::string_view candidate) const {
  if (!is_family()) return candidate == name;
  const std::string_view stem = name.substr(0, name.size() - 1);
  return candidate.size() > stem.size() && candidate.starts_with(stem);
}

bool Variable::hides(std::string_view candidate) const {
  return secret || (name == kafka_properties && is_secret_name(property_of(candidate)));
}

std::span<const Variable> variables() { return table; }

const Variable* find_variable(std::string_view name) {
  for (const Variable& row : table)
    if (row.covers(name)) return &row;
  return nullptr;
}

}  // namespace weir::config
