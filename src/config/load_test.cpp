#include "config/load.hpp"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

using namespace std::chrono_literals;

std::expected<Loaded, std::vector<Fault>> load_for(Command command, Texts environment,
                                                   Texts command_line = {}) {
  return load(
      {.command = command, .environment = std::move(environment), .command_line = std::move(command_line)});
}

std::vector<std::string> texts_of(const std::expected<Loaded, std::vector<Fault>>& loaded) {
  std::vector<std::string> texts;
  if (!loaded)
    for (const Fault& fault : loaded.error()) texts.push_back(fault.text);
  return texts;
}

const InForce* shown(const Loaded& loaded, std::string_view name) {
  for (const InForce& setting : loaded.in_force)
    if (setting.name == name) return &setting;
  return nullptr;
}

using Lines = std::vector<std::string>;

TEST(Load, GivesServeItsDefaults) {
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
  EXPECT_EQ(settings.log_level, LogLevel::info);
  EXPECT_EQ(settings.max_event_bytes, untouched.max_event_bytes);
  EXPECT_EQ(settings.max_body_bytes, untouched.max_body_bytes);
  EXPECT_EQ(settings.dedup_window, 600s);
  EXPECT_EQ(settings.dedup_window_events, 1'000'000);
  EXPECT_EQ(settings.retention_minute, std::chrono::days(7));
  EXPECT_EQ(settings.retention_hour, std::chrono::days(400));
  EXPECT_EQ(settings.retention_day, std::chrono::days(0));
  EXPECT_EQ(settings.retention_metrics, std::chrono::days(90));
  EXPECT_EQ(settings.retention_log, 72h);
  EXPECT_TRUE(loaded->notes.empty());
}

TEST(Load, WaitsHalfAMinuteForAFlushOutsideServe) {
  const auto loaded = load_for(Command::stats, {});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.flush_interval, 30s);
}

