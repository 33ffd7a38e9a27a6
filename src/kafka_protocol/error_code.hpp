// The error codes of Kafka's protocol that a producer can receive (kafka.apache.org/protocol, "Error Codes").
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::kafka_protocol {

enum class ErrorCode : std::int16_t {
  unknown_server_error = -1,
  none = 0,
  corrupt_message = 2,
  unknown_topic_or_partition = 3,
  leader_not_available = 5,
  not_leader_or_follower = 6,
  request_timed_out = 7,
  replica_not_available = 9,
  message_too_large = 10,
  network_exception = 13,
  coordinator_load_in_progress = 14,
  coordinator_not_available = 15,
  not_coordinator = 16,
  invalid_topic = 17,
  record_list_too_large = 18,
  not_enough_replicas = 19,
  not_enough_replicas_after_append = 20,
  topic_authorization_failed = 29,
  cluster_authorization_failed = 31,
  invalid_timestamp = 32,
  unsupported_sasl_mechanism = 33,
  unsupported_version = 35,
  policy_violation = 44,
  out_of_order_sequence_number = 45,
  duplicate_sequence_number = 46,
  invalid_producer_epoch = 47,
  kafka_storage_error = 56,
  sasl_authentication_failed = 58,
  unknown_producer_id = 59,
  fenced_leader_epoch = 74,
  unknown_leader_epoch = 75,
  unsupported_compression_type = 76,
  invalid_record = 87,
  throttling_quota_exceeded = 89,
  producer_fenced = 90,
  unknown_topic_id = 100,
};

// The meaning of an error of one partition in a Produce response: whether this try wrote the batch, and what
// the producer may do next.
enum class ProduceVerdict : std::uint8_t {
  // Written by this try or by an earlier one.
  kept,
  // Not written by this try. The producer may send the same batch again.
  retry,
  // The partition may have another leader: request the metadata, then send the same batch again. This try may
  // have written it: a broker also returns these errors if it appended the batch and lost the leadership
  // before the other replicas confirmed.
  retry_elsewhere,
  // This try may have written the batch. The producer may send the same bytes again and nothing else.
  retry_unsure,
  // Not written by this try, because the broker rejects the sequence. The producer needs a new producer id.
  sequence_lost,
  // Not written by this try. Another try would have the same result.
  refused,
};
// Returns the verdict of a code, or `retry_unsure` for a number that is not listed above.
[[nodiscard]] ProduceVerdict verdict_of(ErrorCode code);

// Returns the name in the protocol's table in upper case, or "UNKNOWN" for a number that is not listed above.
[[nodiscard]] std::string_view name_of(ErrorCode code);

}  // namespace weir::kafka_protocol
