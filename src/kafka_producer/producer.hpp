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
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "kafka_protocol/messages.hpp"
#include "sasl/exchange.hpp"

namespace weir::kafka_producer {

struct ProducerSettings {
  std::string topic;
  // Addresses as "host:port". The producer connects to the next one in turn while it has no connection.
  std::vector<std::string> bootstrap;
  std::string client_id = "weir";
  kafka_protocol::Compression compression = kafka_protocol::Compression::lz4;
  // The time that the records of a request wait for further ones (GatherTime). 0: up to 4 ms while records
  // keep arriving, else none.
  std::chrono::milliseconds linger{0};
  // Bytes of the encoded records of a batch before compression. Brokers accept 1,048,588 by default.
  std::size_t batch_bytes_max = 1'000'000;
  // Bytes of the batches of one Produce request. A request has at least one batch.
  std::size_t request_bytes_max = std::size_t{8} << 20U;
  // The time for one try. The broker has this time for its response.
  std::chrono::milliseconds request_timeout{3000};
  // The time from append() to the answer, including all tries.
  std::chrono::milliseconds answer_timeout{9000};
  // The pause before a second try of a batch or a connection. It doubles up to retry_pause_max.
  std::chrono::milliseconds retry_pause{100};
  std::chrono::milliseconds retry_pause_max{1000};
  // The interval of metadata requests if no error asks for one earlier.
  std::chrono::milliseconds metadata_interval{30'000};
  // The maximum number of tries of a batch for which a broker returns temporary errors. It does not apply to
  // errors of a change of the leader and to REQUEST_TIMED_OUT.
  int tries_max = 3;
  // The login on each connection. Absent: the brokers want none.
  std::optional<sasl::Credentials> login;
  std::function<std::string()> make_nonce = &sasl::random_nonce;
};

// Identifies a connection in commands and events. A new connection to the same broker has a new id.
using ConnectionId = std::uint64_t;

// Opens a connection. Report the result through on_connected() or on_closed().
struct Connect {
  ConnectionId connection = 0;
  std::string host;
  std::string port;
};
// Sends bytes after all earlier ones of this connection.
struct Send {
  ConnectionId connection = 0;
  std::string bytes;
};
// Closes a connection without a report: no on_closed() follows.
struct Close {
  ConnectionId connection = 0;
};
using Command = std::variant<Connect, Send, Close>;

// The final answer to one append().
struct Answer {
  // The callback of append(). The caller of take_answers() calls it.
  intake::ReceiptCallback receive;
  // `why` is empty. The caller of take_answers() sets it from `error`.
  intake::Receipts receipts;
  // A code of the protocol or a LocalError; 0 if all records were kept.
  int error = 0;
  MonoTime appended_at;
  std::size_t records = 0;
  // The argument of append().
  std::size_t cost = 0;
};

// Errors of this producer. They differ from the codes of the protocol, which are >= -1. The numbers are those
// of librdkafka.
enum LocalError : int {
  local_timed_out = -192,      // the record was not written within answer_timeout
  local_brokers_away = -187,   // there is no connection to a broker
  local_tls_failed = -181,     // a TLS session with a broker failed
  local_login_failed = -169,   // a broker refused the login
  local_unknown_topic = -188,  // the topic does not exist
  local_stopping = -152,       // give_up() was called
};

// A connection that could not be made, or was lost while it was in use.
struct ConnectionFailure {
  std::string broker;  // host and port
  LocalError error = local_brokers_away;
  std::string why;
};

// Reports that a batch was written to the end of a partition.
struct WrittenTo {
  std::int32_t partition = 0;
  std::int64_t end = 0;  // the offset after the last record of the batch
};

// Totals since the producer was created.
struct ProducerCounts {
  std::uint64_t requests = 0;      // Produce requests
  std::uint64_t batches = 0;       // batches in these requests, including repeated ones
  std::uint64_t retries = 0;       // repeated batches
  std::uint64_t producer_ids = 0;  // producer ids that brokers have assigned
};

// Not thread-safe. After each call that handles an event, execute take_commands() and deliver take_answers().
// A record takes memory until its answer; the caller limits the sum of `cost` (kafka::EventLogState).
class Producer {
 public:
  explicit Producer(ProducerSettings settings);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer();

  // Copies the records into batches. take_answers() returns the answer exactly once, within answer_timeout
  // plus tick_interval().
  void append(intake::EventBatch events, intake::ReceiptCallback receive, std::size_t cost, Now now);
  // Sends what is due. Call it after append(), once for all appends of one turn of the event loop, and at
  // flush_at().
  void flush(Now now);
  // Returns when the records are due that wait for further ones; MonoTime::max() if none do.
  [[nodiscard]] MonoTime flush_at() const { return flush_at_; }
  // Handles deadlines: answers expired records, closes connections that do not respond, connects again. Call
  // it at least every tick_interval() while the producer exists.
  void tick(Now now);
  [[nodiscard]] std::chrono::milliseconds tick_interval() const;

  // Events of connections. Each of them ignores an id that is closed already.
  void on_connected(ConnectionId connection, Now now);
  // The connection was lost, or a Connect failed. `error`: local_tls_failed or local_brokers_away.
  void on_closed(ConnectionId connection, LocalError error, std::string_view why, Now now);
  // `bytes` are the next bytes from the broker, cut at any position.
  void on_bytes(ConnectionId connection, std::string_view bytes, Now now);

