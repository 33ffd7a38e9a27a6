// The login on a connection (KIP-152, KIP-368): SaslHandshake names the mechanism, then each SaslAuthenticate
// carries one message of it. A broker may limit the lifetime of a login. Then the producer logs in again on
// the same connection before the lifetime ends. It sends no other request meanwhile; responses to earlier
// requests arrive first, because a broker answers in order.
#include <algorithm>

#include "kafka_producer/producer.hpp"
#include "kafka_producer/producer_state.hpp"

namespace weir::kafka_producer {
namespace {

using kafka_protocol::Api;
using kafka_protocol::ErrorCode;
using kafka_protocol::RequestWriter;
using std::chrono::milliseconds;

// tick() runs at least this often, so a login may begin this much later than planned.
constexpr milliseconds tick_delay{1000};

// Leaves a fifth of the lifetime for the login itself, and the delay of tick().
milliseconds time_to_next_login(milliseconds lifetime) {
  return std::max(lifetime * 4 / 5 - tick_delay, lifetime / 2);
}

}  // namespace

void Producer::begin_login(Peer& peer, MonoTime now) {
  peer.state = Peer::State::logging_in;
  peer.login_at = MonoTime::max();
  peer.login.emplace(*settings_.login, settings_.make_nonce());
  send(peer, Api::sasl_handshake, now, [this](RequestWriter& to, std::int32_t correlation) {
    to.sasl_handshake(correlation, sasl::name_of(settings_.login->mechanism));
  });
}

// Returns why the login cannot go on, or nothing.
std::optional<std::string> Producer::on_sasl_handshake(Peer& peer, std::string_view body, MonoTime now) {
  const auto response = kafka_protocol::parse_sasl_handshake(body);
  if (!response || !peer.login) return "the broker's response to the login does not follow the protocol";
  if (response->error != ErrorCode::none)
    return "the broker does not support the SASL mechanism " +
           std::string(sasl::name_of(settings_.login->mechanism)) + "; it supports " + response->mechanisms;
  send(peer, Api::sasl_authenticate, now, [&peer](RequestWriter& to, std::int32_t correlation) {
    to.sasl_authenticate(correlation, peer.login->first_message());
  });
  return std::nullopt;
}

std::optional<std::string> Producer::on_sasl_authenticate(Peer& peer, std::string_view body, MonoTime now) {
  const auto response = kafka_protocol::parse_sasl_authenticate(body);
  if (!response || !peer.login) return "the broker's response to the login does not follow the protocol";
  if (response->error != ErrorCode::none)
    return "the broker refused the login: " + response->error_text.substr(0, 200);
  const auto next = peer.login->on_message(response->message);
  if (!next) return next.error().text;
  if (*next) {
    send(peer, Api::sasl_authenticate, now,
         [&next](RequestWriter& to, std::int32_t correlation) { to.sasl_authenticate(correlation, **next); });
    return std::nullopt;
  }
  peer.login.reset();
  if (response->lifetime.count() > 0) peer.login_at = now + time_to_next_login(response->lifetime);
  on_ready(peer);
  return std::nullopt;
}

}  // namespace weir::kafka_producer
