// The path of records into batches, and the answers to append().
//
// append() gives each record a ticket in the open batch of its partition. When the result of a batch is
// final, settle() gives each ticket a receipt. finish() answers a request when all its records have one.
// flush() and tick() select the work that is due; produce_requests.cpp and connections.cpp do it.
#include "kafka_producer/producer.hpp"

#include <algorithm>
#include <array>

#include "base/ensure.hpp"
#include "kafka_producer/producer_state.hpp"
#include "kafka_protocol/partitioner.hpp"

namespace weir::kafka_producer {
namespace {

using intake::Receipt;
using kafka_protocol::ErrorCode;
using std::chrono::milliseconds;

constexpr milliseconds busy_tick{100};
constexpr milliseconds idle_tick{1000};
// A waiting batch accepts no record that is this much younger than its first one. Therefore the records of a
// batch expire at nearly the same time.
constexpr milliseconds batch_age_span{1000};
constexpr std::size_t spare_batches_max = 64;
constexpr std::size_t spare_batch_bytes_max = std::size_t{256} * 1024;
// An upper bound of the encoded bytes of a record without its key, value and headers.
constexpr std::size_t record_frame_bytes = 32;

// Returns true if the broker refused the record itself. Other errors concern the connection or the topic.
bool is_about_the_record(int error) {
  constexpr std::array codes{ErrorCode::message_too_large, ErrorCode::record_list_too_large,
                             ErrorCode::invalid_record, ErrorCode::invalid_timestamp};
  return std::ranges::any_of(codes, [error](ErrorCode code) { return static_cast<int>(code) == error; });
}

}  // namespace

Producer::Producer(ProducerSettings settings)
    : settings_(std::move(settings)),
      batch_writer_(settings_.compression),
      batch_bytes_max_(settings_.batch_bytes_max) {}

Producer::~Producer() { ensure(requests_.empty(), "a producer is destroyed only after give_up()"); }

milliseconds Producer::tick_interval() const {
  const bool waits = !requests_.empty() || topic_error_ != 0 || !producer_id_;
  return waits ? busy_tick : idle_tick;
}

void Producer::append(intake::EventBatch events, intake::ReceiptCallback receive, std::size_t cost, Now now) {
  const std::size_t records = events.records.size();
  const auto request = requests_.insert(requests_.end(), Request{.receive = std::move(receive),
                                                                 .records = records,
                                                                 .open = records,
                                                                 .each = {},
                                                                 .appended_at = now.mono,
                                                                 .cost = cost});
  if (records == 0) return finish(request);
  if (partition_count_ > 0)
    distribute(events, request, now);
  else
    unassigned_.emplace_back(std::move(events), request);
}

// Adds each record to the open batch of its partition. Records without a key of one request go to one
// partition, and those of the next request to the next partition.
void Producer::distribute(const intake::EventBatch& events, Requests::iterator request, Now now) {
  ++keyless_partition_;
  std::vector<kafka_protocol::HeaderView> headers;
  for (std::uint32_t i = 0; i < events.records.size(); ++i) {
    const auto& record = events.records[i];
    const auto key = events.key(record);
    const auto value = events.value(record);
    headers.clear();
    std::size_t bytes = key.size() + value.size() + record_frame_bytes;
    for (const auto& header : events.headers(record)) {
      headers.push_back({header.name, header.value});
      bytes += header.name.size() + header.value.size() + record_frame_bytes;
    }
    Batch& batch = open_batch(partition_of(key), bytes, now.mono);
    batch.records.add(key, value, headers, now.wall);
    batch.newest = now.mono;
    batch.tickets.push_back({request, i});
  }
}

Producer::Partition& Producer::partition_of(std::string_view key) {
  if (!key.empty()) {
    const auto count = static_cast<std::int32_t>(partition_count_);
    return *partitions_[static_cast<std::size_t>(kafka_protocol::partition_of(key, count))];
  }
  // The next partition with a leader, or any partition if none has a leader.
  for (std::size_t i = 0; i < partition_count_; ++i) {
    Partition& partition = *partitions_[(keyless_partition_ + i) % partition_count_];
    if (partition.leader != nullptr) return partition;
  }
  return *partitions_[keyless_partition_ % partition_count_];
}

// Returns the last batch of the partition if it is still open, else a new one. A batch is closed when it is
// encoded, full or too old.
Producer::Batch& Producer::open_batch(Partition& partition, std::size_t record_bytes, MonoTime now) {
  if (!partition.is_pending) {
    partition.is_pending = true;
    pending_.push_back(&partition);
  }
  if (!partition.queue.empty()) {
    Batch& last = *partition.queue.back();
    const bool is_open = last.encoded.empty() && last.records.bytes() + record_bytes <= batch_bytes_max_ &&
                         now - last.oldest < batch_age_span;
    if (is_open) return last;
  }
  if (spare_batches_.empty()) {
    partition.queue.push_back(std::make_unique<Batch>());
  } else {
    partition.queue.push_back(std::move(spare_batches_.back()));
    spare_batches_.pop_back();
  }
  partition.queue.back()->oldest = now;
  return *partition.queue.back();
}

void Producer::settle(const Ticket& ticket, Receipt receipt, int error) {
  Request& request = *ticket.request;
  if (receipt != Receipt::kept) {
    if (request.each.empty()) request.each.assign(request.records, Receipt::kept);
    request.each[ticket.record] = receipt;
    // The request has one error. An error of the way to the log replaces an error of a single record.
    if (request.error == 0 || is_about_the_record(request.error)) request.error = error;
  }
  if (--request.open == 0) finish(ticket.request);
}

void Producer::settle_all(Batch& batch, Receipt receipt, int error) {
  for (const Ticket& ticket : batch.tickets) settle(ticket, receipt, error);
  batch.tickets.clear();
}

void Producer::finish(Requests::iterator request) {
  intake::Receipts receipts{.all = Receipt::kept, .each = std::move(request->each), .why = {}};
  if (!receipts.each.empty()) {
    const auto [least, worst] = std::ranges::minmax(receipts.each);
    receipts.all = worst;
    if (least == worst) receipts.each.clear();
  }
  answers_.push_back({.receive = std::move(request->receive),
                      .receipts = std::move(receipts),
                      .error = request->error,
                      .appended_at = request->appended_at,
                      .records = request->records,
                      .cost = request->cost});
  requests_.erase(request);
}

// Removes the front batch. Keeps its memory for reuse, within bounds.
void Producer::drop_front(Partition& partition) {
  std::unique_ptr<Batch> batch = std::move(partition.queue.front());
  partition.queue.pop_front();
  partition.in_flight = false;
  if (spare_batches_.size() >= spare_batches_max || batch->records.bytes() > spare_batch_bytes_max) return;
  batch->clear();
  spare_batches_.push_back(std::move(batch));
}

// Groups the partitions that can send by their leaders. Each leader gets one Produce request when its events
// have waited long enough.
void Producer::flush(Now now) {
  for (const auto& peer : peers_) {
    peer->ready.clear();
    peer->gathered = {};
  }
  std::erase_if(pending_, [&](Partition* partition) {
    partition->is_pending = !partition->queue.empty();
    if (!partition->is_pending) return true;
    if (is_sendable(*partition, now.mono)) gather(*partition);
    return false;
  });
  flush_at_ = MonoTime::max();
  for (const auto& peer : peers_) {
    if (peer->ready.empty()) continue;
    const MonoTime due_at = peer->gather_time.due_at(peer->gathered);
    if (due_at <= now.mono)
      send_batches(*peer, now);
    else
      flush_at_ = std::min(flush_at_, due_at);
  }
}

// Adds the front batch of the partition to what its leader gets next.
void Producer::gather(Partition& partition) {
  const Batch& batch = *partition.queue.front();
  Peer& leader = *partition.leader;
  leader.ready.push_back(&partition);
  leader.gathered.records += static_cast<std::size_t>(batch.records.count());
  leader.gathered.oldest = std::min(leader.gathered.oldest, batch.oldest);
  leader.gathered.newest = std::max(leader.gathered.newest, batch.newest);
  leader.gathered.is_complete |= batch.tries > 0 || partition.queue.size() > 1;
}

void Producer::tick(Now now) {
  expire(now.mono);
  for (const auto& peer : peers_) {
    if (peer->state == Peer::State::connecting && peer->connect_by <= now.mono)
      close(*peer, local_brokers_away, "it did not accept the connection in time", now);
    else if (!peer->asked.empty() && peer->asked.front().deadline <= now.mono)
      close(*peer, local_brokers_away, "it did not answer in time", now);
    else if (peer->state == Peer::State::ready && peer->login_at <= now.mono &&
             peer->throttled_until <= now.mono)
      begin_login(*peer, now.mono);
  }
  ask_for_what_is_missing(now);
  connect_where_needed(now.mono);
  flush(now);
}

// Answers the records whose answer_timeout has passed. The first request is the oldest, so one comparison
// tells if there are any.
void Producer::expire(MonoTime now) {
  if (requests_.empty() || requests_.front().appended_at + settings_.answer_timeout > now) return;
  const int known = error_without_try();
  const int why = known != 0 ? known : topic_error_;
  while (!unassigned_.empty() && unassigned_.front().second->appended_at + settings_.answer_timeout <= now) {
    const auto request = unassigned_.front().second;
    unassigned_.pop_front();
    for (std::uint32_t record = 0, records = static_cast<std::uint32_t>(request->records); record < records;
         ++record)
      settle({request, record}, Receipt::not_kept, why);
  }
  for (Partition* const partition : pending_)
    expire(*partition, known != 0 ? known : static_cast<int>(local_timed_out), now);
}

// A batch in a request is answered but stays in the queue: the partition may send the next one only when the
// result of this one is known. All other expired batches are removed.
void Producer::expire(Partition& partition, int error_untried, MonoTime now) {
  std::size_t kept = 0;  // the number of expired batches that stay
  while (kept < partition.queue.size() && partition.queue[kept]->oldest + settings_.answer_timeout <= now) {
    Batch& batch = *partition.queue[kept];
    const int error = batch.error != 0 ? batch.error : error_untried;
    if (kept == 0 && partition.in_flight) {
      settle_all(batch, Receipt::unknown, error);
      kept = 1;
    } else if (kept == 0 && batch.maybe_written) {
      give_up_front(partition, error);
    } else {
      settle_all(batch, Receipt::not_kept, error);
      partition.queue.erase(partition.queue.begin() + static_cast<std::ptrdiff_t>(kept));
    }
  }
}

void Producer::give_up() {
  while (!unassigned_.empty()) {
    const auto request = unassigned_.front().second;
    unassigned_.pop_front();
    for (std::uint32_t record = 0, records = static_cast<std::uint32_t>(request->records); record < records;
         ++record)
      settle({request, record}, Receipt::not_kept, local_stopping);
  }
  for (const auto& partition : partitions_) {
    bool sent = partition->in_flight;  // the front one
    for (const auto& batch : partition->queue) {
      settle_all(*batch, sent || batch->maybe_written ? Receipt::unknown : Receipt::not_kept, local_stopping);
      sent = false;
    }
    partition->queue.clear();
    partition->in_flight = false;
  }
  for (const auto& peer : peers_) {
    if (peer->state == Peer::State::closed) continue;
    commands_.push_back(Close{peer->connection});
    peer->state = Peer::State::closed;
    peer->sent.clear();
  }
}

}  // namespace weir::kafka_producer
