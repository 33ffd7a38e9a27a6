// Errors of librdkafka and of the brokers, as Errors of this program. For .cpp files of this module only.
#pragma once

#include <librdkafka/rdkafka.h>
#include <string_view>

#include "base/result.hpp"

namespace weir::kafka {

// Maps an error code to an ErrorKind and to a stable code. The text is `action`, then librdkafka's
// description and its name of the error. Write `action` as "writing to the topic clicks".
//
//   ErrorKind::unavailable  librdkafka or the caller tries again:
//     broker_unavailable    no broker is reachable, or the partition or the group has no leader at the moment
//     timed_out             no response in time
//     topic_unknown         the topic or the partition does not exist, or the client has not seen it yet
//     not_authorised        an ACL denies the topic, the group or the cluster
//     not_authenticated     SASL refused the credentials or the mechanism
//     tls_failed            the TLS handshake failed
//     not_enough_replicas   fewer in-sync replicas than min.insync.replicas
//     broker_disk           the broker cannot write to its disk
//     log_full              the queue of this client is full
//     log_stopping          the record was purged, or the client is being destroyed
//     offset_out_of_range   the partition has no such offset
//     not_a_member          the group has removed this member, or is rebalancing
//     kafka_error           any other error
//   ErrorKind::invalid      the request or the record must change:
//     record_too_large, record_refused
//     topic_exists, topic_refused (its name, its configuration or a policy)
//     replication_refused   the cluster has fewer brokers than replicas
//   ErrorKind::internal     this client cannot continue; create another one:
//     kafka_fatal
[[nodiscard]] Error error_of(rd_kafka_resp_err_t error, std::string_view action);
// Returns only the code.
[[nodiscard]] std::string_view code_of(rd_kafka_resp_err_t error);

}  // namespace weir::kafka
