// The private types of Producer. Only producer.cpp, produce_requests.cpp, connections.cpp and login.cpp
// include this file.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "kafka_producer/gather_time.hpp"
#include "kafka_producer/producer.hpp"

namespace weir::kafka_producer {

// The time for a response beyond the time that the request gives to the broker.
inline constexpr std::chrono::milliseconds answer_slack{500};

// One append() without an answer yet. Its records can be in batches of several partitions.
struct Producer::Request {
  intake::ReceiptCallback receive;
  std::size_t records = 0;
  // The number of records without a receipt. The request is answered when it is 0.
  std::size_t open = 0;
  // The receipt of each record; empty while all receipts are `kept`.
  std::vector<intake::Receipt> each;
  int error = 0;
  MonoTime appended_at;
  std::size_t cost = 0;
};

// Refers from a record of a batch to its request. A batch has its tickets in the order of its records.
struct Producer::Ticket {
  Requests::iterator request;
  std::uint32_t record = 0;
};

// Records of one partition that are written together. A batch is open for records until it is encoded.
struct Producer::Batch {
  kafka_protocol::RecordSet records;
  // Empty after the records are answered. The batch can still be in a request then.
  std::vector<Ticket> tickets;
  // The times of the append() of the first and of the last record.
  MonoTime oldest;
  MonoTime newest;

  // Set by the first try. `encoded` and `first_sequence` do not change until the result of the batch is
  // final.
  std::string encoded;
  std::int32_t first_sequence = 0;
  int tries = 0;
  // True if an earlier try may have written the batch: its response was lost, or it does not say so.
  bool maybe_written = false;
  // The error of the last try.
  int error = 0;

  void clear() {
    records.clear();
    tickets.clear();
    encoded.clear();
    tries = 0;
    maybe_written = false;
    error = 0;
  }
};

// A partition of the topic and its batches.
struct Producer::Partition {
  std::int32_t number = 0;
  // Null if the partition has no leader now.
  Peer* leader = nullptr;
  // Batches in the order of their first records. Only the front one is ever sent.
  std::deque<std::unique_ptr<Batch>> queue;
  // True while the front batch is in a request without a response.
  bool in_flight = false;
  // True if the partition is in pending_.
  bool is_pending = false;
  // The front batch is not sent before this time.
  MonoTime retry_at = MonoTime::min();

  // The producer id of the sequences. Absent before the first batch and after forget_sequence().
  std::optional<kafka_protocol::ProducerId> producer;
  std::int32_t next_sequence = 0;
};

// An address of a broker, and the connection to it if there is one.
//
//   closed ── Connect ──▶ connecting ── on_connected() ──▶ asking_versions ── response ──▶ ready
//                                                                │                       ▲ │
//                                                          if there is a login ──▶ logging_in ◀ before the
//                                                                                          login ends
//
// A lost connection, a deadline and a wrong response lead from each state back to closed.
struct Producer::Peer {
  explicit Peer(std::chrono::milliseconds linger) : gather_time(linger) {}

  enum class State : std::uint8_t { closed, connecting, asking_versions, logging_in, ready };
  // A request without a response.
  struct Asked {
    kafka_protocol::Api api;
    std::int32_t correlation = 0;
    MonoTime deadline;
  };

  std::string host;
  std::string port;
  // True if the broker leads a partition. The producer keeps a connection to it.
  bool is_leader = false;
  State state = State::closed;
  ConnectionId connection = 0;
  // The deadline of the state `connecting`.
  MonoTime connect_by;
  // The next Connect is not before this time.
  MonoTime retry_at = MonoTime::min();
  std::chrono::milliseconds retry_pause{0};
  // The login of the state `logging_in`.
  std::optional<sasl::Exchange> login;
  // The time of the next login on this connection.
  MonoTime login_at = MonoTime::max();
  // The first bytes of an incomplete response.
  std::string received;
  // In the order of sending, which is the order of the responses.
  std::deque<Asked> asked;
  // True if one of these requests is a Produce request.
  bool is_producing = false;
  // The partitions of this Produce request.
  std::vector<Partition*> sent;
  // The partitions that have a batch for the next Produce request, and what waits in them. flush() sets both.
  std::vector<Partition*> ready;
  Gathered gathered;
  GatherTime gather_time;
  // The broker asked for no Produce request before this time (quota).
  MonoTime throttled_until = MonoTime::min();

  [[nodiscard]] bool can_produce(MonoTime now) const {
    return state == State::ready && !is_producing && throttled_until <= now;
  }
};

// Sends a request. Calls `write` with a writer and the correlation id for the request.
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
