// A Kafka cluster in memory, for tests of the producer without sockets: brokers with one topic, which check
// sequences as Kafka does and fail where a test says so. It also plays the connections: run() passes bytes
// between the two sides.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kafka_producer/producer.hpp"

namespace weir::kafka_producer {

struct StoredRecord {
  std::string key;
  std::string value;
};

// What the cluster does with one Produce request.
enum class ProduceFault : std::uint8_t {
  none,
  lose_request,   // the connection ends before the broker reads it
  lose_response,  // the broker writes it, and the connection ends before its answer
  no_answer,      // the broker neither writes it nor answers
};

// One thread.
class ScriptedCluster {
 public:
  ScriptedCluster(int brokers, int partitions);

  // Asked for each Produce request, if set.
  std::function<ProduceFault()> produce_fault;
  // Asked for each batch of a Produce request, if set: an error instead of writing it, or, if `after_write`
  // is set by the function, the error after writing it.
  struct BatchFault {
    kafka_protocol::ErrorCode error = kafka_protocol::ErrorCode::none;
    bool after_write = false;
  };
  std::function<BatchFault(std::int32_t partition)> batch_fault;
  // Called for each response, if set: returns the parts in which the producer receives it instead, changed or
  // not.
  std::function<std::vector<std::string>(std::string response)> change_response;
  kafka_protocol::ErrorCode topic_error = kafka_protocol::ErrorCode::none;
  bool is_up = true;                        // false: connections are refused
  std::size_t batch_bytes_max = 1'048'588;  // a larger batch is refused with MESSAGE_TOO_LARGE
  std::int32_t throttle_ms = 0;
  // With a value, each connection must log in with SASL PLAIN and this message, and again within the
  // lifetime. Any other request ends the connection before that.
  std::optional<std::string> login;
  std::chrono::milliseconds login_lifetime{0};

  // Executes the producer's commands and its own answers until neither side has anything to do.
  void run(Producer& producer, Now now);
  // Lets the time pass, then lets the producer send what waits, and runs.
  void run_after(std::chrono::milliseconds time, Producer& producer, Now& now);
  // Ends every connection, as a restart of all brokers does.
  void end_connections(Producer& producer, Now now);
  void move_leader(std::int32_t partition, std::int32_t broker) {
    partitions_.at(static_cast<std::size_t>(partition)).leader = broker;
  }
  // The brokers forget the last batches of all producers, as after an unclean leader election.
  void forget_producers();

  [[nodiscard]] const std::vector<StoredRecord>& log(std::int32_t partition) const {
    return partitions_.at(static_cast<std::size_t>(partition)).log;
  }
  [[nodiscard]] std::size_t times_stored(const std::string& value) const;
  [[nodiscard]] std::size_t produce_requests() const { return produce_requests_; }
  // Requests of all kinds.
  [[nodiscard]] std::size_t requests() const { return requests_; }
  [[nodiscard]] int logins() const { return logins_; }
  [[nodiscard]] std::size_t largest_request_batches() const { return largest_request_batches_; }

 private:
  struct Written {
    std::int64_t base_offset = 0;
    std::int32_t first_sequence = 0;
    std::int32_t next_sequence = 0;
  };
  struct Partition {
    std::int32_t leader = 0;
    std::vector<StoredRecord> log;
    std::map<std::int64_t, Written> producers;  // the last batch of each producer id
  };
  struct Connection {
    std::int32_t broker = 0;
    MonoTime logged_in_until = MonoTime::min();
  };

  void connect(Producer& producer, const Connect& command, Now now);
  void receive(Producer& producer, const Send& command, Now now);
  void end(Producer& producer, ConnectionId connection, Now now);
  std::string answer_login(Connection& connection, std::string_view body, MonoTime now);
  std::optional<std::string> answer_produce(std::int32_t broker, std::string_view body);
  kafka_protocol::ErrorCode write(std::int32_t broker, std::int32_t partition, std::string_view batch,
                                  std::int64_t& base_offset);
  [[nodiscard]] std::string answer_metadata() const;

  const int brokers_;
  std::vector<Partition> partitions_;
  std::map<ConnectionId, Connection> connections_;
  std::int64_t last_producer_id_ = 0;
  std::size_t requests_ = 0;
  std::size_t produce_requests_ = 0;
  int logins_ = 0;
  std::size_t largest_request_batches_ = 0;
};

}  // namespace weir::kafka_producer
