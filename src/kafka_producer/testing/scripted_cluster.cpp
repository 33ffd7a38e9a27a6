#include "kafka_producer/testing/scripted_cluster.hpp"

#include <algorithm>
#include <charconv>

#include "base/ensure.hpp"
#include "kafka_protocol/crc32c.hpp"
#include "kafka_protocol/wire.hpp"

namespace weir::kafka_producer {
namespace {

using kafka_protocol::Api;
using kafka_protocol::ErrorCode;
using kafka_protocol::Reader;
using kafka_protocol::Writer;

constexpr std::size_t header_bytes = kafka_protocol::batch_header_bytes;

std::string framed(std::int32_t correlation, std::string_view body) {
  std::string response;
  Writer to(response);
  to.integer(static_cast<std::int32_t>(sizeof(correlation) + body.size()));
  to.integer(correlation);
  response += body;
  return response;
}

std::string versions() {
  std::string body;
  Writer to(body);
  to.integer<std::int16_t>(0);
  to.integer(static_cast<std::int32_t>(kafka_protocol::used_versions.size()));
  for (const auto& use : kafka_protocol::used_versions) {
    to.integer(static_cast<std::int16_t>(use.api));
    to.integer<std::int16_t>(0);
    to.integer<std::int16_t>(20);
  }
  return body;
}

std::string handshake(std::string_view mechanism) {
  std::string body;
  Writer to(body);
  to.integer(static_cast<std::int16_t>(mechanism == "PLAIN" ? ErrorCode::none
                                                            : ErrorCode::unsupported_sasl_mechanism));
  to.integer<std::int32_t>(1);
  to.string("PLAIN");
  return body;
}

}  // namespace

ScriptedCluster::ScriptedCluster(int brokers, int partitions)
    : brokers_(brokers), partitions_(static_cast<std::size_t>(partitions)) {
  for (std::size_t i = 0; i < partitions_.size(); ++i)
    partitions_[i].leader = static_cast<std::int32_t>(i % static_cast<std::size_t>(brokers));
}

void ScriptedCluster::run(Producer& producer, Now now) {
  for (auto commands = producer.take_commands(); !commands.empty(); commands = producer.take_commands())
    for (auto& command : commands) {
      if (const auto* const asked = std::get_if<Connect>(&command)) connect(producer, *asked, now);
      if (const auto* const sent = std::get_if<Send>(&command)) receive(producer, *sent, now);
      if (const auto* const closed = std::get_if<Close>(&command)) connections_.erase(closed->connection);
    }
}

void ScriptedCluster::run_after(std::chrono::milliseconds time, Producer& producer, Now& now) {
  now.mono += time;
  now.wall += time;
  producer.tick(now);
  producer.flush(now);
  run(producer, now);
}

void ScriptedCluster::connect(Producer& producer, const Connect& command, Now now) {
  if (!is_up) return producer.on_closed(command.connection, local_brokers_away, "refused", now);
  // Any other host is the first broker too: the bootstrap servers, and names in a changed response.
  std::int32_t broker = 0;
  if (command.host.starts_with("broker"))
    std::from_chars(command.host.data() + 6, command.host.data() + command.host.size(), broker);
  connections_[command.connection] = {broker};
  producer.on_connected(command.connection, now);
}

void ScriptedCluster::end(Producer& producer, ConnectionId connection, Now now) {
  connections_.erase(connection);
  producer.on_closed(connection, local_brokers_away, "ended", now);
}

void ScriptedCluster::end_connections(Producer& producer, Now now) {
  while (!connections_.empty()) end(producer, connections_.begin()->first, now);
}

void ScriptedCluster::forget_producers() {
  for (auto& partition : partitions_)
    for (auto& [id, written] : partition.producers)
      written.next_sequence = written.first_sequence = 1'000'000;
}

std::string ScriptedCluster::answer_login(Connection& connection, std::string_view body, MonoTime now) {
  const bool is_right = body == login;
  if (is_right) {
    ++logins_;
    const bool is_limited = login_lifetime.count() > 0 && login_lifetime < std::chrono::years(1);
    connection.logged_in_until = is_limited ? now + login_lifetime : MonoTime::max();
  }
  std::string answer;
  Writer to(answer);
  to.integer(static_cast<std::int16_t>(is_right ? ErrorCode::none : ErrorCode::sasl_authentication_failed));
  if (is_right)
    to.null_string();
  else
    to.string("Invalid username or password");
  to.bytes("");
  to.integer(login_lifetime.count());
  return answer;
}

std::size_t ScriptedCluster::times_stored(const std::string& value) const {
  std::size_t times = 0;
  for (const auto& partition : partitions_)
    times += static_cast<std::size_t>(std::ranges::count(partition.log, value, &StoredRecord::value));
  return times;
}

void ScriptedCluster::receive(Producer& producer, const Send& command, Now now) {
  const auto found = connections_.find(command.connection);
  if (found == connections_.end()) return;
  ++requests_;
  Reader reader(command.bytes);
  reader.integer<std::int32_t>();
  const auto api = static_cast<Api>(reader.integer<std::int16_t>());
  reader.integer<std::int16_t>();
  const auto correlation = reader.integer<std::int32_t>();
  static_cast<void>(reader.string());
  std::optional<std::string> body;
  const bool is_login =
      api == Api::api_versions || api == Api::sasl_handshake || api == Api::sasl_authenticate;
  if (login && !is_login && found->second.logged_in_until < now.mono)
    return end(producer, command.connection, now);
  if (api == Api::sasl_handshake) body = handshake(reader.string());
  if (api == Api::sasl_authenticate) body = answer_login(found->second, reader.bytes(), now.mono);
  if (api == Api::api_versions) body = versions();
  if (api == Api::metadata) body = answer_metadata();
  if (api == Api::init_producer_id) {
    Writer to(body.emplace());
    to.integer<std::int32_t>(0);
    to.integer<std::int16_t>(0);
    to.integer(++last_producer_id_);
    to.integer<std::int16_t>(0);
  }
  if (api == Api::produce) {
    const ProduceFault fault = produce_fault ? produce_fault() : ProduceFault::none;
    if (fault == ProduceFault::no_answer) return;
    if (fault == ProduceFault::lose_request) return end(producer, command.connection, now);
    body = answer_produce(found->second.broker, reader.rest());
    if (fault == ProduceFault::lose_response) return end(producer, command.connection, now);
  }
  ensure(body.has_value(), "the producer sends only requests that the test knows");
  const std::string response = framed(correlation, *body);
  if (!change_response) return producer.on_bytes(command.connection, response, now);
  for (const auto& part : change_response(response)) producer.on_bytes(command.connection, part, now);
}

std::string ScriptedCluster::answer_metadata() const {
  std::string body;
  Writer to(body);
  to.integer<std::int32_t>(0);
  to.integer(brokers_);
  for (std::int32_t id = 0; id < brokers_; ++id) {
    to.integer(id);
    to.string("broker" + std::to_string(id));
    to.integer<std::int32_t>(9092);
    to.null_string();
  }
  to.null_string();
  to.integer<std::int32_t>(0);
  to.integer<std::int32_t>(1);
  to.integer(static_cast<std::int16_t>(topic_error));
  to.string("topic");
  to.integer<std::int8_t>(0);
  const bool is_known = topic_error == ErrorCode::none;
  to.integer(is_known ? static_cast<std::int32_t>(partitions_.size()) : 0);
  for (std::int32_t id = 0; is_known && id < static_cast<std::int32_t>(partitions_.size()); ++id) {
    to.integer<std::int16_t>(0);
    to.integer(id);
    to.integer(partitions_[static_cast<std::size_t>(id)].leader);
    to.integer<std::int32_t>(0);
    for (int list = 0; list < 3; ++list) to.integer<std::int32_t>(0);
  }
  return body;
}

std::optional<std::string> ScriptedCluster::answer_produce(std::int32_t broker, std::string_view body) {
  ++produce_requests_;
  Reader reader(body);
  static_cast<void>(reader.nullable_string());
  reader.integer<std::int16_t>();
  reader.integer<std::int32_t>();
  ensure(reader.array_size(1) == 1 && reader.string() == "topic", "one topic");
  const std::size_t batches = reader.array_size(1);
  largest_request_batches_ = std::max(largest_request_batches_, batches);
  std::string response;
  Writer to(response);
  to.integer<std::int32_t>(1);
  to.string("topic");
  to.integer(static_cast<std::int32_t>(batches));
  for (std::size_t i = 0; i < batches; ++i) {
    const auto partition = reader.integer<std::int32_t>();
    std::int64_t base_offset = -1;
    const ErrorCode error = write(broker, partition, reader.bytes(), base_offset);
    to.integer(partition);
    to.integer(static_cast<std::int16_t>(error));
    to.integer(base_offset);
    to.integer<std::int64_t>(-1);
    to.integer<std::int64_t>(0);
  }
  to.integer(throttle_ms);
  ensure(!reader.failed(), "the request can be read");
  return response;
}

// As Kafka's ProducerAppendInfo checks it: the batch that was written last is recognised, the next one must
// follow it.
ErrorCode ScriptedCluster::write(std::int32_t broker, std::int32_t partition, std::string_view batch,
                                 std::int64_t& base_offset) {
  if (partition < 0 || static_cast<std::size_t>(partition) >= partitions_.size())
    return ErrorCode::unknown_topic_or_partition;
  Partition& at = partitions_[static_cast<std::size_t>(partition)];
  const BatchFault fault = batch_fault ? batch_fault(partition) : BatchFault{};
  if (fault.error != ErrorCode::none && !fault.after_write) return fault.error;
  if (at.leader != broker) return ErrorCode::not_leader_or_follower;
  if (batch.size() > batch_bytes_max) return ErrorCode::message_too_large;
  Reader reader(batch);
  reader.integer<std::int64_t>();
  ensure(reader.integer<std::int32_t>() == static_cast<std::int32_t>(batch.size() - 12), "the length fits");
  reader.integer<std::int32_t>();
  ensure(reader.integer<std::int8_t>() == 2, "message format 2");
  ensure(reader.integer<std::uint32_t>() == kafka_protocol::crc32c_by_table(batch.substr(21)),
         "the checksum fits");
  reader.integer<std::int16_t>();
  reader.integer<std::int32_t>();
  const WallTime first_time{std::chrono::milliseconds{reader.integer<std::int64_t>()}};
  reader.integer<std::int64_t>();
  const auto producer = reader.integer<std::int64_t>();
  reader.integer<std::int16_t>();
  const auto sequence = reader.integer<std::int32_t>();
  const auto count = reader.integer<std::int32_t>();
  const auto last = at.producers.find(producer);
  if (last != at.producers.end()) {
    if (sequence == last->second.first_sequence) {
      base_offset = last->second.base_offset;
      return fault.error;  // a repetition
    }
    if (sequence != last->second.next_sequence) return ErrorCode::out_of_order_sequence_number;
  }
  base_offset = static_cast<std::int64_t>(at.log.size());
  at.producers[producer] = {base_offset, sequence, kafka_protocol::sequence_after(sequence, count)};
  const bool whole = kafka_protocol::for_each_record(
      batch.substr(header_bytes), count, first_time,
      [&](const auto& record) { at.log.push_back({std::string(record.key), std::string(record.value)}); });
  ensure(whole, "the records can be read (tests write them without compression)");
  return fault.error;
}

}  // namespace weir::kafka_producer
