// The parts of a Producer, for its own .cpp files.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "kafka_producer/producer.hpp"

namespace weir::kafka_producer {

// How long a response may take beyond the time that the broker has for it.
inline constexpr std::chrono::milliseconds answer_slack{500};

// One append() that is not answered yet.
struct Producer::Request {
  intake::ReceiptCallback receive;
  std::size_t records = 0;
  std::size_t open = 0;               // records without a receipt
  std::vector<intake::Receipt> each;  // empty while no receipt differs from `kept`
  int error = 0;
  MonoTime appended_at;
  std::size_t cost = 0;
};

// One record of a request, in the order of its batch.
struct Producer::Ticket {
  Requests::iterator request;
  std::uint32_t record = 0;
};

struct Producer::Batch {
  kafka_protocol::RecordSet records;
  std::vector<Ticket> tickets;  // empty once they are answered, though the batch may still be under way
  MonoTime oldest;              // when its first record was appended

  // From the first sending on. `encoded` stays as it is until the broker's answer is final.
  std::string encoded;
  std::int32_t first_sequence = 0;
  int tries = 0;
  bool maybe_written = false;  // by an earlier try, whose answer was lost or left it open
  int error = 0;               // of the last try

  void clear() {
    records.clear();
    tickets.clear();
    encoded.clear();
    tries = 0;
    maybe_written = false;
    error = 0;
  }
};

struct Producer::Partition {
  std::int32_t number = 0;
  Peer* leader = nullptr;
  std::deque<std::unique_ptr<Batch>> queue;  // only the front one is ever sent
  bool in_flight = false;                    // the front one is in a request under way
  bool is_pending = false;                   // in pending_
  MonoTime retry_at = MonoTime::min();

  std::optional<kafka_protocol::ProducerId> producer;  // of the sequences below
  std::int32_t next_sequence = 0;
};

struct Producer::Peer {
  enum class State : std::uint8_t { closed, connecting, asking_versions, ready };
  struct Asked {
    kafka_protocol::Api api;
    std::int32_t correlation = 0;
    MonoTime deadline;
  };

  std::string host;
  std::string port;
  bool is_leader = false;  // of a partition, so a connection is kept
  State state = State::closed;
  ConnectionId connection = 0;
  MonoTime connect_by;  // while connecting
  MonoTime retry_at = MonoTime::min();
  std::chrono::milliseconds retry_pause{0};
  std::string received;          // the beginning of a response
  std::deque<Asked> asked;       // requests without a response, in the order in which they were sent
  bool is_producing = false;     // a Produce request is among them
  std::vector<Partition*> sent;  // its partitions
  MonoTime throttled_until = MonoTime::min();

  [[nodiscard]] bool can_produce(MonoTime now) const {
    return state == State::ready && !is_producing && throttled_until <= now;
  }
};

// Sends the request that `write` writes with the given correlation id.
template <class WriteBody>
void Producer::send(Peer& peer, kafka_protocol::Api api, MonoTime now, const WriteBody& write) {
  Send command{peer.connection, {}};
  kafka_protocol::RequestWriter to(command.bytes, settings_.client_id);
  last_correlation_ = (last_correlation_ + 1) & 0x7FFFFFFF;
  write(to, last_correlation_);
  peer.asked.push_back({api, last_correlation_, now + settings_.request_timeout + answer_slack});
  commands_.push_back(std::move(command));
}

}  // namespace weir::kafka_producer
