#include "config/load.hpp"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

using namespace std::chrono_literals;

using LoadResult = std::expected<Loaded, std::vector<SettingError>>;

LoadResult load_for(Command command, Texts environment, Texts command_line = {}) {
  return load(
      {.command = command, .environment = std::move(environment), .command_line = std::move(command_line)});
}

std::vector<std::string> texts_of(const LoadResult& loaded) {
  std::vector<std::string> texts;
  if (!loaded)
    for (const SettingError& error : loaded.error()) texts.push_back(error.text);
  return texts;
}

const EffectiveSetting* shown(const Loaded& loaded, std::string_view name) {
  for (const EffectiveSetting& setting : loaded.effective)
    if (setting.name == name) return &setting;
  return nullptr;
}

using Lines = std::vector<std::string>;

TEST(Load, AppliesTheDefaultsOfServe) {
  const auto loaded = load_for(Command::serve, {});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  const Settings& settings = loaded->settings;
  const Settings untouched;
  EXPECT_EQ(settings.kafka_topic, "incoming.user_activity");
  EXPECT_EQ(settings.kafka_group_id, "user-activity-consumer-group");
  EXPECT_EQ(settings.server_port, 8080);
  EXPECT_EQ(settings.num_workers, 3);
  EXPECT_EQ(settings.flush_interval, 1s);
  EXPECT_EQ(settings.batch_size, 100);
  EXPECT_EQ(settings.flush_min_interval, 200ms);
  EXPECT_EQ(settings.data_dir, untouched.data_dir);
  EXPECT_EQ(settings.event_log, EventLogKind::embedded);
  EXPECT_EQ(settings.metrics_store, StoreKind::sqlite);
  EXPECT_EQ(settings.http_threads, 0);
  EXPECT_EQ(settings.bind_address, "0.0.0.0");
  EXPECT_EQ(settings.log_level, telemetry::Severity::info);
  EXPECT_EQ(settings.max_event_bytes, untouched.max_event_bytes);
  EXPECT_EQ(settings.max_body_bytes, untouched.max_body_bytes);
  EXPECT_EQ(settings.dedup_window, 600s);
  EXPECT_EQ(settings.dedup_window_events, 1'000'000);
  EXPECT_EQ(settings.retention_minute, std::chrono::days(7));
  EXPECT_EQ(settings.retention_hour, std::chrono::days(400));
  EXPECT_EQ(settings.retention_day, std::chrono::days(0));
  EXPECT_EQ(settings.retention_metrics, std::chrono::days(90));
  EXPECT_EQ(settings.retention_log, 72h);
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Load, FlushesAfter30SecondsInConsumer) {
  const auto loaded = load_for(Command::consumer, {});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.flush_interval, 30s);
}

