#include "kafka/errors.hpp"

#include <algorithm>
#include <array>

namespace weir::kafka {
namespace {

// One row for each error that Weir handles differently from kafka_error. Kafka documents the protocol errors,
// without a double underscore; librdkafka documents its own.
struct Meaning {
  rd_kafka_resp_err_t error;
  ErrorKind kind;
  std::string_view code;
};

constexpr std::array meanings{
    Meaning{RD_KAFKA_RESP_ERR__TRANSPORT, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR__RESOLVE, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR__WAIT_COORD, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_COORDINATOR, ErrorKind::unavailable, "broker_unavailable"},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT, ErrorKind::unavailable, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ErrorKind::unavailable, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ErrorKind::unavailable, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ErrorKind::unavailable, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ErrorKind::unavailable, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ErrorKind::unavailable, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ErrorKind::unavailable, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ErrorKind::unavailable, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ErrorKind::unavailable, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ErrorKind::unavailable, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR__AUTHENTICATION, ErrorKind::unavailable, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ErrorKind::unavailable, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, ErrorKind::unavailable, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, ErrorKind::unavailable, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR__SSL, ErrorKind::unavailable, "tls_failed"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ErrorKind::unavailable, "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ErrorKind::unavailable,
            "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR__ISR_INSUFF, ErrorKind::unavailable, "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, ErrorKind::unavailable, "broker_disk"},
    Meaning{RD_KAFKA_RESP_ERR__QUEUE_FULL, ErrorKind::unavailable, "log_full"},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_QUEUE, ErrorKind::unavailable, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, ErrorKind::unavailable, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR__DESTROY, ErrorKind::unavailable, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ErrorKind::unavailable, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, ErrorKind::unavailable, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR__NO_OFFSET, ErrorKind::unavailable, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, ErrorKind::unavailable, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ErrorKind::invalid, "record_too_large"},
    Meaning{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ErrorKind::invalid, "record_too_large"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_RECORD, ErrorKind::invalid, "record_refused"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, ErrorKind::invalid, "topic_exists"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ErrorKind::invalid, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ErrorKind::invalid, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_CONFIG, ErrorKind::invalid, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ErrorKind::invalid, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ErrorKind::invalid, "replication_refused"},
    Meaning{RD_KAFKA_RESP_ERR__FATAL, ErrorKind::internal, "kafka_fatal"},
    Meaning{RD_KAFKA_RESP_ERR__FENCED, ErrorKind::internal, "kafka_fatal"},
};

// An error without a row may be temporary, so callers retry it.
Meaning meaning_of(rd_kafka_resp_err_t error) {
  const auto* const found = std::ranges::find(meanings, error, &Meaning::error);
  return found != meanings.end() ? *found : Meaning{error, ErrorKind::unavailable, "kafka_error"};
}

}  // namespace

Error error_of(rd_kafka_resp_err_t error, std::string_view action) {
  const auto meaning = meaning_of(error);
  std::string text(action);
  text.append(": ").append(rd_kafka_err2str(error)).append(" (").append(rd_kafka_err2name(error)).append(")");
  return {meaning.kind, meaning.code, std::move(text)};
}

std::string_view code_of(rd_kafka_resp_err_t error) { return meaning_of(error).code; }

}  // namespace weir::kafka
