#include <algorithm>
#include <array>

#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

struct Meaning {
  rd_kafka_resp_err_t error;
  Move move;
  std::string_view code;
};

constexpr std::array meanings{
    Meaning{RD_KAFKA_RESP_ERR__TRANSPORT, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR__RESOLVE, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR__WAIT_COORD, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Move::peer, "broker_away"},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT, Move::peer, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, Move::peer, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, Move::peer, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Move::peer, "timed_out"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Move::peer, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, Move::peer, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Move::peer, "topic_unknown"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Move::peer, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Move::peer, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Move::peer, "not_authorised"},
    Meaning{RD_KAFKA_RESP_ERR__AUTHENTICATION, Move::peer, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Move::peer, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, Move::peer, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, Move::peer, "not_authenticated"},
    Meaning{RD_KAFKA_RESP_ERR__SSL, Move::peer, "tls_failed"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, Move::peer, "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, Move::peer, "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR__ISR_INSUFF, Move::peer, "not_enough_replicas"},
    Meaning{RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, Move::peer, "broker_disk"},
    Meaning{RD_KAFKA_RESP_ERR__QUEUE_FULL, Move::peer, "log_full"},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_QUEUE, Move::peer, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, Move::peer, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR__DESTROY, Move::peer, "log_stopping"},
    Meaning{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, Move::peer, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Move::peer, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR__NO_OFFSET, Move::peer, "offset_out_of_range"},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, Move::peer, "not_a_member"},
    Meaning{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Move::caller, "record_too_large"},
    Meaning{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, Move::caller, "record_too_large"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_RECORD, Move::caller, "record_refused"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, Move::caller, "topic_exists"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Move::caller, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, Move::caller, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_CONFIG, Move::caller, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, Move::caller, "topic_refused"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, Move::caller, "replication_refused"},
    Meaning{RD_KAFKA_RESP_ERR__FATAL, Move::ourselves, "kafka_fatal"},
    Meaning{RD_KAFKA_RESP_ERR__FENCED, Move::ourselves, "kafka_fatal"},
};

Meaning meaning_of(rd_kafka_resp_err_t error) {
  const auto* const found = std::ranges::find(meanings, error, &Meaning::error);
  return found != meanings.end() ? *found : Meaning{error, Move::peer, "kafka_error"};
}

}  // namespace

Error error_of(rd_kafka_resp_err_t error, std::string_view doing) {
  const auto meaning = meaning_of(error);
  std::string text(doing);
  text.append(": ").append(rd_kafka_err2str(error)).append(" (").append(rd_kafka_err2name(error)).append(")");
  return {meaning.move, meaning.code, std::move(text)};
}

std::string_view code_of(rd_kafka_resp_err_t error) { return meaning_of(error).code; }

}  // namespace weir::kafka