TEST(Load, PrefersTheCommandLineToTheEnvironmentToTheDefault) {
  const auto loaded =
      load_for(Command::serve, {{"SERVER_PORT", "9001"}, {"BATCH_SIZE", "7"}}, {{"SERVER_PORT", "9002"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.server_port, 9002);
  EXPECT_EQ(loaded->settings.batch_size, 7);
  EXPECT_EQ(shown(*loaded, "SERVER_PORT")->origin, Origin::command_line);
  EXPECT_EQ(shown(*loaded, "BATCH_SIZE")->origin, Origin::environment);
  EXPECT_EQ(shown(*loaded, "NUM_WORKERS")->origin, Origin::default_value);
}

SourceTexts source(Origin origin, Texts texts) {
  return {.origin = origin, .texts = std::move(texts), .errors = {}};
}

TEST(Load, PrefersTheEnvironmentToConsulToTheFile) {
  const auto loaded = load(
      {.command = Command::serve,
       .environment = {{"BATCH_SIZE", "3"}, {"NUM_WORKERS", ""}},
       .consul = source(Origin::consul, {{"BATCH_SIZE", "2"}, {"NUM_WORKERS", "2"}}),
       .file = source(Origin::file,
                      {{"BATCH_SIZE", "1"}, {"NUM_WORKERS", "1"}, {"SERVER_PORT", "1"}, {"LOG_LEVEL", ""}})});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  EXPECT_EQ(loaded->settings.batch_size, 3);
  EXPECT_EQ(loaded->settings.num_workers, 2);
  EXPECT_EQ(loaded->settings.server_port, 1);
  EXPECT_EQ(shown(*loaded, "BATCH_SIZE")->origin, Origin::environment);
  EXPECT_EQ(shown(*loaded, "NUM_WORKERS")->origin, Origin::consul);
  EXPECT_EQ(shown(*loaded, "SERVER_PORT")->origin, Origin::file);
  EXPECT_EQ(shown(*loaded, "LOG_LEVEL")->origin, Origin::default_value) << "an empty text is not set";
}

TEST(Load, TakesAKafkaPropertyOnceFromTheFirstSourceThatHasIt) {
  const auto loaded =
      load({.command = Command::producer,
            .environment = {{"KAFKA_PROPERTY_client_rack", "a"}},
            .file = source(Origin::file, {{"KAFKA_PROPERTY_CLIENT_RACK", "b"},
                                          {"KAFKA_PROPERTY_SOCKET_KEEPALIVE_ENABLE", "true"}})});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  const std::vector<std::pair<std::string, std::string>> expected{{"client.rack", "a"},
                                                                  {"socket.keepalive.enable", "true"}};
  EXPECT_TRUE(std::ranges::is_permutation(loaded->settings.kafka.properties, expected));
}

TEST(Load, ReportsTheFaultsOfAllSourcesAtOnce) {
  SourceTexts file = source(Origin::file, {{"RATE_LIMIT_RPS", "fast"}});
  file.errors = {{"x", "x in CONFIG_FILE f, line 1: wrong", Origin::file}};
  const auto loaded = load({.command = Command::serve,
                            .environment = {{"BATCH_SIZE", "many"}},
                            .consul = source(Origin::consul, {{"LOG_LEVEL", "loud"}}),
                            .file = std::move(file)});
  EXPECT_EQ(texts_of(loaded),
            (Lines{"x in CONFIG_FILE f, line 1: wrong",
                   "BATCH_SIZE=\"many\": expected a whole number from 1 to 200000",
                   "LOG_LEVEL=\"loud\" in Consul: expected debug, info, warn or error",
                   "RATE_LIMIT_RPS=\"fast\" in CONFIG_FILE: expected a whole number from 0 to "
                   "1000000"}));
}

TEST(LoadWithoutRefused, KeepsTheLastGoodValueOfAKeyAndTakesTheOthers) {
  Sources sources{
      .command = Command::serve,
      .consul = source(Origin::consul, {{"LOG_LEVEL", "loud"}, {"BATCH_SIZE", "0"}, {"NUM_WORKERS", "5"}})};
  sources.consul.errors = {{"colour", "colour in Consul: expected …", Origin::consul}};
  const auto result = load_without_refused(sources, {{"LOG_LEVEL", "debug"}, {"NUM_WORKERS", "4"}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->loaded.settings.log_level, telemetry::Severity::debug);
  EXPECT_EQ(result->loaded.settings.batch_size, 100) << "no last good value: the next source";
  EXPECT_EQ(result->loaded.settings.num_workers, 5);
  EXPECT_EQ(result->refused.size(), 3U);
  EXPECT_EQ(result->consul, (Texts{{"LOG_LEVEL", "debug"}, {"NUM_WORKERS", "5"}}));

  sources.environment["SERVER_PORT"] = "http";
  EXPECT_FALSE(load_without_refused(sources, {})) << "a fault outside of Consul";
}

TEST(Load, AcceptsAddressesOfConsulAsItsToolsDo) {
  const auto address = [](std::string text) {
    return load_for(Command::serve, {{"CONSUL_HTTP_ADDR", text}});
  };
  ASSERT_TRUE(address("127.0.0.1:8500"));
  EXPECT_EQ(address("127.0.0.1:8500")->settings.consul_address->port, 8500);
  EXPECT_EQ(address("http://consul.example:80")->settings.consul_address->host, "consul.example");
  EXPECT_TRUE(address("https://consul.example:8501")->settings.consul_address->secure);
  EXPECT_EQ(texts_of(address("unix:///consul.sock")),
            (Lines{"CONSUL_HTTP_ADDR=\"unix:///consul.sock\": expected host:port, http://host:port or "
                   "https://host:port"}));
  EXPECT_EQ(texts_of(load_for(Command::serve, {{"CONSUL_PREFIX", "/weir"}, {"CONSUL_HTTP_TOKEN", "a b"}})),
            (Lines{"CONSUL_HTTP_TOKEN: expected visible ASCII characters",
                   "CONSUL_PREFIX=\"/weir\": expected a prefix of keys, without a slash at the beginning"}));
}

TEST(Load, ReadsAnEmptyVariableAsUnset) {
  const auto loaded = load_for(Command::serve, {{"BATCH_SIZE", ""}, {"API_KEYS", ""}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.batch_size, 100);
  EXPECT_EQ(shown(*loaded, "BATCH_SIZE")->origin, Origin::default_value);
}

TEST(Load, IgnoresUnknownVariables) {
  EXPECT_TRUE(load_for(Command::serve, {{"PATH", "/bin"}, {"BATCH_SIZE_MAX", "x"}, {"KAFKA", "x"}}));
}

TEST(Load, LogsTextOnATerminalByDefault) {
  struct Case {
    bool terminal;
    Texts environment;
    LogFormat expected;
  };
  const std::vector<Case> cases = {{true, {}, LogFormat::text},
                                   {false, {}, LogFormat::json},
                                   {true, {{"LOG_FORMAT", "json"}}, LogFormat::json},
                                   {false, {{"LOG_FORMAT", "text"}}, LogFormat::text},
                                   {true, {{"LOG_FORMAT", "auto"}}, LogFormat::text}};
  for (const Case& one : cases) {
    const auto loaded = load({.environment = one.environment, .log_to_terminal = one.terminal});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->settings.log_format, one.expected);
  }
}

TEST(Load, ReportsAMalformedValueAndWhatWasExpected) {
  struct Case {
    std::string name, value, expected;
  };
  const std::vector<Case> cases = {
      {"SERVER_PORT", "65536", "a whole number from 0 to 65535"},
      {"SERVER_PORT", "http", "a whole number from 0 to 65535"},
      {"SERVER_PORT", " 80", "a whole number from 0 to 65535"},
      {"SERVER_PORT", "+80", "a whole number from 0 to 65535"},
      {"SERVER_PORT", "80.0", "a whole number from 0 to 65535"},
      {"NUM_WORKERS", "0", "a whole number from 1 to 256"},
      {"FLUSH_INTERVAL_SEC", "1s", "a whole number from 1 to 86400"},
      {"BATCH_SIZE", "-1", "a whole number from 1 to 200000"},
      {"BATCH_SIZE", "99999999999999999999", "a whole number from 1 to 200000"},
      {"HTTP_THREADS", "many", "a whole number from 1 to 1024, or auto"},
      {"EVENT_LOG", "Kafka", "embedded or kafka"},
      {"METRICS_STORE", "mysql", "sqlite or postgres"},
      {"LOG_LEVEL", "trace", "debug, info, warn or error"},
      {"LOG_FORMAT", "xml", "text, json or auto"},
      {"KAFKA_TOPIC", "a/b", "1 to 249 letters, digits, '.', '_' or '-'"},
      {"KAFKA_TOPIC", "..", "1 to 249 letters, digits, '.', '_' or '-'"},
      {"BIND_ADDRESS", "localhost", "an IPv4 or IPv6 address"},
      {"ON_OFFSET_GONE", "latest", "stop or earliest"},
      {"RETENTION_MINUTE_DAYS", "36501", "a whole number from 0 to 36500"},
      {"DB_PORT", "x", "a whole number from 1 to 65535"},
      {"CONSUMER_PORT", "65536", "a whole number from 0 to 65535"},
      {"DB_POOL_SIZE", "1", "a whole number from 2 to 1000"},
      {"KAFKA_START", "newest", "earliest or latest"},
      {"KAFKA_LINGER_MS", "1ms", "a whole number from 0 to 5000"},
      {"KAFKA_BROKERS", "kafka:9092,", "a list of host:port, separated by commas"},
      {"KAFKA_BROKERS", "kafka:http", "a list of host:port, separated by commas"},
      {"KAFKA_BROKERS", ":9092", "a list of host:port, separated by commas"},
      {"KAFKA_COMPRESSION", "brotli", "none, gzip, snappy, lz4 or zstd"},
      {"KAFKA_PARTITION_KEY", "metadata.", "user_id, activity_type, metadata.<member> or none"},
      {"RATE_LIMIT_RPS", "fast", "a whole number from 0 to 1000000"},
      {"RATE_LIMIT_RPS", "-1", "a whole number from 0 to 1000000"},
      {"RATE_LIMIT_BURST", "0", "a whole number from 1 to 2000000"},
  };
  for (const Case& one : cases) {
    const auto loaded = load_for(Command::serve, {{one.name, one.value}});
    EXPECT_EQ(texts_of(loaded), (Lines{one.name + "=\"" + one.value + "\": expected " + one.expected}));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().front().variable, one.name);
  }
}

TEST(Load, AcceptsTheBounds) {
  const auto loaded = load_for(Command::serve, {{"SERVER_PORT", "65535"},
                                                {"NUM_WORKERS", "1"},
                                                {"RETENTION_MINUTE_DAYS", "36500"},
                                                {"DEDUP_WINDOW_SEC", "1"},
                                                {"BIND_ADDRESS", "::1"},
                                                {"HTTP_THREADS", "4"}});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  EXPECT_EQ(loaded->settings.server_port, 65535);
  EXPECT_EQ(loaded->settings.retention_minute, std::chrono::days(36500));
  EXPECT_EQ(loaded->settings.http_threads, 4);
}

TEST(Load, ReportsAllErrorsAtOnce) {
  const auto loaded =
      load_for(Command::serve, {{"BATCH_SIZE", "x"}, {"CONSUL_HTTP_TOKEN", "s3 cret"}, {"DB_PORT", "0"}},
               {{"LOG_LEVEL", "loud"}, {"NO_SUCH", "1"}});
  EXPECT_EQ(texts_of(loaded), (Lines{"NO_SUCH is not a setting of Weir",
                                     "BATCH_SIZE=\"x\": expected a whole number from 1 to 200000",
                                     "DB_PORT=\"0\": expected a whole number from 1 to 65535",
                                     "LOG_LEVEL=\"loud\": expected debug, info, warn or error",
                                     "CONSUL_HTTP_TOKEN: expected visible ASCII characters"}));
}

TEST(Load, ChoosesTheLogAndTheStoreOfDlqByTheBrokers) {
  const auto chosen = [](const Texts& environment) {
    const Settings settings = load_for(Command::dlq, environment)->settings;
    return std::pair(settings.event_log, settings.metrics_store);
  };
  EXPECT_EQ(chosen({}), std::pair(EventLogKind::embedded, StoreKind::sqlite));
  EXPECT_EQ(chosen({{"METRICS_STORE", "postgres"}}), std::pair(EventLogKind::embedded, StoreKind::postgres));
  EXPECT_EQ(chosen({{"KAFKA_BROKERS", "localhost:9092"}}),
            std::pair(EventLogKind::kafka, StoreKind::postgres));
  EXPECT_EQ(chosen({{"EVENT_LOG", "kafka"}}), std::pair(EventLogKind::kafka, StoreKind::postgres));
  EXPECT_EQ(chosen({{"KAFKA_BROKERS", "localhost:9092"}, {"EVENT_LOG", "embedded"}}),
            std::pair(EventLogKind::embedded, StoreKind::sqlite));
}

TEST(Load, TakesBothFilesOfTlsOrNone) {
  const auto loaded = load_for(Command::producer, {{"TLS_CERT", "a.pem"}, {"TLS_KEY", "a.key"}});
  EXPECT_EQ(loaded->settings.tls_cert, "a.pem");
  EXPECT_EQ(loaded->settings.tls_key, "a.key");
  EXPECT_TRUE(load_for(Command::serve, {})->settings.tls_cert.empty());
  EXPECT_EQ(texts_of(load_for(Command::serve, {{"TLS_CERT", "a.pem"}})),
            (Lines{"TLS_KEY is not set, but TLS_CERT is: expected both or none"}));
  EXPECT_EQ(texts_of(load_for(Command::consumer, {{"TLS_KEY", "a.key"}})),
            (Lines{"TLS_CERT is not set, but TLS_KEY is: expected both or none"}));
  EXPECT_TRUE(load_for(Command::import, {{"TLS_CERT", "a.pem"}})) << "import does not listen";
}

TEST(Load, TakesTheFolderOfTheSchemas) {
  EXPECT_TRUE(load_for(Command::serve, {})->settings.schema_dir.empty());
  EXPECT_EQ(load_for(Command::serve, {{"SCHEMA_DIR", "schemas"}})->settings.schema_dir, "schemas");
}

TEST(Load, AcceptsTheDefaultOfAnUnsupportedSetting) {
  EXPECT_TRUE(load_for(Command::serve, {{"CONSUL_PREFIX", "weir"}}));
}

TEST(Load, ReadsWhoMaySendAndHowMuch) {
  const auto loaded = load_for(Command::serve, {{"API_KEYS", "web:s3cret,app:other"},
                                                {"DASHBOARD_PASSWORD", "pass word"},
                                                {"RATE_LIMIT_RPS", "50"},
                                                {"RATE_LIMIT_BURST", "75"},
                                                {"TRUSTED_PROXIES", "10.0.0.0/8,::1"}});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  EXPECT_EQ(loaded->settings.api_keys, *access::parse_api_keys("web:s3cret,app:other"));
  EXPECT_EQ(loaded->settings.dashboard_password, "pass word");
  EXPECT_EQ(loaded->settings.rate_limit.per_second, 50);
  EXPECT_EQ(loaded->settings.rate_limit.burst, 75);
  EXPECT_EQ(loaded->settings.trusted_proxies.size(), 2u);
  EXPECT_EQ(load_for(Command::import, {{"WEIR_API_KEY", "s3cret"}})->settings.weir_api_key, "s3cret");
}

TEST(Load, SaysWhatIsWrongWithKeysWithoutShowingThem) {
  const auto keys = load_for(Command::serve, {{"API_KEYS", "web:hunter2,app:hunter2"}});
  ASSERT_EQ(texts_of(keys).size(), 1u);
  EXPECT_TRUE(texts_of(keys)[0].starts_with("API_KEYS: expected name:secret,")) << texts_of(keys)[0];
  EXPECT_TRUE(texts_of(keys)[0].ends_with("entry 2: its secret is that of an earlier entry"));
  EXPECT_FALSE(texts_of(keys)[0].contains("hunter"));
  const auto own = load_for(Command::stats, {{"WEIR_API_KEY", "hunter 2"}});
  EXPECT_EQ(texts_of(own), (Lines{"WEIR_API_KEY: expected at most 256 visible ASCII characters"}));
  const auto proxies = load_for(Command::serve, {{"TRUSTED_PROXIES", "10.0.0.0/8, 10.1.0.0/8"}});
  ASSERT_EQ(texts_of(proxies).size(), 1u);
  EXPECT_TRUE(
      texts_of(proxies)[0].starts_with("TRUSTED_PROXIES=\"10.0.0.0/8, 10.1.0.0/8\": expected a list"));
  EXPECT_TRUE(texts_of(proxies)[0].contains("; '10.1.0.0/8' is not")) << texts_of(proxies)[0];
}

TEST(Load, AcceptsWebOriginsAsBrowsersSendThem) {
  EXPECT_EQ(load_for(Command::serve, {})->settings.cors_origins, (Lines{"*"}));
  const auto several =
      load_for(Command::producer,
               {{"CORS_ORIGINS", "https://shop.example,http://localhost:3000,http://[::1]:8000,null"},
                {"EVENT_LOG", "kafka"}});
  ASSERT_TRUE(several);
  EXPECT_EQ(several->settings.cors_origins,
            (Lines{"https://shop.example", "http://localhost:3000", "http://[::1]:8000", "null"}));
  for (const std::string wrong : {"shop.example", "https://shop.example/", "https://Shop.example", "https://",
                                  "https://a, https://b", "https://a:0", "https://a,", "://a"}) {
    const auto texts = texts_of(load_for(Command::serve, {{"CORS_ORIGINS", wrong}}));
    ASSERT_EQ(texts.size(), 1U) << wrong;
    EXPECT_EQ(
        texts[0],
        "CORS_ORIGINS=\"" + wrong +
            "\": expected *, or a list of web origins like https://shop.example, separated by commas: lower "
            "case, no path, no space");
  }
}

TEST(Load, AcceptsSettingsOfAnotherLogAndStoreWithoutUsingThem) {
  const auto loaded = load_for(Command::serve, {{"KAFKA_BROKERS", "kafka:9092"},
                                                {"DB_HOST", "db"},
                                                {"DB_PASSWORD", "s3cret"},
                                                {"DATABASE_URL", "postgres://me:s3cret@db/x"},
                                                {"KAFKA_LINGER_MS", "5"}});
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(shown(*loaded, "KAFKA_BROKERS")->used);
  EXPECT_TRUE(shown(*loaded, "DATA_DIR")->used);
  EXPECT_EQ(shown(*loaded, "DB_USER"), nullptr);
}

TEST(Load, ShowsTheSettingsOfTheChosenLogAndStore) {
  struct Case {
    Command command;
    Texts environment;
    std::vector<std::string> used, unused;
  };
  const std::vector<Case> cases = {
      {Command::serve, {}, {"DATA_DIR", "SERVER_PORT"}, {"KAFKA_BROKERS", "DB_HOST", "CONSUMER_PORT"}},
      {Command::serve,
       {{"METRICS_STORE", "postgres"}},
       {"DATA_DIR", "DB_HOST", "DB_POOL_SIZE"},
       {"KAFKA_BROKERS", "KAFKA_START"}},
      {Command::serve,
       {{"EVENT_LOG", "kafka"}, {"METRICS_STORE", "postgres"}},
       {"KAFKA_BROKERS", "KAFKA_PARTITION_KEY", "KAFKA_START", "DB_NAME"},
       {"DATA_DIR", "RETENTION_LOG_HOURS"}},
      {Command::producer,
       {},
       {"KAFKA_LINGER_MS", "SERVER_PORT"},
       {"DB_HOST", "METRICS_STORE", "NUM_WORKERS"}},
      {Command::consumer,
       {},
       {"CONSUMER_PORT", "DB_PASSWORD", "KAFKA_BROKERS"},
       {"SERVER_PORT", "DATA_DIR"}}};
  for (const Case& one : cases) {
    const auto loaded = load_for(one.command, one.environment);
    ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
    for (const std::string& name : one.used) {
      ASSERT_NE(shown(*loaded, name), nullptr) << name;
      EXPECT_TRUE(shown(*loaded, name)->used) << name;
    }
    for (const std::string& name : one.unused) EXPECT_EQ(shown(*loaded, name), nullptr) << name;
  }
}

TEST(Load, ReadsTheSettingsOfConsumer) {
  const auto loaded = load_for(Command::consumer, {{"KAFKA_BROKERS", "kafka-1:9092,[::1]:9093"},
                                                   {"KAFKA_START", "latest"},
                                                   {"KAFKA_PARTITIONS", "3"},
                                                   {"CONSUMER_PORT", "8081"},
                                                   {"DB_HOST", "db"},
                                                   {"DB_PORT", "6432"},
                                                   {"DB_USER", "weir"},
                                                   {"DB_PASSWORD", "s3cret"},
                                                   {"DB_NAME", "numbers"},
                                                   {"DATABASE_URL", "postgresql://me@db/x?sslmode=require"},
                                                   {"DB_POOL_SIZE", "9"}});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  const Settings& settings = loaded->settings;
  EXPECT_EQ(settings.event_log, EventLogKind::kafka);
  EXPECT_EQ(settings.metrics_store, StoreKind::postgres);
  EXPECT_EQ(settings.flush_interval, 30s);
  EXPECT_EQ(settings.kafka.brokers, "kafka-1:9092,[::1]:9093");
  EXPECT_EQ(settings.kafka.start, KafkaStart::latest);
  EXPECT_EQ(settings.kafka.partitions, 3);
  EXPECT_TRUE(settings.consumer_port_is_set) << "set to its default";
  EXPECT_EQ(settings.database.host, "db");
  EXPECT_EQ(settings.database.port, 6432);
  EXPECT_EQ(settings.database.user, "weir");
  EXPECT_EQ(settings.database.password, "s3cret");
  EXPECT_EQ(settings.database.name, "numbers");
  EXPECT_EQ(settings.database.url, "postgresql://me@db/x?sslmode=require");
  EXPECT_EQ(settings.database.pool_size, 9);
}

TEST(Load, AppliesTheDefaultsOfConsumer) {
  const auto loaded = load_for(Command::consumer, {{"CONSUMER_PORT", ""}, {"DB_PORT", ""}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.consumer_port, 8081);
  EXPECT_FALSE(loaded->settings.consumer_port_is_set);
  EXPECT_EQ(loaded->settings.database.host, "localhost");
  EXPECT_EQ(loaded->settings.database.port, 5432);
  EXPECT_EQ(loaded->settings.database.name, "analytics");
  EXPECT_EQ(loaded->settings.database.pool_size, 4);
  EXPECT_EQ(loaded->settings.kafka.start, KafkaStart::earliest);
}

TEST(Load, ReadsTheSettingsOfProducer) {
  const auto loaded = load_for(Command::producer, {{"KAFKA_COMPRESSION", "zstd"},
                                                   {"KAFKA_LINGER_MS", "7"},
                                                   {"KAFKA_PARTITION_KEY", "metadata.session"},
                                                   {"METRICS_STORE", "sqlite"}});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  EXPECT_EQ(loaded->settings.kafka.brokers, "localhost:9092");
  EXPECT_EQ(loaded->settings.kafka.compression, "zstd");
  EXPECT_EQ(loaded->settings.kafka.linger, 7ms);
  EXPECT_EQ(loaded->settings.kafka.partitions, 12);
  EXPECT_EQ(loaded->settings.partition_key.kind, intake::PartitionKey::Kind::metadata);
  EXPECT_EQ(loaded->settings.partition_key.member, "session");
}

TEST(Load, WarnsThatAnotherKeyLimitsDedupeToAPartition) {
  const std::vector<std::string> keys = {"activity_type", "none", "metadata.session"};
  for (const std::string& key : keys) {
    const auto loaded = load_for(Command::producer, {{"KAFKA_PARTITION_KEY", key}});
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->warnings.size(), 1U);
    EXPECT_TRUE(loaded->warnings[0].starts_with("KAFKA_PARTITION_KEY=\"" + key +
                                                "\": dedupe works only within a partition"));
    EXPECT_TRUE(load_for(Command::serve, {{"KAFKA_PARTITION_KEY", key}})->warnings.empty())
        << "one partition";
  }
  EXPECT_TRUE(load_for(Command::producer, {{"KAFKA_PARTITION_KEY", "user_id"}})->warnings.empty());
}

TEST(Load, PassesPropertiesUnderTheirNamesInLibrdkafka) {
  const auto loaded = load_for(Command::producer, {{"KAFKA_PROPERTY_security_protocol", "SASL_SSL"},
                                                   {"KAFKA_PROPERTY_SASL_MECHANISM", "PLAIN"},
                                                   {"KAFKA_PROPERTY_ssl_ca_location", ""}});
  ASSERT_TRUE(loaded) << testing::PrintToString(texts_of(loaded));
  using Properties = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(loaded->settings.kafka.properties,
            (Properties{{"sasl.mechanism", "PLAIN"}, {"security.protocol", "SASL_SSL"}}));
}

TEST(Load, RefusesPropertiesThatWeirMustSetItself) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"acks", "all in-sync replicas"},
      {"request_required_acks", "all in-sync"},
      {"enable_idempotence", "write a record twice"},
      {"enable_auto_commit", "offsets are committed"},
      {"enable_auto_offset_store", "offsets are"},
      {"auto_offset_reset", "use KAFKA_START"},
      {"isolation_level", "must not be counted"},
      {"message_timeout_ms", "within 10 s"},
      {"bootstrap_servers", "use KAFKA_BROKERS"},
      {"metadata_broker_list", "use KAFKA_BROKERS"},
      {"group_id", "use KAFKA_GROUP_ID"},
      {"compression_type", "use KAFKA_COMPRESSION"},
      {"LINGER_MS", "use KAFKA_LINGER_MS"},
      {"queue_buffering_max_ms", "use KAFKA_LINGER_MS"},
      {"partitioner", "use KAFKA_PARTITION_KEY"},
      {"partition_assignment_strategy", "agree"},
      {"enable_partition_eof", "without a record"},
      {"allow_auto_create_topics", "KAFKA_PARTITIONS"}};
  for (const auto& [name, why] : cases)
    for (const Command command : {Command::producer, Command::consumer}) {
      const Lines texts = texts_of(load_for(command, {{"KAFKA_PROPERTY_" + name, "1"}}));
      ASSERT_EQ(texts.size(), 1U) << name;
      EXPECT_TRUE(texts[0].starts_with("KAFKA_PROPERTY_" + name + "=\"1\": ")) << texts[0];
      EXPECT_NE(texts[0].find(why), std::string::npos) << texts[0];
    }
  EXPECT_EQ(texts_of(load_for(Command::producer,
                              {{"KAFKA_PROPERTY_CLIENT_ID", "1"}, {"KAFKA_PROPERTY_client_id", "2"}})),
            (Lines{"KAFKA_PROPERTY_client_id: the property client.id is set by two variables, in upper and "
                   "lower case: "
                   "expected one"}));
}

