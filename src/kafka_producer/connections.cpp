// Connections to brokers, and all requests except Produce: ApiVersions, Metadata and InitProducerId.
//
// The producer opens a connection to each broker that leads a partition, and to a bootstrap address while it
// has no connection. A connection is ready when the broker's ApiVersions response has the versions that Weir
// uses, and the login is done (login.cpp). Any ready connection serves for Metadata and InitProducerId.
#include <algorithm>
#include <charconv>

#include "kafka_producer/producer.hpp"
#include "kafka_producer/producer_state.hpp"
#include "kafka_protocol/wire.hpp"

namespace weir::kafka_producer {
namespace {

using kafka_protocol::Api;
using kafka_protocol::ErrorCode;
using std::chrono::milliseconds;

constexpr milliseconds metadata_pause{250};

// Splits "host:port" or "[address]:port". The default port is 9092.
std::pair<std::string_view, std::string_view> host_and_port(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return {address, "9092"};
  auto host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

}  // namespace

Producer::Peer& Producer::peer_at(std::string_view host, std::string_view port) {
  for (const auto& peer : peers_)
    if (peer->host == host && peer->port == port) return *peer;
  auto& peer = *peers_.emplace_back(std::make_unique<Peer>(settings_.linger));
  peer.host = host;
  peer.port = port;
  return peer;
}

Producer::Peer* Producer::find(ConnectionId connection) {
  for (const auto& peer : peers_)
    if (peer->state != Peer::State::closed && peer->connection == connection) return peer.get();
  return nullptr;
}

bool Producer::has_ready_peer() const {
  return std::ranges::any_of(peers_, [](const auto& peer) { return peer->state == Peer::State::ready; });
}

// A broker that throttles this client reads no request of it for that time, and would seem not to answer.
Producer::Peer* Producer::any_ready_peer(MonoTime now) {
  for (const auto& peer : peers_)
    if (peer->state == Peer::State::ready && peer->throttled_until <= now) return peer.get();
  return nullptr;
}

void Producer::connect(Peer& peer, MonoTime now) {
  peer.state = Peer::State::connecting;
  peer.connection = ++last_connection_;
  peer.connect_by = now + settings_.request_timeout;
  commands_.push_back(Connect{peer.connection, peer.host, peer.port});
}

void Producer::connect_where_needed(MonoTime now) {
  bool any = false;  // true if a peer is connected or connecting
  for (const auto& peer : peers_) {
    if (peer->state == Peer::State::closed && peer->is_leader && peer->retry_at <= now) connect(*peer, now);
    any = any || peer->state != Peer::State::closed;
  }
  if (any || settings_.bootstrap.empty()) return;
  const auto [host, port] =
      host_and_port(settings_.bootstrap[next_bootstrap_++ % settings_.bootstrap.size()]);
  Peer& peer = peer_at(host, port);
  if (peer.retry_at <= now) connect(peer, now);
}

void Producer::on_connected(ConnectionId connection, Now now) {
  Peer* const peer = find(connection);
  if (peer == nullptr || peer->state != Peer::State::connecting) return;
  peer->state = Peer::State::asking_versions;
  send(*peer, Api::api_versions, now.mono,
       [](kafka_protocol::RequestWriter& to, std::int32_t correlation) { to.api_versions(correlation); });
}

void Producer::on_closed(ConnectionId connection, LocalError error, std::string_view why, Now now) {
  if (Peer* const peer = find(connection)) on_lost(*peer, error, why, now);
}

void Producer::close(Peer& peer, LocalError error, std::string_view why, Now now) {
  commands_.push_back(Close{peer.connection});
  on_lost(peer, error, why, now);
}

void Producer::on_lost(Peer& peer, LocalError error, std::string_view why, Now now) {
  // A broker closes connections that are idle for some minutes (connections.max.idle.ms). This is no failure.
  const bool is_failure = peer.state != Peer::State::ready || !peer.asked.empty();
  peer.state = Peer::State::closed;
  peer.received.clear();
  peer.login.reset();
  peer.login_at = MonoTime::max();
  for (const auto& asked : std::exchange(peer.asked, {})) {
    if (asked.api == Api::metadata) metadata_asked_ = false;
    if (asked.api == Api::init_producer_id) producer_id_asked_ = false;
  }
  if (is_failure) {
    failures_.push_back({peer.host + ":" + peer.port, error, std::string(why)});
    connection_error_ = error == local_brokers_away ? 0 : error;
    peer.retry_pause = std::clamp(2 * peer.retry_pause, settings_.retry_pause, settings_.retry_pause_max);
    peer.retry_at = now.mono + peer.retry_pause;
    want_metadata(now.mono);  // another broker may lead the partitions now
  }
  if (peer.is_producing) on_batches_lost(peer, now.mono);
  if (is_failure && !has_ready_peer()) brokers_lost_ = true;
}

void Producer::on_bytes(ConnectionId connection, std::string_view bytes, Now now) {
  Peer* const peer = find(connection);
  if (peer == nullptr) return;
  // Most reads return a whole response, which needs no copy.
  const bool gathered = !peer->received.empty();
  if (gathered) peer->received.append(bytes);
  std::string_view rest = gathered ? std::string_view(peer->received) : bytes;
  while (rest.size() >= sizeof(std::int32_t)) {
    const auto size = kafka_protocol::Reader(rest).integer<std::int32_t>();
    if (size < 0 || static_cast<std::size_t>(size) > kafka_protocol::response_bytes_max)
      return close(*peer, local_brokers_away, "it sent something that is no Kafka response", now);
    const std::size_t whole = sizeof(std::int32_t) + static_cast<std::size_t>(size);
    if (rest.size() < whole) break;
    const ConnectionId same = peer->connection;
    if (!on_response(*peer, rest.substr(sizeof(std::int32_t), static_cast<std::size_t>(size)), now))
      return close(*peer, local_brokers_away, "it sent a response that does not fit the request", now);
    if (find(same) == nullptr) return;  // the response was a refusal of the login
    rest.remove_prefix(whole);
  }
  if (rest.empty())
    peer->received = std::string();
  else if (gathered)  // not a new copy: a large response comes in many parts
    peer->received.erase(0, peer->received.size() - rest.size());
  else
    peer->received.assign(rest);
  ask_for_what_is_missing(now);
  connect_where_needed(now.mono);
  flush(now);
}

// Returns false if the response does not conform to the protocol, or its correlation id is not that of the
// oldest request.
bool Producer::on_response(Peer& peer, std::string_view response, Now now) {
  kafka_protocol::Reader reader(response);
  const auto correlation = reader.integer<std::int32_t>();
  if (reader.failed() || peer.asked.empty() || peer.asked.front().correlation != correlation) return false;
  const Api api = peer.asked.front().api;
  if (api == Api::api_versions && !on_api_versions(peer, reader.rest(), now.mono)) return false;
  if (api == Api::sasl_handshake || api == Api::sasl_authenticate) {
    const auto refusal = api == Api::sasl_handshake ? on_sasl_handshake(peer, reader.rest(), now.mono)
                                                    : on_sasl_authenticate(peer, reader.rest(), now.mono);
    peer.asked.pop_front();
    if (refusal) close(peer, local_login_failed, *refusal, now);
    return true;
  }
  if (api == Api::metadata) {
    const auto metadata = kafka_protocol::parse_metadata(reader.rest());
    if (!metadata) return false;
    metadata_asked_ = false;
    on_metadata(*metadata, now);
  }
  if (api == Api::init_producer_id) {
    const auto producer = kafka_protocol::parse_init_producer_id(reader.rest());
    if (!producer) return false;
    producer_id_asked_ = false;
    on_producer_id(*producer, now.mono);
  }
  if (api == Api::produce) {
    const auto produced = kafka_protocol::parse_produce(reader.rest());
    if (!produced) return false;
    on_produced(peer, *produced, now);
  }
  peer.asked.pop_front();
  return true;
}

bool Producer::on_api_versions(Peer& peer, std::string_view body, MonoTime now) {
  const auto versions = kafka_protocol::parse_api_versions(body);
  if (!versions || versions->error != ErrorCode::none) return false;
  if (versions->missing({Api::produce, Api::metadata, Api::init_producer_id})) return false;
  if (!settings_.login) {
    on_ready(peer);
    return true;
  }
  if (versions->missing({Api::sasl_handshake, Api::sasl_authenticate})) return false;
  begin_login(peer, now);
  return true;
}

void Producer::on_ready(Peer& peer) {
  peer.state = Peer::State::ready;
  peer.retry_pause = milliseconds{0};
  connection_error_ = 0;
}

// Updates the leaders of all partitions. The first metadata with partitions distributes the waiting requests.
void Producer::on_metadata(const kafka_protocol::MetadataResponse& response, Now now) {
  metadata_at_ = now.mono + settings_.metadata_interval;
  if (response.topic_error != ErrorCode::none || response.partitions.empty()) {
    topic_error_ = response.topic_error == ErrorCode::none ? static_cast<int>(ErrorCode::leader_not_available)
                                                           : static_cast<int>(response.topic_error);
    return want_metadata(now.mono + metadata_pause);
  }
  topic_error_ = 0;
  partition_count_ = response.partitions.size();
  brokers_.clear();
  for (const auto& peer : peers_) peer->is_leader = false;
  for (const auto& broker : response.brokers)
    brokers_.emplace_back(broker.id, &peer_at(broker.host, std::to_string(broker.port)));
  while (partitions_.size() < partition_count_) {
    auto& partition = *partitions_.emplace_back(std::make_unique<Partition>());
    partition.number = static_cast<std::int32_t>(partitions_.size() - 1);
  }
  for (const auto& partition : partitions_) partition->leader = nullptr;
  for (const auto& seen : response.partitions) {
    if (seen.id < 0 || static_cast<std::size_t>(seen.id) >= partitions_.size()) continue;
    const auto leader = std::ranges::find(brokers_, seen.leader, &decltype(brokers_)::value_type::first);
    if (leader == brokers_.end()) {
      want_metadata(now.mono + metadata_pause);
      continue;
    }
    partitions_[static_cast<std::size_t>(seen.id)]->leader = leader->second;
    leader->second->is_leader = true;
  }
  for (auto& [events, request] : std::exchange(unassigned_, {})) distribute(events, request, now);
}

void Producer::on_producer_id(const kafka_protocol::InitProducerIdResponse& response, MonoTime now) {
  producer_id_at_ = now + settings_.retry_pause;
  if (response.error != ErrorCode::none) {
    producer_id_at_ = now + settings_.retry_pause_max;
    for (Partition* const partition : pending_)
      if (!partition->queue.empty()) partition->queue.front()->error = static_cast<int>(response.error);
    return;
  }
  producer_id_ = response.producer;
  ++counts_.producer_ids;
}

// The error of records that were never sent: why there is no connection, if that is known.
int Producer::error_without_try() const { return has_ready_peer() ? 0 : connection_error_; }

void Producer::want_metadata(MonoTime at) { metadata_at_ = std::min(metadata_at_, at); }

// Sends a Metadata request if it is due, and an InitProducerId request if there is no id. At most one request
// of each kind is open.
void Producer::ask_for_what_is_missing(Now now) {
  Peer* const peer = any_ready_peer(now.mono);
  if (peer == nullptr) return;
  if (!metadata_asked_ && metadata_at_ <= now.mono) {
    metadata_asked_ = true;
    metadata_at_ = now.mono + settings_.metadata_interval;
    send(*peer, Api::metadata, now.mono, [this](kafka_protocol::RequestWriter& to, std::int32_t correlation) {
      to.metadata(correlation, settings_.topic);
    });
  }
  if (!producer_id_asked_ && !producer_id_ && producer_id_at_ <= now.mono) {
    producer_id_asked_ = true;
    send(*peer, Api::init_producer_id, now.mono,
         [](kafka_protocol::RequestWriter& to, std::int32_t correlation) {
           to.init_producer_id(correlation);
         });
  }
}

}  // namespace weir::kafka_producer
