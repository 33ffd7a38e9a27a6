// librdkafka's types in move-only holders, and its error codes in our words. For .cpp files of this room
// only.
#pragma once

#include <librdkafka/rdkafka.h>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "kafka/client.hpp"

namespace weir::kafka {

template <auto destroy>
struct DestroyWith {
  template <class T>
  void operator()(T* resource) const noexcept {
    destroy(resource);
  }
};
template <class T, auto destroy>
using Holder = std::unique_ptr<T, DestroyWith<destroy>>;

using EventHandle = Holder<rd_kafka_event_t, rd_kafka_event_destroy>;
using MessageHandle = Holder<rd_kafka_message_t, rd_kafka_message_destroy>;
using HeadersHandle = Holder<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using PartitionsHandle = Holder<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using MetadataHandle = Holder<const struct rd_kafka_metadata, rd_kafka_metadata_destroy>;
using NewTopicHandle = Holder<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using AdminOptionsHandle = Holder<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using RdErrorHandle = Holder<rd_kafka_error_t, rd_kafka_error_destroy>;

// What an error of librdkafka or of a broker means for us. `doing` begins the text: "making the topic
// clicks".
//
//   peer       broker_away (none reachable, or no leader just now), timed_out, topic_unknown, not_authorised,
//              not_authenticated, tls_failed, not_enough_replicas, broker_disk, log_full (librdkafka's own queue),
//              log_stopping (purged), offset_out_of_range, not_a_member (the group moved on), kafka_error (others)
//   caller     record_too_large, record_refused, topic_exists, topic_refused (its name or settings),
//              replication_refused (fewer brokers than that)
//   ourselves  kafka_fatal: this client can do nothing any more, make a new one
[[nodiscard]] Error error_of(rd_kafka_resp_err_t error, std::string_view doing);
// The code alone.
[[nodiscard]] std::string_view code_of(rd_kafka_resp_err_t error);

}  // namespace weir::kafka