TEST(Load, ReportsErrorsOfLibrdkafkaWithAllOthers) {
  const Lines texts = texts_of(load_for(Command::producer, {{"KAFKA_PROPERTY_NO_SUCH", "1"},
                                                            {"KAFKA_PROPERTY_socket_timeout_ms", "soon"},
                                                            {"KAFKA_PROPERTY_retry_backoff_ms", "0"},
                                                            {"SERVER_PORT", "http"}}));
  ASSERT_EQ(texts.size(), 4U) << testing::PrintToString(texts);
  EXPECT_TRUE(texts[0].starts_with("SERVER_PORT=\"http\": expected")) << texts[0];
  EXPECT_TRUE(texts[1].starts_with("KAFKA_PROPERTY_NO_SUCH=\"1\": librdkafka has no property no.such"))
      << texts[1];
  EXPECT_TRUE(texts[2].starts_with("KAFKA_PROPERTY_retry_backoff_ms=\"0\": ")) << texts[2];
  EXPECT_TRUE(texts[2].contains("1..300000")) << texts[2];
  EXPECT_TRUE(texts[2].contains("rejects 0 of retry.backoff.ms")) << texts[2];
  EXPECT_TRUE(texts[3].starts_with("KAFKA_PROPERTY_socket_timeout_ms=\"soon\": ")) << texts[3];
  for (const std::string& text : texts) EXPECT_FALSE(text.contains('\n')) << text;
}

