// The requests of a producer and their responses (kafka.apache.org/protocol, "The Messages"), in the last
// version of each that has no compact fields. Brokers from Kafka 2.1 on support all of them.
//
// Request on the connection: size i32 of what follows, header (API key i16, version i16, correlation id i32,
// client id STRING), body. Response: size i32, correlation id i32, body. A broker responds to the requests of
// a connection in their order.
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

// The API keys of the requests that Weir sends.
enum class Api : std::int16_t {
  produce = 0,
  metadata = 3,
  sasl_handshake = 17,
  api_versions = 18,
  init_producer_id = 22,
  sasl_authenticate = 36,
};

struct ApiUse {
  Api api;
  std::int16_t version;
};
// The version in which Weir sends each request.
inline constexpr std::array<ApiUse, 6> used_versions{{{Api::produce, 7},
                                                      {Api::metadata, 7},
                                                      {Api::sasl_handshake, 1},
                                                      {Api::api_versions, 0},
                                                      {Api::init_producer_id, 1},
                                                      {Api::sasl_authenticate, 1}}};
[[nodiscard]] std::int16_t version_of(Api api);

// The maximum size of a response. The producer closes a connection that announces a larger one. Metadata of a
// topic with 10,000 partitions and three replicas takes about 0.5 MB.
inline constexpr std::size_t response_bytes_max = std::size_t{16} * 1024 * 1024;

// Writes requests. Each function appends one whole request to `out`, with its size and header. `out` and
// `client_id` must outlive the writer.
class RequestWriter {
 public:
  RequestWriter(std::string& out, std::string_view client_id) : out_(out), client_id_(client_id) {}

  // Requests the versions that the broker supports. Send this first on each connection.
  void api_versions(std::int32_t correlation_id);
  // Requests the brokers, and the partitions of one topic with their leaders. The broker does not create a
  // missing topic.
  void metadata(std::int32_t correlation_id, std::string_view topic);
  // Requests the id of an idempotent producer without transactions.
  void init_producer_id(std::int32_t correlation_id);

  // Begins a login with this mechanism. The broker accepts no request but SaslAuthenticate until the login
  // has ended. The same request on a connection that is logged in begins another login (KIP-368).
  void sasl_handshake(std::int32_t correlation_id, std::string_view mechanism);
  // Sends a message of the mechanism.
  void sasl_authenticate(std::int32_t correlation_id, std::string_view message);

  // A batch for Produce.
  struct PartitionBatch {
    std::int32_t partition = 0;
    // The output of BatchWriter::write().
    std::string_view batch;
  };
  // Sends one batch to each partition, with acks=all. The broker responds within `timeout`. A partition whose
  // replicas have not confirmed by then has the error REQUEST_TIMED_OUT.
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

  // Returns the first API of `needed` that the broker does not support in the version that Weir uses. Returns
  // nothing if it supports all of them.
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
    std::int32_t leader = -1;  // the id of a broker; -1: the partition has no leader
  };
  std::vector<Broker> brokers;
  ErrorCode topic_error = ErrorCode::none;
  std::vector<Partition> partitions;
};

struct InitProducerIdResponse {
  ErrorCode error = ErrorCode::none;
  ProducerId producer;
};

struct SaslHandshakeResponse {
  ErrorCode error = ErrorCode::none;
  // Those that the broker supports, joined by commas.
  std::string mechanisms;
};

struct SaslAuthenticateResponse {
  ErrorCode error = ErrorCode::none;
  std::string error_text;
  // The broker's message of the mechanism.
  std::string message;
  // After the last message: the broker closes the connection if it gets a request after this time without
  // another login. 0: the login has no end.
  std::chrono::milliseconds lifetime{0};
};

struct ProduceResponse {
  struct Partition {
    std::int32_t id = 0;
    ErrorCode error = ErrorCode::none;
    std::int64_t base_offset = -1;
  };
  std::vector<Partition> partitions;
  // The client must not send for this time (a quota of the broker).
  std::chrono::milliseconds throttle{0};
};

// Parse the body of a response, which follows the correlation id. `body` is untrusted: the result is nothing
// if it is not such a response.
[[nodiscard]] std::optional<ApiVersionsResponse> parse_api_versions(std::string_view body);
// For the response to a request for one topic.
[[nodiscard]] std::optional<MetadataResponse> parse_metadata(std::string_view body);
[[nodiscard]] std::optional<InitProducerIdResponse> parse_init_producer_id(std::string_view body);
[[nodiscard]] std::optional<SaslHandshakeResponse> parse_sasl_handshake(std::string_view body);
[[nodiscard]] std::optional<SaslAuthenticateResponse> parse_sasl_authenticate(std::string_view body);
[[nodiscard]] std::optional<ProduceResponse> parse_produce(std::string_view body);

}  // namespace weir::kafka_protocol
