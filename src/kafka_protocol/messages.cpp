// Each function writes or reads the fields in the order of the protocol's schema. Fields that Weir does not
// use are read and discarded; a comment names them. A Reader that fails returns zeros, so a parser checks it
// once at its end (whole()).
#include "kafka_protocol/messages.hpp"

#include <algorithm>

#include "kafka_protocol/wire.hpp"

namespace weir::kafka_protocol {
namespace {

constexpr std::int16_t acks_all = -1;

// A longer lifetime of a login is read as this one, so that calculations with it cannot overflow.
constexpr std::chrono::milliseconds login_lifetime_max = std::chrono::years(10);

// Returns the response, or nothing if the bytes ended too early.
template <class T>
std::optional<T> whole(const Reader& reader, T response) {
  if (reader.failed()) return std::nullopt;
  return response;
}

ErrorCode read_error(Reader& reader) { return static_cast<ErrorCode>(reader.integer<std::int16_t>()); }

void skip_int32_array(Reader& reader) {
  const std::size_t count = reader.array_size(sizeof(std::int32_t));
  static_cast<void>(reader.take(count * sizeof(std::int32_t)));
}

MetadataResponse::Partition read_partition(Reader& reader) {
  MetadataResponse::Partition partition;
  partition.error = read_error(reader);
  partition.id = reader.integer<std::int32_t>();
  partition.leader = reader.integer<std::int32_t>();
  reader.integer<std::int32_t>();  // leader epoch
  skip_int32_array(reader);        // replicas
  skip_int32_array(reader);        // in-sync replicas
  skip_int32_array(reader);        // replicas that are offline
  return partition;
}

}  // namespace

std::int16_t version_of(Api api) { return std::ranges::find(used_versions, api, &ApiUse::api)->version; }

// Writes the size as 0 and the header. Returns the position of the size, for end().
std::size_t RequestWriter::begin(Api api, std::int32_t correlation_id) {
  const std::size_t begun = out_.size();
  Writer to(out_);
  to.integer<std::int32_t>(0);  // size, by end()
  to.integer(static_cast<std::int16_t>(api));
  to.integer(version_of(api));
  to.integer(correlation_id);
  to.string(client_id_);
  return begun;
}

// Sets the size, which does not include itself.
void RequestWriter::end(std::size_t begun) {
  Writer(out_).replace(begun, static_cast<std::int32_t>(out_.size() - begun - sizeof(std::int32_t)));
}

void RequestWriter::api_versions(std::int32_t correlation_id) {
  end(begin(Api::api_versions, correlation_id));
}

void RequestWriter::metadata(std::int32_t correlation_id, std::string_view topic) {
  const std::size_t begun = begin(Api::metadata, correlation_id);
  Writer to(out_);
  to.integer<std::int32_t>(1);
  to.string(topic);
  to.integer<std::int8_t>(0);  // allow_auto_topic_creation
  end(begun);
}

void RequestWriter::init_producer_id(std::int32_t correlation_id) {
  const std::size_t begun = begin(Api::init_producer_id, correlation_id);
  Writer to(out_);
  to.null_string();                      // transactional id
  to.integer<std::int32_t>(0x7FFFFFFF);  // transaction timeout, which means nothing without transactions
  end(begun);
}

void RequestWriter::sasl_handshake(std::int32_t correlation_id, std::string_view mechanism) {
  const std::size_t begun = begin(Api::sasl_handshake, correlation_id);
  Writer(out_).string(mechanism);
  end(begun);
}

void RequestWriter::sasl_authenticate(std::int32_t correlation_id, std::string_view message) {
  const std::size_t begun = begin(Api::sasl_authenticate, correlation_id);
  Writer(out_).bytes(message);
  end(begun);
}

void RequestWriter::produce(std::int32_t correlation_id, std::string_view topic,
                            const std::vector<PartitionBatch>& batches, std::chrono::milliseconds timeout) {
  const std::size_t begun = begin(Api::produce, correlation_id);
  Writer to(out_);
  to.null_string();  // transactional id
  to.integer(acks_all);
  to.integer(static_cast<std::int32_t>(timeout.count()));
  to.integer<std::int32_t>(1);  // topics
  to.string(topic);
  to.integer(static_cast<std::int32_t>(batches.size()));
  for (const auto& batch : batches) {
    to.integer(batch.partition);
    to.bytes(batch.batch);
  }
  end(begun);
}

std::optional<Api> ApiVersionsResponse::missing(std::initializer_list<Api> needed) const {
  for (const Api api : needed) {
    const auto found = std::ranges::find(ranges, static_cast<std::int16_t>(api), &Range::api);
    const std::int16_t version = version_of(api);
    if (found == ranges.end() || version < found->min || version > found->max) return api;
  }
  return std::nullopt;
}

std::optional<ApiVersionsResponse> parse_api_versions(std::string_view body) {
  Reader reader(body);
  ApiVersionsResponse response;
  response.error = read_error(reader);
  const std::size_t count = reader.array_size(3 * sizeof(std::int16_t));
  for (std::size_t i = 0; i < count; ++i) {
    auto& range = response.ranges.emplace_back();
    range.api = reader.integer<std::int16_t>();
    range.min = reader.integer<std::int16_t>();
    range.max = reader.integer<std::int16_t>();
  }
  return whole(reader, std::move(response));
}

std::optional<MetadataResponse> parse_metadata(std::string_view body) {
  Reader reader(body);
  MetadataResponse response;
  reader.integer<std::int32_t>();  // throttle time
  // The arguments of array_size() are the minimum bytes of an element: its integers, and empty texts and
  // arrays.
  const std::size_t brokers = reader.array_size(12);
  for (std::size_t i = 0; i < brokers; ++i) {
    auto& broker = response.brokers.emplace_back();
    broker.id = reader.integer<std::int32_t>();
    broker.host = reader.string();
    broker.port = reader.integer<std::int32_t>();
    static_cast<void>(reader.nullable_string());  // rack
  }
  static_cast<void>(reader.nullable_string());  // cluster id
  reader.integer<std::int32_t>();               // controller
  const std::size_t topics = reader.array_size(9);
  for (std::size_t i = 0; i < topics; ++i) {
    response.topic_error = read_error(reader);
    static_cast<void>(reader.string());  // name
    reader.boolean();                    // is internal
    const std::size_t partitions = reader.array_size(26);
    response.partitions.reserve(partitions);
    for (std::size_t at = 0; at < partitions; ++at) response.partitions.push_back(read_partition(reader));
  }
  if (topics != 1) return std::nullopt;
  return whole(reader, std::move(response));
}

std::optional<InitProducerIdResponse> parse_init_producer_id(std::string_view body) {
  Reader reader(body);
  InitProducerIdResponse response;
  reader.integer<std::int32_t>();  // throttle time
  response.error = read_error(reader);
  response.producer.id = reader.integer<std::int64_t>();
  response.producer.epoch = reader.integer<std::int16_t>();
  return whole(reader, response);
}

std::optional<SaslHandshakeResponse> parse_sasl_handshake(std::string_view body) {
  Reader reader(body);
  SaslHandshakeResponse response;
  response.error = read_error(reader);
  const std::size_t count = reader.array_size(sizeof(std::int16_t));
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) response.mechanisms += ", ";
    response.mechanisms += reader.string();
  }
  return whole(reader, std::move(response));
}

