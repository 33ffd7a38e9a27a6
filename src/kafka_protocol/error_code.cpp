// One table has the verdict and the name of each code.
#include "kafka_protocol/error_code.hpp"

#include <algorithm>
#include <array>

namespace weir::kafka_protocol {
namespace {

struct Entry {
  ErrorCode code;
  ProduceVerdict verdict;
  std::string_view name;
};

// If it is not certain that a broker has not written the batch, the verdict is `retry_unsure`: then the batch
// is only sent again with the same bytes. An unknown code has this verdict, too.
constexpr std::array entries{
    Entry{ErrorCode::unknown_server_error, ProduceVerdict::retry_unsure, "UNKNOWN_SERVER_ERROR"},
    Entry{ErrorCode::none, ProduceVerdict::kept, "NONE"},
    Entry{ErrorCode::corrupt_message, ProduceVerdict::retry, "CORRUPT_MESSAGE"},
    Entry{ErrorCode::unknown_topic_or_partition, ProduceVerdict::retry_elsewhere,
          "UNKNOWN_TOPIC_OR_PARTITION"},
    Entry{ErrorCode::leader_not_available, ProduceVerdict::retry_elsewhere, "LEADER_NOT_AVAILABLE"},
    Entry{ErrorCode::not_leader_or_follower, ProduceVerdict::retry_elsewhere, "NOT_LEADER_OR_FOLLOWER"},
    Entry{ErrorCode::request_timed_out, ProduceVerdict::retry_unsure, "REQUEST_TIMED_OUT"},
    Entry{ErrorCode::replica_not_available, ProduceVerdict::retry_elsewhere, "REPLICA_NOT_AVAILABLE"},
    Entry{ErrorCode::message_too_large, ProduceVerdict::refused, "MESSAGE_TOO_LARGE"},
    Entry{ErrorCode::network_exception, ProduceVerdict::retry_unsure, "NETWORK_EXCEPTION"},
    Entry{ErrorCode::coordinator_load_in_progress, ProduceVerdict::retry, "COORDINATOR_LOAD_IN_PROGRESS"},
    Entry{ErrorCode::coordinator_not_available, ProduceVerdict::retry, "COORDINATOR_NOT_AVAILABLE"},
    Entry{ErrorCode::not_coordinator, ProduceVerdict::retry, "NOT_COORDINATOR"},
    Entry{ErrorCode::invalid_topic, ProduceVerdict::refused, "INVALID_TOPIC_EXCEPTION"},
    Entry{ErrorCode::record_list_too_large, ProduceVerdict::refused, "RECORD_LIST_TOO_LARGE"},
    Entry{ErrorCode::not_enough_replicas, ProduceVerdict::retry, "NOT_ENOUGH_REPLICAS"},
    Entry{ErrorCode::not_enough_replicas_after_append, ProduceVerdict::retry_unsure,
          "NOT_ENOUGH_REPLICAS_AFTER_APPEND"},
    Entry{ErrorCode::topic_authorization_failed, ProduceVerdict::refused, "TOPIC_AUTHORIZATION_FAILED"},
    Entry{ErrorCode::cluster_authorization_failed, ProduceVerdict::refused, "CLUSTER_AUTHORIZATION_FAILED"},
    Entry{ErrorCode::invalid_timestamp, ProduceVerdict::refused, "INVALID_TIMESTAMP"},
    Entry{ErrorCode::unsupported_sasl_mechanism, ProduceVerdict::refused, "UNSUPPORTED_SASL_MECHANISM"},
    Entry{ErrorCode::unsupported_version, ProduceVerdict::refused, "UNSUPPORTED_VERSION"},
    Entry{ErrorCode::policy_violation, ProduceVerdict::refused, "POLICY_VIOLATION"},
    Entry{ErrorCode::out_of_order_sequence_number, ProduceVerdict::sequence_lost,
          "OUT_OF_ORDER_SEQUENCE_NUMBER"},
    Entry{ErrorCode::duplicate_sequence_number, ProduceVerdict::kept, "DUPLICATE_SEQUENCE_NUMBER"},
    Entry{ErrorCode::invalid_producer_epoch, ProduceVerdict::sequence_lost, "INVALID_PRODUCER_EPOCH"},
    Entry{ErrorCode::kafka_storage_error, ProduceVerdict::retry_unsure, "KAFKA_STORAGE_ERROR"},
    Entry{ErrorCode::sasl_authentication_failed, ProduceVerdict::refused, "SASL_AUTHENTICATION_FAILED"},
    Entry{ErrorCode::unknown_producer_id, ProduceVerdict::sequence_lost, "UNKNOWN_PRODUCER_ID"},
    Entry{ErrorCode::fenced_leader_epoch, ProduceVerdict::retry_elsewhere, "FENCED_LEADER_EPOCH"},
    Entry{ErrorCode::unknown_leader_epoch, ProduceVerdict::retry_elsewhere, "UNKNOWN_LEADER_EPOCH"},
    Entry{ErrorCode::unsupported_compression_type, ProduceVerdict::refused, "UNSUPPORTED_COMPRESSION_TYPE"},
    Entry{ErrorCode::invalid_record, ProduceVerdict::refused, "INVALID_RECORD"},
    Entry{ErrorCode::throttling_quota_exceeded, ProduceVerdict::retry, "THROTTLING_QUOTA_EXCEEDED"},
    Entry{ErrorCode::producer_fenced, ProduceVerdict::sequence_lost, "PRODUCER_FENCED"},
    Entry{ErrorCode::unknown_topic_id, ProduceVerdict::retry_elsewhere, "UNKNOWN_TOPIC_ID"},
};

const Entry* find(ErrorCode code) {
  const auto* const found = std::ranges::find(entries, code, &Entry::code);
  return found == entries.end() ? nullptr : found;
}

}  // namespace

ProduceVerdict verdict_of(ErrorCode code) {
  const Entry* const entry = find(code);
  return entry == nullptr ? ProduceVerdict::retry_unsure : entry->verdict;
}

std::string_view name_of(ErrorCode code) {
  const Entry* const entry = find(code);
  return entry == nullptr ? "UNKNOWN" : entry->name;
}

}  // namespace weir::kafka_protocol