TEST(Load, MasksPropertiesThatMayHoldASecret) {
  const auto loaded = load_for(Command::producer, {{"KAFKA_PROPERTY_SASL_PASSWORD", "hunter2"},
                                                   {"KAFKA_PROPERTY_ssl_key_pem", "hunter2"},
                                                   {"KAFKA_PROPERTY_ssl_key_password", "hunter2"},
                                                   {"KAFKA_PROPERTY_ssl_keystore_password", "hunter2"},
                                                   {"KAFKA_PROPERTY_client_id", "weir-1"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(shown(*loaded, "KAFKA_PROPERTY_SASL_PASSWORD")->value, "***");
  EXPECT_EQ(shown(*loaded, "KAFKA_PROPERTY_client_id")->value, "weir-1");
  for (const EffectiveSetting& setting : loaded->effective)
    EXPECT_NE(setting.value, "hunter2") << setting.name;
}

TEST(Load, WarnsAboutSettingsThatItIgnores) {
  const auto loaded = load_for(Command::serve, {{"OTEL_METRICS_EXPORTER", "otlp"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->warnings,
            (Lines{"OTEL_METRICS_EXPORTER is set, but this version does not support it yet: it is ignored"}));
}

TEST(Load, ReadsTheVariablesOfOpenTelemetry) {
  const auto loaded = load_for(Command::producer, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"},
                                                   {"OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"},
                                                   {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},
                                                   {"OTEL_RESOURCE_ATTRIBUTES", "service.name=shop"},
                                                   {"OTEL_TRACES_SAMPLER", "traceidratio"},
                                                   {"OTEL_TRACES_SAMPLER_ARG", "0.25"},
                                                   {"OTEL_BSP_MAX_QUEUE_SIZE", "7"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->warnings, Lines{});
  const tracing::TracingSettings& tracing = loaded->settings.tracing;
  EXPECT_TRUE(tracing.is_on());
  EXPECT_EQ(tracing.url(), "http://collector:4318/v1/traces");
  EXPECT_EQ(tracing.headers, (tracing::TextPairs{{"x-key", "a b"}}));
  EXPECT_EQ(tracing.protocol, tracing::Protocol::http_json);
  EXPECT_EQ(tracing.sampler, tracing::SamplerKind::traceidratio);
  EXPECT_EQ(tracing.sampler_ratio, 0.25);
  EXPECT_EQ(tracing.queue_max, 7u);
  EXPECT_FALSE(load_for(Command::serve, {})->settings.tracing.is_on()) << "off without an endpoint";
  for (const auto& [name, wrong] :
       std::map<std::string, std::string>{{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector:4317"},
                                          {"OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac: d"},
                                          {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                          {"OTEL_RESOURCE_ATTRIBUTES", "name"},
                                          {"OTEL_TRACES_SAMPLER", "always"},
                                          {"OTEL_TRACES_SAMPLER_ARG", "nan"},
                                          {"OTEL_SDK_DISABLED", "yes"}})
    EXPECT_FALSE(load_for(Command::serve, {{name, wrong}})) << name;
}

TEST(Load, NeverShowsASecret) {
  const std::string secret = "hunter2";
  for (const Variable& variable : variables()) {
    if (!variable.secret) continue;
    const std::string name = variable.is_family()
                                 ? std::string(variable.name.substr(0, variable.name.size() - 1)) + "x"
                                 : std::string(variable.name);
    for (const Command command : {Command::serve, Command::producer, Command::consumer}) {
      const auto loaded = load_for(command, {{name, secret}});
      EXPECT_EQ(testing::PrintToString(texts_of(loaded)).find(secret), std::string::npos);
      if (!loaded) continue;
      for (const EffectiveSetting& setting : loaded->effective) EXPECT_NE(setting.value, secret);
    }
  }
}

TEST(Load, ChecksADatabaseUrlAndNeverShowsIt) {
  for (const std::string good : {"postgres://db/x", "postgresql://me:p=w@db/x", "host=db user=me"})
    EXPECT_TRUE(load_for(Command::consumer, {{"DATABASE_URL", good}})) << good;
  for (const std::string bad : {"mysql://db/x", "db.example", "=x", "postgresql://me:s@cret@db/x",
                                "postgresql://me:secret@db/x?nonsense=1", "password=se cret host"})
    EXPECT_EQ(
        texts_of(load_for(Command::consumer, {{"DATABASE_URL", bad}})),
        (Lines{"DATABASE_URL: expected postgresql://user:password@host:port/database, special characters "
               "percent-encoded (an @ in the password as %40), or key=value pairs"}));
}

TEST(Load, RefusesUnsupportedCombinationsOfLogAndStore) {
  struct Case {
    Command command;
    Texts environment;
    Lines errors;
  };
  const std::vector<Case> cases = {
      {Command::serve,
       {{"EVENT_LOG", "kafka"}},
       {"METRICS_STORE=\"sqlite\" (the default of weir serve): with EVENT_LOG=\"kafka\" expected postgres"}},
      {Command::serve,
       {{"EVENT_LOG", "kafka"}, {"METRICS_STORE", "sqlite"}},
       {"METRICS_STORE=\"sqlite\": with EVENT_LOG=\"kafka\" expected postgres"}},
      {Command::producer,
       {{"EVENT_LOG", "embedded"}},
       {"EVENT_LOG=\"embedded\": weir producer shares the event log with other processes: expected kafka"}},
      {Command::consumer,
       {{"EVENT_LOG", "embedded"}, {"METRICS_STORE", "sqlite"}},
       {"EVENT_LOG=\"embedded\": weir consumer shares the event log with other processes: expected kafka",
        "METRICS_STORE=\"sqlite\": weir consumer shares the metrics store with other processes: expected "
        "postgres"}},
      {Command::serve, {}, {}},
      {Command::serve, {{"METRICS_STORE", "postgres"}}, {}},
      {Command::serve, {{"EVENT_LOG", "kafka"}, {"METRICS_STORE", "postgres"}}, {}},
      {Command::producer, {{"METRICS_STORE", "sqlite"}}, {}},
      {Command::consumer, {}, {}}};
  for (const Case& one : cases)
    EXPECT_EQ(texts_of(load_for(one.command, one.environment)), one.errors) << name_of(one.command);
}

TEST(Load, RefusesAnEventLimitAboveTheBodyLimit) {
  const auto loaded = load_for(Command::serve, {{"MAX_BODY_BYTES", "1000"}, {"MAX_EVENT_BYTES", "1001"}});
  EXPECT_EQ(
      texts_of(loaded),
      (Lines{"MAX_EVENT_BYTES=1001 is more than MAX_BODY_BYTES=1000: expected at most MAX_BODY_BYTES"}));
}

TEST(Environment, IsSplitAtTheFirstEqualsSign) {
  const std::array<const char*, 5> entries{"A=1", "B=x=y", "C=", "broken", nullptr};
  EXPECT_EQ(environment_of(entries.data()), (Texts{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
  EXPECT_TRUE(environment_of(nullptr).empty());
}

}  // namespace
}  // namespace weir::config