std::optional<SaslAuthenticateResponse> parse_sasl_authenticate(std::string_view body) {
  Reader reader(body);
  SaslAuthenticateResponse response;
  response.error = read_error(reader);
  response.error_text = reader.nullable_string().value_or(std::string_view{});
  response.message = reader.bytes();
  const std::chrono::milliseconds lifetime{reader.integer<std::int64_t>()};
  response.lifetime = std::clamp(lifetime, std::chrono::milliseconds{0}, login_lifetime_max);
  return whole(reader, std::move(response));
}

std::optional<ProduceResponse> parse_produce(std::string_view body) {
  Reader reader(body);
  ProduceResponse response;
  const std::size_t topics = reader.array_size(6);
  for (std::size_t i = 0; i < topics; ++i) {
    static_cast<void>(reader.string());  // name
    const std::size_t partitions = reader.array_size(30);
    response.partitions.reserve(partitions);
    for (std::size_t at = 0; at < partitions; ++at) {
      auto& partition = response.partitions.emplace_back();
      partition.id = reader.integer<std::int32_t>();
      partition.error = read_error(reader);
      partition.base_offset = reader.integer<std::int64_t>();
      reader.integer<std::int64_t>();  // log append time
      reader.integer<std::int64_t>();  // log start offset
    }
  }
  response.throttle = std::chrono::milliseconds{std::max(0, reader.integer<std::int32_t>())};
  return whole(reader, std::move(response));
}

}  // namespace weir::kafka_protocol
