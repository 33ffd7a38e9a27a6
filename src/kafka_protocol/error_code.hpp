// Error codes of Kafka's protocol (kafka.apache.org/protocol, "Error Codes"), as far as a producer meets
// them.
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

// What an error of one partition in a Produce response says about the batch, and what a producer may do.
enum class ProduceVerdict : std::uint8_t {
  kept,   // written, now or by an earlier try
  retry,  // not written by this try; the same batch may be sent again
  // The same, after asking for the partition's leader. Perhaps written: a broker that appended the batch and
  // then lost the leadership, before the other replicas confirmed, answers with these errors too.
  retry_elsewhere,
  retry_unsure,  // perhaps written by this try; the same batch, and nothing else, may be sent again
  sequence_lost,  // not written by this try: the broker rejects its sequence; a new producer id is needed
  refused,        // not written by this try, and it never will be
};
[[nodiscard]] ProduceVerdict verdict_of(ErrorCode code);

// The name in the protocol's table, in upper case; "UNKNOWN" for a number that is not listed above.
[[nodiscard]] std::string_view name_of(ErrorCode code);

}  // namespace weir::kafka_protocol
