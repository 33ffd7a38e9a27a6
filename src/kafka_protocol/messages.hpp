// The requests of a producer and their responses (kafka.apache.org/protocol, "The Messages"), in the last
// version of each that has no compact fields. Brokers from Kafka 2.1 on know all of them.
//
// A request goes over the connection as: size i32 of what follows, header (API key i16, version i16,
// correlation id i32, client id STRING), body. Its response: size i32, correlation id i32, body. Requests on
// one connection are answered in their order.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/error_code.hpp"
#include "kafka_protocol/record_batch.hpp"

namespace weir::kafka_protocol {

enum class Api : std::int16_t {
  produce = 0,
  metadata = 3,
  api_versions = 18,
  init_producer_id = 22,
};

struct ApiUse {
  Api api;
  std::int16_t version;
};
// The version in which Weir sends each request.
inline constexpr std::array<ApiUse, 4> used_versions{
    {{Api::produce, 7}, {Api::metadata, 7}, {Api::api_versions, 0}, {Api::init_producer_id, 1}}};
[[nodiscard]] std::int16_t version_of(Api api);

// A response larger than this is not read: the connection is closed. Metadata of one topic with 10,000
// partitions and three replicas takes about 0.5 MB.
inline constexpr std::size_t response_bytes_max = std::size_t{16} * 1024 * 1024;

// Each of these appends a whole request, with its size and header.
class RequestWriter {
 public:
  RequestWriter(std::string& out, std::string_view client_id) : out_(out), client_id_(client_id) {}

  void api_versions(std::int32_t correlation_id);
  // Of one topic; it is not created where it is missing.
  void metadata(std::int32_t correlation_id, std::string_view topic);
  // An id of an idempotent producer without transactions.
  void init_producer_id(std::int32_t correlation_id);

  struct PartitionBatch {
    std::int32_t partition = 0;
    std::string_view batch;  // as BatchWriter wrote it
  };
  // One batch for each of the partitions, acks=all. The broker answers within `timeout` of receiving it, with
  // REQUEST_TIMED_OUT for partitions whose replicas did not confirm by then.
  void produce(std::int32_t correlation_id, std::string_view topic,
               const std::vector<PartitionBatch>& batches, std::chrono::milliseconds timeout);

 private:
  [[nodiscard]] std::size_t begin(Api api, std::int32_t correlation_id);
  void end(std::size_t begun);

  std::string& out_;
  std::string_view client_id_;
};

struct ApiVersionsResponse {
  ErrorCode error = ErrorCode::none;
  struct Range {
    std::int16_t api = 0;
    std::int16_t min = 0;
    std::int16_t max = 0;
  };
  std::vector<Range> ranges;

  // The first API that the broker does not know in the version that Weir uses; nothing if it knows all that
  // `needed` names.
  [[nodiscard]] std::optional<Api> missing(std::initializer_list<Api> needed) const;
};

struct MetadataResponse {
  struct Broker {
    std::int32_t id = 0;
    std::string host;
    std::int32_t port = 0;
  };
  struct Partition {
    ErrorCode error = ErrorCode::none;
    std::int32_t id = 0;
    std::int32_t leader = -1;  // a broker's id; -1: none
  };
  std::vector<Broker> brokers;
  ErrorCode topic_error = ErrorCode::none;
  std::vector<Partition> partitions;
};

struct InitProducerIdResponse {
  ErrorCode error = ErrorCode::none;
  ProducerId producer;
};

struct ProduceResponse {
  struct Partition {
    std::int32_t id = 0;
    ErrorCode error = ErrorCode::none;
    std::int64_t base_offset = -1;
  };
  std::vector<Partition> partitions;
  std::chrono::milliseconds throttle{0};  // how long the broker asks the client to send it nothing
};

// Each reads the body of a response, after its correlation id. Nothing if the bytes are not such a response.
[[nodiscard]] std::optional<ApiVersionsResponse> parse_api_versions(std::string_view body);
// Of a request for one topic.
[[nodiscard]] std::optional<MetadataResponse> parse_metadata(std::string_view body);
[[nodiscard]] std::optional<InitProducerIdResponse> parse_init_producer_id(std::string_view body);
[[nodiscard]] std::optional<ProduceResponse> parse_produce(std::string_view body);

}  // namespace weir::kafka_protocol
