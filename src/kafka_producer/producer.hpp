// An idempotent Kafka producer for one topic, as a state machine without I/O: it receives events (records,
// connections, bytes, time) and returns commands (connect, send, close) and answers. KafkaProducerLog runs
// it on an io thread.
//
// How a record gets into Kafka: append() puts it into the open batch of its partition. flush() sends one
// Produce request to each broker that has none under way, with the first batch of each partition that this
// broker leads. Meanwhile further records gather. The response ends each batch: kept, refused, or sent
// again.
//
// Why a record is never written twice by this producer (ADR 14): a batch that was sent keeps its producer
// id, epoch, sequence and bytes until the broker's answer is final, and the partition sends nothing else
// meanwhile. So the broker recognises every repetition, and no record gets a second number while a copy
// under its first number may exist. A batch whose fate stays unknown is given up together with the producer
// id of its partition: later batches use a new id, from sequence 0.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka_protocol/messages.hpp"

namespace weir::kafka_producer {

struct ProducerSettings {
  std::string topic;
  std::vector<std::string> bootstrap;  // "host:port"; asked for the topic's metadata in turn
  std::string client_id = "weir";
  kafka_protocol::Compression compression = kafka_protocol::Compression::lz4;
  std::chrono::milliseconds linger{0};
  std::size_t batch_bytes_max = 1'000'000;  // encoded records; brokers take 1,048,588 by default
  std::size_t request_bytes_max = std::size_t{8} << 20U;  // of batches; at least one batch
  std::chrono::milliseconds request_timeout{3000};        // of one try
  std::chrono::milliseconds answer_timeout{9000};         // of a record, with all its tries
  std::chrono::milliseconds retry_pause{100};             // doubles up to retry_pause_max
  std::chrono::milliseconds retry_pause_max{1000};
  std::chrono::milliseconds metadata_interval{30'000};
  int tries_max = 3;  // where a broker refuses a batch that another try might write
};

// Identifies a connection in commands and events. A new connection to the same broker has a new id.
using ConnectionId = std::uint64_t;

struct Connect {
  ConnectionId connection = 0;
  std::string host;
  std::string port;
};
struct Send {
  ConnectionId connection = 0;
  std::string bytes;
};
struct Close {
  ConnectionId connection = 0;
};
using Command = std::variant<Connect, Send, Close>;

// The final answer to one append().
struct Answer {
  intake::ReceiptCallback receive;
  intake::Receipts receipts;  // `why.code` is empty: the caller words the error from `error`
  int error = 0;              // a code of the protocol, or LocalError; 0 where every record was kept
  MonoTime appended_at;
  std::size_t records = 0;
  std::size_t cost = 0;  // as append() was given it
};

// Errors of this producer's own, beside the protocol's (which are -1 and above). The numbers are
// librdkafka's.
enum LocalError : int {
  local_timed_out = -192,     // not answered within answer_timeout
  local_brokers_away = -187,  // no connection to a broker
  local_unknown_topic = -188,
  local_stopping = -152,  // given up by give_up()
};

struct WrittenTo {
  std::int32_t partition = 0;
  std::int64_t end = 0;  // the offset after the last record of the batch
};

struct ProducerCounts {
  std::uint64_t requests = 0;      // Produce requests sent
  std::uint64_t batches = 0;       // in them
  std::uint64_t retries = 0;       // batches sent again
  std::uint64_t producer_ids = 0;  // ids taken from the brokers
};

// One thread.
class Producer {
 public:
  explicit Producer(ProducerSettings settings);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer();

  // Copies the records into batches. The answer comes through take_answers(), exactly once.
  void append(intake::EventBatch events, intake::ReceiptCallback receive, std::size_t cost, Now now);
  // Sends what can be sent. Call it after append(), once for all appends of one turn of the event loop.
  void flush(Now now);
  // Handles deadlines. Call it at least every tick_interval() while the producer exists.
  void tick(Now now);
  [[nodiscard]] std::chrono::milliseconds tick_interval() const;

  void on_connected(ConnectionId connection, Now now);
  // `why` stands in log lines and errors. Also after a Connect that failed.
  void on_closed(ConnectionId connection, std::string_view why, Now now);
  void on_bytes(ConnectionId connection, std::string_view bytes, Now now);

  // Answers everything that is open: not_kept what was never sent, unknown what was. Closes all connections.
  void give_up();