TEST(Load, PutsTheCommandLineBeforeTheEnvironmentBeforeTheDefault) {
  const auto loaded =
      load_for(Command::serve, {{"SERVER_PORT", "9001"}, {"BATCH_SIZE", "7"}}, {{"SERVER_PORT", "9002"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.server_port, 9002);
  EXPECT_EQ(loaded->settings.batch_size, 7);
  EXPECT_EQ(shown(*loaded, "SERVER_PORT")->origin, Origin::command_line);
  EXPECT_EQ(shown(*loaded, "BATCH_SIZE")->origin, Origin::environment);
  EXPECT_EQ(shown(*loaded, "NUM_WORKERS")->origin, Origin::fallback);
}

TEST(Load, TakesAnEmptyVariableForUnset) {
  const auto loaded = load_for(Command::serve, {{"BATCH_SIZE", ""}, {"API_KEYS", ""}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.batch_size, 100);
  EXPECT_EQ(shown(*loaded, "BATCH_SIZE")->origin, Origin::fallback);
}

TEST(Load, LeavesOtherPeoplesVariablesAlone) {
  EXPECT_TRUE(load_for(Command::serve, {{"PATH", "/bin"}, {"BATCH_SIZE_MAX", "x"}, {"KAFKA", "x"}}));
}

TEST(Load, LogsAsTextOnATerminalUnlessToldOtherwise) {
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

TEST(Load, RefusesAMalformedValueNamingItAndWhatWasExpected) {
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
      {"KAFKA_COMPRESSION", "brotli", "none, gzip, snappy, lz4 or zstd"},
      {"KAFKA_PARTITION_KEY", "metadata.", "user_id, activity_type, metadata.<member> or none"},
      {"RATE_LIMIT_RPS", "fast", "a whole number from 0 to 1000000"},
  };
  for (const Case& one : cases) {
    const auto loaded = load_for(Command::serve, {{one.name, one.value}});
    EXPECT_EQ(texts_of(loaded), (Lines{one.name + "=\"" + one.value + "\": expected " + one.expected}));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().front().variable, one.name);
  }
}

TEST(Load, TakesEachBoundItself) {
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

TEST(Load, NamesAllFaultsAtOnce) {
  const auto loaded =
      load_for(Command::serve, {{"BATCH_SIZE", "x"}, {"API_KEYS", "me:s3cret"}, {"DB_PORT", "0"}},
               {{"LOG_LEVEL", "loud"}, {"NO_SUCH", "1"}});
  EXPECT_EQ(texts_of(loaded), (Lines{"NO_SUCH is not a setting of Weir",
                                     "BATCH_SIZE=\"x\": expected a whole number from 1 to 200000",
                                     "DB_PORT=\"0\": expected a whole number from 1 to 65535",
                                     "LOG_LEVEL=\"loud\": expected debug, info, warn or error",
                                     "API_KEYS is set, but this version does not support it yet; unset it"}));
}

TEST(Load, RefusesWhatItCannotDoYetInsteadOfIgnoringIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"API_KEYS", "a:b"},           {"DASHBOARD_PASSWORD", "x"},  {"RATE_LIMIT_RPS", "5"},
      {"RATE_LIMIT_BURST", "5"},     {"TRUSTED_PROXIES", "::1/1"}, {"TLS_CERT", "a.pem"},
      {"TLS_KEY", "a.key"},          {"SCHEMA_DIR", "schemas"},    {"CONSUL_HTTP_ADDR", "localhost:8500"},
      {"CONSUL_HTTP_TOKEN", "t"},    {"CONSUL_PREFIX", "mine"},    {"CONFIG_FILE", "weir.conf"},
      {"CORS_ORIGINS", "a.example"}, {"KAFKA_START", "latest"},    {"KAFKA_PROPERTY_acks", "0"}};
  for (const auto& [name, value] : cases) {
    const auto loaded = load_for(Command::serve, {{name, value}});
    ASSERT_EQ(texts_of(loaded).size(), 1U) << name;
    EXPECT_TRUE(texts_of(loaded)[0].starts_with(name));
    EXPECT_TRUE(texts_of(loaded)[0].ends_with("is set, but this version does not support it yet; unset it"));
    EXPECT_TRUE(load_for(Command::import, {{name, value}})) << name << " is no matter of import's";
  }
}

TEST(Load, TakesTheDefaultOfWhatItCannotDoYet) {
  EXPECT_TRUE(load_for(Command::serve, {{"CORS_ORIGINS", "*"},
                                        {"RATE_LIMIT_RPS", "0"},
                                        {"CONSUL_PREFIX", "weir"},
                                        {"KAFKA_START", "earliest"}}));
}

TEST(Load, AcceptsAndDoesNotUseWhatBelongsToAnotherCombination) {
  const auto loaded = load_for(Command::serve, {{"KAFKA_BROKERS", "kafka:9092"},
                                                {"DB_HOST", "db"},
                                                {"DB_PASSWORD", "s3cret"},
                                                {"DATABASE_URL", "postgres://me:s3cret@db/x"},
                                                {"KAFKA_LINGER_MS", "5"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(shown(*loaded, "KAFKA_BROKERS")->variable->standing, Standing::elsewhere);
  EXPECT_EQ(shown(*loaded, "DB_USER"), nullptr);
}

TEST(Load, NotesTelemetryThatIsNotSentYet) {
  const auto loaded = load_for(Command::serve, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->notes,
            (Lines{"OTEL_EXPORTER_OTLP_ENDPOINT is set, but this version does not support it yet: ignored"}));
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
      for (const InForce& setting : loaded->in_force) EXPECT_NE(setting.value, secret);
    }
  }
}

TEST(Load, RefusesALogAndAStoreThatDoNotGoTogether) {
  struct Case {
    Command command;
    Texts environment;
    std::string fault;
  };
  const std::vector<Case> cases = {
      {Command::serve,
       {{"EVENT_LOG", "kafka"}},
       "METRICS_STORE=\"sqlite\": the Kafka log goes with PostgreSQL only: expected postgres"},
      {Command::consumer,
       {{"METRICS_STORE", "sqlite"}},
       "METRICS_STORE=\"sqlite\": the Kafka log goes with PostgreSQL only: expected postgres"},
      {Command::producer,
       {{"EVENT_LOG", "embedded"}},
       "EVENT_LOG=\"embedded\": weir producer shares its log with other processes: expected kafka"},
      {Command::consumer,
       {{"EVENT_LOG", "embedded"}},
       "EVENT_LOG=\"embedded\": weir consumer shares its log with other processes: expected kafka"},
      {Command::producer,
       {},
       "EVENT_LOG=\"kafka\" (the default of weir producer): this version does not support it yet; weir serve "
       "with "
       "EVENT_LOG=embedded works"},
      {Command::serve,
       {{"METRICS_STORE", "postgres"}},
       "METRICS_STORE=\"postgres\": this version does not support it yet; weir serve with "
       "METRICS_STORE=sqlite works"}};
  for (const Case& one : cases) {
    const Lines texts = texts_of(load_for(one.command, one.environment));
    EXPECT_NE(std::ranges::find(texts, one.fault), texts.end()) << one.fault << "\n"
                                                                << testing::PrintToString(texts);
  }
}

TEST(Load, WantsABodyToHoldAnEvent) {
  const auto loaded = load_for(Command::serve, {{"MAX_BODY_BYTES", "1000"}, {"MAX_EVENT_BYTES", "1001"}});
  EXPECT_EQ(texts_of(loaded),
            (Lines{"MAX_EVENT_BYTES=1001 is more than MAX_BODY_BYTES=1000: expected at most as much"}));
}

TEST(Environment, IsSplitAtTheFirstEqualsSign) {
  const std::array<const char*, 5> entries{"A=1", "B=x=y", "C=", "broken", nullptr};
  EXPECT_EQ(environment_of(entries.data()), (Texts{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
  EXPECT_TRUE(environment_of(nullptr).empty());
}

}  // namespace
}  // namespace weir::config
