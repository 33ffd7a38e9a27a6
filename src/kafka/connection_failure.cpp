// librdkafka's reason is "NAME: TEXT (after 5ms in state SSL_HANDSHAKE, 1 identical error(s) suppressed)".
// The last parenthesis differs each time and is removed, so that the owner can compare two failures.
#include "kafka/connection_failure.hpp"

#include <string>

#include "kafka/errors.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

constexpr int first_version_with_correct_scram = 0x020601ff;

std::string without_duration(std::string reason) {
  if (const auto at = reason.rfind(" (after "); at != std::string::npos && reason.ends_with(')'))
    reason.resize(at);
  return reason;
}

}  // namespace

std::string_view scram_advice(std::string_view reason, int librdkafka_version) {
  if (librdkafka_version >= first_version_with_correct_scram || !reason.contains("SCRAM")) return {};
  return "; if the password is right: this version of librdkafka cannot log in with SCRAM to Kafka 4.0 or "
         "later; install librdkafka 2.6.1 or later";
}

void ConnectionFailure::collect(rd_kafka_s* client) {
  const QueueHandle queue(rd_kafka_queue_get_main(client));
  while (const EventHandle event{rd_kafka_queue_poll(queue.get(), 0)}) {
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
    const std::string reason = without_duration(rd_kafka_event_error_string(event.get()));
    auto error = rd_kafka_event_error(event.get());
    // An alert after the handshake, for example about a missing client certificate of TLS 1.3.
    if (error == RD_KAFKA_RESP_ERR__TRANSPORT && reason.contains("SSL routines"))
      error = RD_KAFKA_RESP_ERR__SSL;
    const auto code = code_of(error);
    if (code == "broker_unavailable" || code == "timed_out") continue;
    last_ = error_of(error, "connecting to Kafka");
    last_->text.append(": ").append(reason);
    if (code == "not_authenticated") last_->text.append(scram_advice(reason, rd_kafka_version()));
  }
}

}  // namespace weir::kafka