  [[nodiscard]] std::vector<Command> take_commands() { return std::exchange(commands_, {}); }
  [[nodiscard]] std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }
  // Ends of partitions that grew since the last call.
  [[nodiscard]] std::vector<WrittenTo> take_written() { return std::exchange(written_, {}); }
  // Whether the last connection to a broker was lost since the last call.
  [[nodiscard]] bool take_brokers_lost() { return std::exchange(brokers_lost_, false); }
  [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }
  [[nodiscard]] const ProducerCounts& counts() const { return counts_; }

 private:
  struct Request;
  struct Ticket;
  struct Batch;
  struct Partition;
  struct Peer;
  using Requests = std::list<Request>;

  // Records (producer.cpp).
  void distribute(const intake::EventBatch& events, Requests::iterator request, Now now);
  [[nodiscard]] Partition& partition_of(std::string_view key);
  [[nodiscard]] Batch& open_batch(Partition& partition, std::size_t record_bytes, MonoTime now);
  void settle(const Ticket& ticket, intake::Receipt receipt, int error);
  void settle_all(Batch& batch, intake::Receipt receipt, int error);
  void finish(Requests::iterator request);
  void drop_front(Partition& partition);
  void expire(MonoTime now);
  void expire(Partition& partition, MonoTime now);

  // Produce requests and their responses (produce_requests.cpp).
  [[nodiscard]] bool is_sendable(Partition& partition, MonoTime now);
  void encode(Partition& partition, Batch& batch);
  void send_batches(Peer& peer, std::span<Partition* const> partitions, Now now);
  void on_produced(Peer& peer, const kafka_protocol::ProduceResponse& response, Now now);
  void on_batch_result(Partition& partition, int error, std::int64_t base_offset, MonoTime now);
  void retry(Partition& partition, kafka_protocol::ProduceVerdict verdict, int error, MonoTime now);
  void refuse(Partition& partition, int error);
  void split_front(Partition& partition);
  void on_batches_lost(Peer& peer, MonoTime now);
  void give_up_front(Partition& partition, int error);
  void forget_sequence(Partition& partition);

  // Connections, metadata, producer ids (connections.cpp).
  [[nodiscard]] Peer& peer_at(std::string_view host, std::string_view port);
  [[nodiscard]] Peer* find(ConnectionId connection);
  [[nodiscard]] Peer* any_ready_peer();
  void connect(Peer& peer, MonoTime now);
  void connect_where_needed(MonoTime now);
  void close(Peer& peer, std::string_view why, Now now);
  void on_lost(Peer& peer, Now now);
  template <class WriteBody>
  void send(Peer& peer, kafka_protocol::Api api, MonoTime now, const WriteBody& write);
  [[nodiscard]] bool on_response(Peer& peer, std::string_view response, Now now);
  [[nodiscard]] bool on_api_versions(Peer& peer, std::string_view body);
  void on_metadata(const kafka_protocol::MetadataResponse& response, Now now);
  void on_producer_id(const kafka_protocol::InitProducerIdResponse& response, MonoTime now);
  void want_metadata(MonoTime at);
  void ask_for_what_is_missing(Now now);

  const ProducerSettings settings_;
  kafka_protocol::BatchWriter batch_writer_;
  std::size_t batch_bytes_max_;  // falls where a broker refuses smaller batches

  Requests requests_;                                                         // open ones, the oldest first
  std::deque<std::pair<intake::EventBatch, Requests::iterator>> unassigned_;  // before the first metadata
  std::vector<std::unique_ptr<Partition>> partitions_;                        // by number
  std::size_t partition_count_ = 0;  // of the topic; fewer than partitions_ if it was made again with fewer
  std::vector<Partition*> pending_;  // those with a batch
  std::vector<std::unique_ptr<Batch>> spare_batches_;  // empty, with their memory
  std::size_t keyless_partition_ = 0;                  // of the records without a key in one append()

  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::pair<std::int32_t, Peer*>> brokers_;  // by broker id, as the last metadata said
  ConnectionId last_connection_ = 0;
  std::int32_t last_correlation_ = 0;
  std::size_t next_bootstrap_ = 0;
  bool brokers_lost_ = false;

  MonoTime metadata_at_ = MonoTime::min();  // when to ask next
  bool metadata_asked_ = false;             // a request is under way
  int topic_error_ = local_brokers_away;    // 0 once the topic is known

  std::optional<kafka_protocol::ProducerId> producer_id_;  // for partitions that have none
  bool producer_id_asked_ = false;
  MonoTime producer_id_at_ = MonoTime::min();

  std::vector<Command> commands_;
  std::vector<Answer> answers_;
  std::vector<WrittenTo> written_;
  ProducerCounts counts_;
};

}  // namespace weir::kafka_producer
