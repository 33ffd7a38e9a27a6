// send() blocks the thread of the command until the receipts are known. A LogSender gets them on a thread of
// the log; a ServiceSender gets one receipt for the whole part from the reply of the service.
#include "app/replay_sender.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <utility>

#include "app/control_file.hpp"
#include "app/directory_lock.hpp"
#include "app/replay_endpoint.hpp"
#include "base/limits.hpp"
#include "commit/metrics_store.hpp"
#include "consumer/log_reader.hpp"
#include "http/client.hpp"
#include "importer/weir_answer.hpp"
#include "kafka/event_log.hpp"
#include "sqlite/event_log.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {
namespace {

using intake::Receipt;
using intake::Receipts;

constexpr std::chrono::seconds broker_wait_max{10};

// Appends to a log that this process has opened. `lock` is that of DATA_DIR, for the embedded log.
class LogSender final : public cli::ReplaySender {
 public:
  LogSender(std::string topic, std::unique_ptr<telemetry::Logger> logger, std::optional<DirectoryLock> lock)
      : topic_(std::move(topic)), logger_(std::move(logger)), lock_(std::move(lock)) {}

  void use(std::unique_ptr<intake::EventLog> log) { log_ = std::move(log); }
  [[nodiscard]] telemetry::Logger& logger() { return *logger_; }

  Receipts send(std::span<const report::DeadLetterRow> rows) override {
    // The promise outlives the callback: get() returns only after the callback has set the value.
    std::promise<Receipts> promise;
    auto receipts = promise.get_future();
    log_->append(replay_batch(topic_, rows),
                 [&promise](Receipts received) { promise.set_value(std::move(received)); });
    return receipts.get();
  }

 private:
  const std::string topic_;
  const std::unique_ptr<telemetry::Logger> logger_;
  const std::optional<DirectoryLock> lock_;  // released after the log is closed
  std::unique_ptr<intake::EventLog> log_;
};

// Asks the service that has the embedded log.
class ServiceSender final : public cli::ReplaySender {
 public:
  ServiceSender(http::BaseUrl base, const Control& control)
      : client_(std::move(base), {.trust = {.ca_file = {}, .fingerprint = control.fingerprint}}),
        token_(control.token) {}

  Receipts send(std::span<const report::DeadLetterRow> rows) override {
    std::string ids;
    for (const report::DeadLetterRow& row : rows)
      ids += std::to_string(row.partition) + '/' + std::to_string(row.offset) + '\n';
    auto response =
        client_.send("POST", std::string(replay_path), {{std::string(token_header), token_}}, ids);
    if (!response) {
      Error why = std::move(response).error();
      // Without a connection the service received nothing. After that, the reply may be lost while the log
      // has the replays.
      const bool sent = why.code != http::Client::connect_failed;
      return {.all = sent ? Receipt::unknown : Receipt::not_kept, .each = {}, .why = std::move(why)};
    }
    if (response->status == 200) return {.all = Receipt::kept, .each = {}, .why = {}};
    const auto error = importer::weir_error(*response);
    // 503 and the statuses 4xx of Weir promise that nothing was sent. 500 and a reply of another program
    // promise nothing.
    const Receipt receipt = response->status == 500 || !error ? Receipt::unknown : Receipt::not_kept;
    return {.all = receipt,
            .each = {},
            .why = {ErrorKind::unavailable, "replay_refused",
                    error ? *error : importer::describe_foreign(*response, client_.base())}};
  }

 private:
  http::Client client_;
  const std::string token_;
};

// Only warnings and errors: the command has an output of its own.
std::unique_ptr<telemetry::Logger> make_quiet_logger() {
  return telemetry::make_logger(telemetry::Severity::warn, false);
}

Result<std::unique_ptr<cli::ReplaySender>> open_kafka_sender(const config::Settings& settings) {
  auto sender = std::make_unique<LogSender>(settings.kafka_topic, make_quiet_logger(), std::nullopt);
  // A dead letter may be larger than an event may be.
  auto log = kafka::KafkaEventLog::open({.cluster = {.brokers = settings.kafka.brokers,
                                                     .topic = settings.kafka_topic,
                                                     .properties = settings.kafka.properties},
                                         .partitions = settings.kafka.partitions,
                                         .compression = settings.kafka.compression,
                                         .event_bytes_max = std::max(settings.max_event_bytes, limits::MiB)},
                                        sender->logger());
  if (!log) return propagate(log);
  // A producer connects in the background. Waiting here gives one clear error instead of a failed part.
  if (!(*log)->await_up(broker_wait_max))
    return fail(ErrorKind::unavailable, "log_away",
                "Kafka at " + settings.kafka.brokers + " is not reachable: " + (*log)->health().reason);
  sender->use(std::move(*log));
  return sender;
}

Result<std::unique_ptr<cli::ReplaySender>> open_file_sender(const config::Settings& settings,
                                                            DirectoryLock lock) {
  auto sender = std::make_unique<LogSender>(settings.kafka_topic, make_quiet_logger(), std::move(lock));
  // A failed fsync is also the receipt of the append.
  auto log = sqlite::EmbeddedLog::open({.file = settings.data_dir / "events.db"}, sender->logger(), {});
  if (!log) return propagate(log);
  sender->use(std::move(*log));
  return sender;
}

Result<std::unique_ptr<cli::ReplaySender>> open_service_sender(const config::Settings& settings,
                                                               const Error& in_use) {
  // The file is absent while a service starts or stops, and in versions before it.
  const auto control = read_control_file(settings.data_dir);
  auto base = control ? http::parse_base_url(control->url) : fail(ErrorKind::invalid, "", "");
  if (base) return std::make_unique<ServiceSender>(std::move(*base), *control);
  return fail(ErrorKind::unavailable, "service_starting",
              in_use.text + ", which offers no replay: it is starting or stopping, or of another version");
}

}  // namespace

intake::EventBatch replay_batch(const std::string& topic, std::span<const report::DeadLetterRow> rows) {
  intake::EventBatch batch;
  for (const report::DeadLetterRow& row : rows) {
    // Keys and values of all records lie one after the other in `bytes`; a slice has their positions.
    intake::RecordSlice slice;
    slice.key_at = static_cast<std::uint32_t>(batch.bytes.size());
    batch.bytes += row.key.value_or("");
    slice.value_at = static_cast<std::uint32_t>(batch.bytes.size());
    batch.bytes += row.value.value_or("");
    slice.key_bytes = slice.value_at - slice.key_at;
    slice.value_bytes = static_cast<std::uint32_t>(batch.bytes.size()) - slice.value_at;
    slice.headers.push_back(
        {std::string(consumer::replay_header), commit::to_text({topic, row.partition, row.offset})});
    batch.records.push_back(std::move(slice));
  }
  return batch;
}

Result<std::unique_ptr<cli::ReplaySender>> open_replay_sender(const config::Settings& settings) {
  if (settings.event_log == config::EventLogKind::kafka) return open_kafka_sender(settings);
  std::error_code ignored;
  const auto file = settings.data_dir / "events.db";
  if (!std::filesystem::exists(file, ignored))
    return fail(ErrorKind::invalid, "cannot_open",
                file.string() + " does not exist; expected the DATA_DIR of a weir serve, or EVENT_LOG=kafka");
  // The lock decides who may write to the embedded log: this process, or the service that holds it.
  auto lock = DirectoryLock::acquire(settings.data_dir);
  if (lock) return open_file_sender(settings, std::move(*lock));
  if (lock.error().code == "directory_in_use") return open_service_sender(settings, lock.error());
  return propagate(lock);
}

}  // namespace weir::app