  // Answers all open records: `unknown` for records that may have been written, `not_kept` for the others.
  // Closes all connections. Required before the destructor.
  void give_up();

  // Return what the calls since the last call have produced, in order.
  [[nodiscard]] std::vector<Command> take_commands() { return std::exchange(commands_, {}); }
  [[nodiscard]] std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }
  [[nodiscard]] std::vector<WrittenTo> take_written() { return std::exchange(written_, {}); }
  [[nodiscard]] std::vector<ConnectionFailure> take_failures() { return std::exchange(failures_, {}); }
  // Returns true if the last connection to a broker was lost since the last call.
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

  // Records and their answers (producer.cpp).
  void distribute(const intake::EventBatch& events, Requests::iterator request, Now now);
  [[nodiscard]] Partition& partition_of(std::string_view key);
  [[nodiscard]] Batch& open_batch(Partition& partition, std::size_t record_bytes, MonoTime now);
  void settle(const Ticket& ticket, intake::Receipt receipt, int error);
  void settle_all(Batch& batch, intake::Receipt receipt, int error);
  void finish(Requests::iterator request);
  void drop_front(Partition& partition);
  void gather(Partition& partition);
  void expire(MonoTime now);
  void expire(Partition& partition, int error_untried, MonoTime now);

  // Produce requests and their responses (produce_requests.cpp).
  [[nodiscard]] bool is_sendable(Partition& partition, MonoTime now);
  void encode(Partition& partition, Batch& batch);
  void send_batches(Peer& peer, Now now);
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
  [[nodiscard]] bool has_ready_peer() const;
  [[nodiscard]] Peer* any_ready_peer(MonoTime now);
  void connect(Peer& peer, MonoTime now);
  void connect_where_needed(MonoTime now);
  void close(Peer& peer, LocalError error, std::string_view why, Now now);
  void on_lost(Peer& peer, LocalError error, std::string_view why, Now now);
  template <class WriteBody>
  void send(Peer& peer, kafka_protocol::Api api, MonoTime now, const WriteBody& write);
  [[nodiscard]] bool on_response(Peer& peer, std::string_view response, Now now);
  [[nodiscard]] bool on_api_versions(Peer& peer, std::string_view body, MonoTime now);
  void on_ready(Peer& peer);
  void on_metadata(const kafka_protocol::MetadataResponse& response, Now now);
  void on_producer_id(const kafka_protocol::InitProducerIdResponse& response, MonoTime now);
  void want_metadata(MonoTime at);
  [[nodiscard]] int error_without_try() const;

  // Logins (login.cpp).
  void begin_login(Peer& peer, MonoTime now);
  [[nodiscard]] std::optional<std::string> on_sasl_handshake(Peer& peer, std::string_view body, MonoTime now);
  [[nodiscard]] std::optional<std::string> on_sasl_authenticate(Peer& peer, std::string_view body,
                                                                MonoTime now);
  void ask_for_what_is_missing(Now now);

  const ProducerSettings settings_;
  kafka_protocol::BatchWriter batch_writer_;
  // Decreases if the topic's max.message.bytes is smaller than a batch.
  std::size_t batch_bytes_max_;

  // Open requests in the order of append().
  Requests requests_;
  // Requests before the first metadata: the number of partitions is not known yet.
  std::deque<std::pair<intake::EventBatch, Requests::iterator>> unassigned_;
  // By partition number. Partitions are never removed, because pointers to them are kept.
  std::vector<std::unique_ptr<Partition>> partitions_;
  // The number of partitions of the topic. It is less than the size of partitions_ after the topic was
  // deleted and created with fewer partitions.
  std::size_t partition_count_ = 0;
  // The partitions that have a batch.
  std::vector<Partition*> pending_;
  MonoTime flush_at_ = MonoTime::max();
  // Empty batches for reuse of their memory.
  std::vector<std::unique_ptr<Batch>> spare_batches_;
  // The partition for the records without a key of one append(). Increases with each append().
  std::size_t keyless_partition_ = 0;

  // One for each address, connected or not.
  std::vector<std::unique_ptr<Peer>> peers_;
  // The broker ids of the last metadata.
  std::vector<std::pair<std::int32_t, Peer*>> brokers_;
  ConnectionId last_connection_ = 0;
  std::int32_t last_correlation_ = 0;
  std::size_t next_bootstrap_ = 0;
  bool brokers_lost_ = false;
  // The error of the last connection if it is one of TLS or of the login; 0 after a connection became ready.
  int connection_error_ = 0;

  MonoTime metadata_at_ = MonoTime::min();  // the time of the next metadata request
  bool metadata_asked_ = false;             // a metadata request has no response yet
  int topic_error_ = local_brokers_away;    // 0 after metadata with partitions

  // The id for partitions without one. Several partitions can use the same id.
  std::optional<kafka_protocol::ProducerId> producer_id_;
  bool producer_id_asked_ = false;
  MonoTime producer_id_at_ = MonoTime::min();

  std::vector<Command> commands_;
  std::vector<Answer> answers_;
  std::vector<WrittenTo> written_;
  std::vector<ConnectionFailure> failures_;
  ProducerCounts counts_;
};

}  // namespace weir::kafka_producer
