// librdkafka's objects in move-only holders that release them. For .cpp files of this module only; client.hpp
// has the holders that public headers need.
#pragma once

#include <librdkafka/rdkafka.h>
#include <memory>

#include "kafka/client.hpp"

namespace weir::kafka {

// A std::unique_ptr whose deleter is a function of librdkafka.
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

}  // namespace weir::kafka
