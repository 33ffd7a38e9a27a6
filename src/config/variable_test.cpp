#include "config/variable.hpp"

#include <gtest/gtest.h>
#include <set>

namespace weir::config {
namespace {

const std::set<std::string_view> of_opentelemetry{
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_SDK_DISABLED",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
};

TEST(Variables, AreTheDocumentedOnes) {
  std::set<std::string_view> documented = {"KAFKA_BROKERS",
                                           "KAFKA_TOPIC",
                                           "KAFKA_GROUP_ID",
                                           "SERVER_PORT",
                                           "NUM_WORKERS",
                                           "FLUSH_INTERVAL_SEC",
                                           "BATCH_SIZE",
                                           "DB_HOST",
                                           "DB_PORT",
                                           "DB_USER",
                                           "DB_PASSWORD",
                                           "DB_NAME",
                                           "FLUSH_MIN_INTERVAL_MS",
                                           "CONSUMER_PORT",
                                           "DATA_DIR",
                                           "EVENT_LOG",
                                           "METRICS_STORE",
                                           "DATABASE_URL",
                                           "DB_POOL_SIZE",
                                           "HTTP_THREADS",
                                           "BIND_ADDRESS",
                                           "LOG_LEVEL",
                                           "LOG_FORMAT",
                                           "KAFKA_COMPRESSION",
                                           "KAFKA_LINGER_MS",
                                           "KAFKA_PARTITIONS",
                                           "KAFKA_PARTITION_KEY",
                                           "KAFKA_START",
                                           "ON_OFFSET_GONE",
                                           "KAFKA_PROPERTY_*",
                                           "MAX_EVENT_BYTES",
                                           "MAX_BODY_BYTES",
                                           "API_KEYS",
                                           "DASHBOARD_PASSWORD",
                                           "CORS_ORIGINS",
                                           "RATE_LIMIT_RPS",
                                           "RATE_LIMIT_BURST",
                                           "TRUSTED_PROXIES",
                                           "SCHEMA_DIR",
                                           "DIMENSIONS",
                                           "DEDUP_WINDOW_SEC",
                                           "DEDUP_WINDOW_EVENTS",
                                           "RETENTION_MINUTE_DAYS",
                                           "RETENTION_HOUR_DAYS",
                                           "RETENTION_DAY_DAYS",
                                           "RETENTION_METRICS_DAYS",
                                           "RETENTION_LOG_HOURS",
                                           "WEIR_API_KEY",
                                           "OTEL_*",
                                           "CONSUL_HTTP_ADDR",
                                           "CONSUL_HTTP_TOKEN",
                                           "CONSUL_PREFIX",
                                           "CONSUL_DATACENTER",
                                           "CONFIG_FILE",
                                           "TLS_CERT",
                                           "TLS_KEY"};
  documented.insert(of_opentelemetry.begin(), of_opentelemetry.end());
  std::set<std::string_view> table;
  for (const Variable& variable : variables())
    EXPECT_TRUE(table.insert(variable.name).second) << variable.name;
  EXPECT_EQ(table, documented);
}

TEST(Variables, HaveDefaultsThatTheyAccept) {
  for (const Variable& variable : variables())
    for (const std::string_view text : {variable.default_value, variable.serve_default}) {
      Settings settings;
      EXPECT_TRUE(text.empty() || variable.value_spec.read(text, settings)) << variable.name;
      EXPECT_FALSE(variable.value_spec.expected().empty()) << variable.name;
    }
}

TEST(Variables, HaveAHelpTextThatStandsAlone) {
  for (const Variable& variable : variables()) {
    EXPECT_GT(variable.help.size(), 5U) << variable.name;
    EXPECT_FALSE(variable.help.starts_with("of ") || variable.help.starts_with("and ")) << variable.name;
    EXPECT_FALSE(variable.help.ends_with('.')) << variable.name;
  }
}

TEST(Variables, AreFoundByNameAndByFamily) {
  EXPECT_EQ(find_variable("BATCH_SIZE")->name, "BATCH_SIZE");
  EXPECT_EQ(find_variable("KAFKA_PROPERTY_sasl_password")->name, "KAFKA_PROPERTY_*");
  EXPECT_EQ(find_variable("KAFKA_PROPERTY_"), nullptr);
  EXPECT_EQ(find_variable("BATCH"), nullptr);
}

TEST(ValueSpecs, LeaveTheSettingsUnchangedWhenTheyRefuse) {
  Settings settings;
  settings.batch_size = 42;
  EXPECT_FALSE(find_variable("BATCH_SIZE")->value_spec.read("0", settings));
  EXPECT_EQ(settings.batch_size, 42);
}

}  // namespace
}  // namespace weir::config
