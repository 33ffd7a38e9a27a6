#include "config/variable.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/limits.hpp"
#include "base/secret_name.hpp"
#include "base/text.hpp"
#include "config/access_values.hpp"
#include "config/dimension_list.hpp"
#include "config/kafka_property.hpp"
#include "config/tracing_values.hpp"
#include "postgres/connection_settings.hpp"

namespace weir::config {
namespace {

using enum Support;
using enum TakesEffect;

// Who uses a variable. The names below are those of the table.
constexpr Commands serve = Command::serve;
constexpr Commands producer = Command::producer;
constexpr Commands consumer = Command::consumer;
constexpr Commands ingesting = serve | producer;
constexpr Commands counting = serve | consumer;
constexpr Commands serving = serve | producer | consumer;
constexpr Commands asking = Commands(Command::import) | Command::stats;
// `weir dlq` opens the store and the log itself.
constexpr Commands counting_or_dlq = counting | Command::dlq;
constexpr Commands serving_or_dlq = serving | Command::dlq;
constexpr Commands all = serving_or_dlq | asking;

// Upper bounds for settings that have no natural one.
constexpr std::int64_t million = 1'000'000;
constexpr std::int64_t years_in_days = 36'500;

// The words of each enumeration, in the order of its enumerators.
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
// KAFKA_COMPRESSION stays a text in Settings, because librdkafka takes it as one.
struct Codecs {
  static constexpr std::array<std::string_view, 5> all{"none", "gzip", "snappy", "lz4", "zstd"};
};
struct Formats {
  static constexpr std::array<std::string_view, 2> all{"text", "json"};
};

// For `auto`, load() has set the member before.
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

// Created later, so it need not exist.
constexpr ValueSpec folder{[](std::string_view text, Settings& into) {
                             into.data_dir = text;
                             return true;
                           },
                           [] { return std::string("a folder"); }};

constexpr ValueSpec schema_folder{[](std::string_view text, Settings& into) {
                                    into.schema_dir = text;
                                    return true;
                                  },
                                  [] { return std::string("a folder"); }};

template <std::filesystem::path Settings::* member>
constexpr ValueSpec file{[](std::string_view text, Settings& into) {
                           into.*member = text;
                           return true;
                         },
                         [] { return std::string("a file"); }};

constexpr ValueSpec address{[](std::string_view text, Settings& into) {
                              if (!is_ip_address(text)) return false;
                              into.bind_address = text;
                              return true;
                            },
                            [] { return std::string("an IPv4 or IPv6 address"); }};

// A list, which librdkafka parses in the same way.
constexpr ValueSpec brokers{[](std::string_view text, Settings& into) {
                              if (!is_broker_list(text)) return false;
                              into.kafka.brokers = text;
                              return true;
                            },
                            [] { return std::string("a list of host:port, separated by commas"); }};

// libpq checks it: the text may be a URI or key=value pairs.
constexpr ValueSpec database_url{[](std::string_view text, Settings& into) {
                                   if (!is_database_url(text)) return false;
                                   into.database.url = text;
                                   return true;
                                 },
                                 [] { return std::string(postgres::url_expected); }};

// Each entry is *, null (of sandboxed pages and files) or an origin.
constexpr ValueSpec cors_origins{[](std::string_view text, Settings& into) {
                                   std::vector<std::string> origins;
                                   for (const std::string_view one : split(text, ',')) {
                                     if (one != "*" && one != "null" && !is_web_origin(one)) return false;
                                     origins.emplace_back(one);
                                   }
                                   into.cors_origins = std::move(origins);
                                   return true;
                                 },
                                 [] {
                                   return std::string(
                                       "*, or a list of web origins like https://shop.example, separated by "
                                       "commas: lower case, no path, no space");
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

// `metadata.` is followed by the name of a member, which may contain further dots.
constexpr ValueSpec partition_key{
    [](std::string_view text, Settings& into) {
      using enum intake::PartitionKey::Kind;
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
constexpr auto rate_per_second = [](Settings& into) -> auto& { return into.rate_limit.per_second; };
constexpr auto rate_burst = [](Settings& into) -> auto& { return into.rate_limit.burst; };
constexpr auto db_host = [](Settings& into) -> auto& { return into.database.host; };
constexpr auto db_port = [](Settings& into) -> auto& { return into.database.port; };
constexpr auto db_user = [](Settings& into) -> auto& { return into.database.user; };
constexpr auto db_password = [](Settings& into) -> auto& { return into.database.password; };
constexpr auto db_name = [](Settings& into) -> auto& { return into.database.name; };
constexpr auto db_pool_size = [](Settings& into) -> auto& { return into.database.pool_size; };

// A body must fit one commit of the embedded log, and a batch must fit the events that may wait.
constexpr auto MiB = static_cast<std::int64_t>(limits::MiB);
constexpr auto body_bytes_max = static_cast<std::int64_t>(limits::log_commit_bytes_max);
constexpr auto batch_max = static_cast<std::int64_t>(limits::waiting_events_max);
static_assert(limits::event_bytes_default == 65536 && limits::body_bytes_default == 16 * MiB,
              "the table below has these defaults");

// Name, default, default of serve, accepted values, support, commands, secret, help, when it takes effect.
constexpr std::array table{
    Variable{"KAFKA_BROKERS", "localhost:9092", "", brokers, kafka_only, serving_or_dlq, false,
             "Kafka brokers for the first connection"},
    Variable{"KAFKA_TOPIC", "incoming.user_activity", "", topic, full, serving_or_dlq, false,
             "Kafka topic; also the name of the embedded log"},
    Variable{"KAFKA_GROUP_ID", "user-activity-consumer-group", "", group, full, counting, false,
             "Kafka consumer group; the ledger in the metrics store belongs to it"},
    Variable{"SERVER_PORT", "8080", "", number<&Settings::server_port, 0, 65535>, full, ingesting | asking,
             false, "port of serve and producer; 0: any free port, which is logged"},
    Variable{"NUM_WORKERS", "3", "", number<&Settings::num_workers, 1, 256>, full, counting, false,
             "threads that share the partitions of this process"},
    Variable{"FLUSH_INTERVAL_SEC", "30", "1", number<&Settings::flush_interval, 1, 86400>, full, counting,
             false, "seconds after which waiting events are flushed to the metrics store", while_running},
    Variable{"BATCH_SIZE", "100", "", number<&Settings::batch_size, 1, batch_max>, full, counting, false,
             "number of waiting events that starts a flush earlier", while_running},
    Variable{"DB_HOST", "localhost", "", any_text_into<db_host>, postgres_only, counting_or_dlq, false,
             "PostgreSQL host: a name, an address, or the folder of a Unix socket"},
    Variable{"DB_PORT", "5432", "", number<db_port, 1, 65535>, postgres_only, counting_or_dlq, false,
             "PostgreSQL port"},
    Variable{"DB_USER", "postgres", "", any_text_into<db_user>, postgres_only, counting_or_dlq, false,
             "PostgreSQL user"},
    Variable{"DB_PASSWORD", "postgres", "", any_text_into<db_password>, postgres_only, counting_or_dlq, true,
             "PostgreSQL password"},
    Variable{"DB_NAME", "analytics", "", any_text_into<db_name>, postgres_only, counting_or_dlq, false,
             "PostgreSQL database"},
    Variable{"FLUSH_MIN_INTERVAL_MS", "200", "", number<&Settings::flush_min_interval, 0, 60000>, full,
             counting, false, "milliseconds that are at least between the starts of two flushes",
             while_running},
    Variable{"CONSUMER_PORT", "8081", "", number<&Settings::consumer_port, 0, 65535>, full, consumer, false,
             "port of consumer; if it is not set and 8081 is busy, any free port, which is logged"},
    Variable{"DATA_DIR", "./weir-data", "", folder, embedded_only, Commands(serve) | Command::dlq, false,
             "folder of the embedded log and of the SQLite store"},
    Variable{"EVENT_LOG", "kafka", "embedded", choice<&Settings::event_log, EventLogs>, full, serving_or_dlq,
             false, "where events are stored: in Kafka, or embedded in a file"},
    Variable{"METRICS_STORE", "postgres", "sqlite", choice<&Settings::metrics_store, Stores>, full,
             counting_or_dlq, false, "where numbers are stored: in PostgreSQL, or in a SQLite file"},
    Variable{"DATABASE_URL", "", "", database_url, postgres_only, counting_or_dlq, true,
             "PostgreSQL connection; replaces all DB_* but DB_POOL_SIZE"},
    Variable{"DB_POOL_SIZE", "4", "", number<db_pool_size, 2, 1000>, postgres_only, counting, false,
             "connections to PostgreSQL: one writes, the others read"},
    Variable{"HTTP_THREADS", "auto", "", number_or_auto<&Settings::http_threads, 1, 1024>, full, serving,
             false, "threads that serve HTTP; auto: one, and up to one for each core when they are busy"},
    Variable{"BIND_ADDRESS", "0.0.0.0", "", address, full, serving, false, "address to listen on"},
    Variable{"LOG_LEVEL", "info", "", choice<&Settings::log_level, LogLevels>, full, serving, false,
             "lowest severity that is logged", while_running},
    Variable{"LOG_FORMAT", "auto", "", log_format, full, serving, false,
             "format of the log; auto: text on a terminal, otherwise json"},
    Variable{"KAFKA_COMPRESSION", "lz4", "", compression, kafka_only, serving_or_dlq, false,
             "compression of records that Weir sends to Kafka"},
    Variable{"KAFKA_LINGER_MS", "0", "", number<kafka_linger, 0, 5000>, kafka_only, ingesting, false,
             "milliseconds to wait for more records before they are sent to Kafka; 0: up to 4 while many "
             "keep arriving, else none"},
    Variable{"KAFKA_PARTITIONS", "12", "", number<kafka_partitions, 1, 100'000>, kafka_only, serving_or_dlq,
             false, "partitions of the topic, if Weir has to create it"},
    Variable{"KAFKA_PARTITION_KEY", "user_id", "", partition_key, kafka_only, ingesting, false,
             "member that decides the partition of an event; without it, message_id does"},
    Variable{"KAFKA_START", "earliest", "", choice<kafka_start, Starts>, kafka_only, counting, false,
             "where to start reading a topic that the ledger does not have"},
    Variable{"ON_OFFSET_GONE", "stop", "", choice<&Settings::on_offset_gone, OffsetGone>, full, counting,
             false, "if the log no longer has the ledger's offset: stop, or continue at the earliest one"},
    Variable{kafka_properties, "", "", any_text, kafka_only, serving_or_dlq, false,
             "KAFKA_PROPERTY_x_y sets the property x.y of librdkafka"},
    Variable{"MAX_EVENT_BYTES", "65536", "", number<&Settings::max_event_bytes, 1, body_bytes_max>, full,
             serving, false, "size limit of an event"},
    Variable{"MAX_BODY_BYTES", "16777216", "", number<&Settings::max_body_bytes, 1, body_bytes_max>, full,
             ingesting, false, "size limit of a request body, also when decompressed"},
    Variable{"API_KEYS", "", "", api_keys, full, serving, true,
             "keys of clients, by name; if it is set, a client needs one to send events", while_running},
    Variable{"DASHBOARD_PASSWORD", "", "", any_text_into<&Settings::dashboard_password>, full,
             counting | asking, true,
             "password of the page and the API, for the user weir; an API key is accepted, too",
             while_running},
    Variable{"CORS_ORIGINS", "*", "", cors_origins, full, ingesting, false,
             "web origins whose scripts may send events; *: any", while_running},
    Variable{"RATE_LIMIT_RPS", "0", "", number<rate_per_second, 0, million>, full, ingesting, false,
             "requests per second that send events, for each API key or client address; 0: no limit",
             while_running},
    Variable{"RATE_LIMIT_BURST", "", "", number<rate_burst, 1, 2 * million>, full, ingesting, false,
             "such requests at once; not set: twice RATE_LIMIT_RPS", while_running},
    Variable{"TRUSTED_PROXIES", "", "", networks, full, ingesting, false,
             "proxies whose X-Forwarded-For tells the client's address"},
    Variable{"SCHEMA_DIR", "", "", schema_folder, full, serving, false,
             "folder with JSON schemas (draft 7): <activity_type>.json and default.json; SIGHUP reloads it"},
    Variable{"DIMENSIONS", "", "", dimensions, full, counting, false,
             "dimensions that are counted besides activity_type, page and referrer"},
    Variable{"DEDUP_WINDOW_SEC", "600", "", number<&Settings::dedup_window, 1, 30L * 86400>, full, serving,
             false, "seconds for which a repeated message_id is recognized"},
    Variable{"DEDUP_WINDOW_EVENTS", "1000000", "", number<&Settings::dedup_window_events, 1, 100 * million>,
             full, serving, false,
             "events, over all partitions, for which a repeated message_id is recognized"},
    Variable{"RETENTION_MINUTE_DAYS", "7", "", number<&Settings::retention_minute, 0, years_in_days>, full,
             counting, false, "days for which numbers by minute are kept; 0: forever"},
    Variable{"RETENTION_HOUR_DAYS", "400", "", number<&Settings::retention_hour, 0, years_in_days>, full,
             counting, false, "days for which numbers by hour are kept; 0: forever"},
    Variable{"RETENTION_DAY_DAYS", "0", "", number<&Settings::retention_day, 0, years_in_days>, full,
             counting, false, "days for which numbers by day are kept; 0: forever"},
    Variable{"RETENTION_METRICS_DAYS", "90", "", number<&Settings::retention_metrics, 0, years_in_days>, full,
             counting, false, "days for which rows of user_activity_metrics are kept; 0: forever"},
    Variable{"RETENTION_LOG_HOURS", "72", "", number<&Settings::retention_log, 0, 24 * years_in_days>,
             embedded_only, serve, false, "hours for which the embedded log keeps events; 0: forever"},
    Variable{"WEIR_API_KEY", "", "", own_key, full, asking, true, "API key that import and stats send"},
    Variable{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "", http_url<&tracing::TracingSettings::endpoint>, full,
             serving, true, "receiver of spans (OTLP/HTTP), to which /v1/traces is added; not set: no spans"},
    Variable{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "",
             http_url<&tracing::TracingSettings::traces_endpoint>, full, serving, true,
             "the same as a complete URL; replaces OTEL_EXPORTER_OTLP_ENDPOINT"},
    Variable{"OTEL_EXPORTER_OTLP_HEADERS", "", "", otlp_headers, full, serving, true,
             "headers of each request to the receiver of spans"},
    Variable{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "", choice<otlp_protocol, Protocols>, full,
             serving, false, "encoding of spans"},
    Variable{"OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "", number<otlp_timeout, 1, 600'000>, full, serving,
             false, "milliseconds to wait for the receiver of spans"},
    Variable{"OTEL_SERVICE_NAME", "", "", any_text_into<service_name>, full, serving, false,
             "service.name of spans; not set: that of OTEL_RESOURCE_ATTRIBUTES, else weir"},
    Variable{"OTEL_RESOURCE_ATTRIBUTES", "", "", text_pairs<&tracing::TracingSettings::resource_attributes>,
             full, serving, false, "attributes of this process in spans"},
    Variable{"OTEL_TRACES_EXPORTER", "otlp", "", choice<no_trace_exporter, TraceExporters>, full, serving,
             false, "none: no spans are recorded"},
    Variable{"OTEL_TRACES_SAMPLER", "parentbased_always_on", "", choice<trace_sampler, Samplers>, full,
             serving, false, "which traces are recorded; parentbased: as the client has decided"},
    Variable{"OTEL_TRACES_SAMPLER_ARG", "1", "", sampler_ratio, full, serving, false,
             "share of traces that the samplers with traceidratio record"},
    Variable{"OTEL_SDK_DISABLED", "false", "", choice<tracing_disabled, FalseOrTrue>, full, serving, false,
             "true: no spans are recorded; traceparent is still passed on"},
    Variable{"OTEL_BSP_MAX_QUEUE_SIZE", "2048", "", number<trace_queue_max, 1, 1'000'000>, full, serving,
             false, "spans that may wait for their export; further ones are dropped and counted"},
    Variable{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "", number<trace_batch_max, 1, 100'000>, full, serving,
             false, "most spans of one request to the receiver; so many are sent at once"},
    Variable{"OTEL_BSP_SCHEDULE_DELAY", "5000", "", number<trace_delay, 1, 3'600'000>, full, serving, false,
             "milliseconds after which fewer spans are sent"},
    Variable{"OTEL_*", "", "", any_text, ignored, serving, true,
             "other variables of OpenTelemetry; metrics are read from /metrics"},
    Variable{"CONSUL_HTTP_ADDR", "", "", consul_address, full, all, false,
             "address of a Consul agent whose key/value store has settings", as_source},
    Variable{"CONSUL_HTTP_TOKEN", "", "", consul_token, full, all, true, "ACL token for Consul", as_source},
    Variable{
        "CONSUL_PREFIX", "weir", "", consul_prefix, full, all, false,
        "prefix of the settings in Consul's key/value store: the keys are PREFIX/rate_limit_rps and so on",
        as_source},
    Variable{"CONFIG_FILE", "", "", any_text_into<&Settings::config_file>, full, all, false,
             "TOML file with settings: rate_limit_rps = 100; SIGHUP reads it again", as_source},
    Variable{
        "TLS_CERT", "", "", file<&Settings::tls_cert>, full, serving, false,
        "PEM file of the listener's certificate and its chain; with TLS_KEY it listens for https:// only"},
    Variable{"TLS_KEY", "", "", file<&Settings::tls_key>, full, serving, false,
             "PEM file of the private key for TLS_CERT; SIGHUP reloads both files"},
    Variable{"CONSUL_DATACENTER", "", "", any_text_into<&Settings::consul_datacenter>, full, all, false,
             "Consul datacenter with the settings; not set: the agent's own", as_source},
};

}  // namespace

std::string_view name_of(Command command) {
  constexpr std::array<std::string_view, 6> names{"serve", "producer", "consumer", "import", "stats", "dlq"};
  return names[static_cast<std::size_t>(command)];
}

std::string_view Variable::default_for(Command command) const {
  const bool as_serve = command == Command::serve || command == Command::dlq;
  return as_serve && !serve_default.empty() ? serve_default : default_value;
}

bool Variable::matches(std::string_view candidate) const {
  if (!is_family()) return candidate == name;
  // A family needs at least one more character than its stem.
  const std::string_view stem = name.substr(0, name.size() - 1);
  return candidate.size() > stem.size() && candidate.starts_with(stem);
}

bool Variable::is_secret_for(std::string_view candidate) const {
  // Some of librdkafka's properties hold passwords and keys.
  return secret || (name == kafka_properties && is_secret_name(property_name(candidate)));
}

std::span<const Variable> variables() { return table; }

const Variable* find_variable(std::string_view name) {
  // The table is short, and is searched at start only.
  for (const Variable& row : table)
    if (row.matches(name)) return &row;
  return nullptr;
}

}  // namespace weir::config
