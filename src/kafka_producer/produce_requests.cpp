// Sends Produce requests and handles the result of each batch.
//
// A result leads to one of four ends: the batch is kept, refused, or tried again, or it is given up because
// it may be written. In the last case its producer id is discarded too, so that no other batch has its
// sequence.
#include <algorithm>

#include "base/ensure.hpp"
#include "kafka_producer/producer.hpp"
#include "kafka_producer/producer_state.hpp"
#include "kafka_protocol/wire.hpp"

namespace weir::kafka_producer {
namespace {

using intake::Receipt;
using kafka_protocol::ErrorCode;
using kafka_protocol::ProduceVerdict;

constexpr int code_of(ErrorCode error) { return static_cast<int>(error); }

}  // namespace

// Returns true if the front batch may be sent now. Assigns a producer id to the partition if it has none.
bool Producer::is_sendable(Partition& partition, MonoTime now) {
  if (partition.in_flight || partition.retry_at > now || partition.leader == nullptr ||
      !partition.leader->can_produce(now))
    return false;
  if (!partition.producer) {
    if (!producer_id_) return false;
    partition.producer = producer_id_;
    partition.next_sequence = 0;
  }
  return true;
}

void Producer::encode(Partition& partition, Batch& batch) {
  batch.first_sequence = partition.next_sequence;
  batch_writer_.write(batch.records, *partition.producer, batch.first_sequence, batch.encoded);
}

void Producer::send_batches(Peer& peer, Now now) {
  std::vector<kafka_protocol::RequestWriter::PartitionBatch> batches;
  batches.reserve(peer.ready.size());
  std::size_t bytes = 0;
  for (Partition* const partition : peer.ready) {
    Batch& batch = *partition->queue.front();
    if (batch.encoded.empty()) encode(*partition, batch);
    if (!batches.empty() && bytes + batch.encoded.size() > settings_.request_bytes_max) break;
    bytes += batch.encoded.size();
    batches.push_back({partition->number, batch.encoded});
    if (batch.tries++ > 0) ++counts_.retries;
    partition->in_flight = true;
    peer.sent.push_back(partition);
  }
  peer.is_producing = true;
  peer.gather_time.on_sent(peer.gathered, now.mono);
  ++counts_.requests;
  counts_.batches += batches.size();
  send(peer, kafka_protocol::Api::produce, now.mono,
       [&](kafka_protocol::RequestWriter& to, std::int32_t correlation) {
         to.produce(correlation, settings_.topic, batches, settings_.request_timeout);
       });
}

void Producer::on_produced(Peer& peer, const kafka_protocol::ProduceResponse& response, Now now) {
  peer.is_producing = false;
  peer.throttled_until = now.mono + response.throttle;
  const auto sent = std::exchange(peer.sent, {});
  for (Partition* const partition : sent) {
    const auto result = std::ranges::find(response.partitions, partition->number,
                                          &kafka_protocol::ProduceResponse::Partition::id);
    // If the response has no result of a partition, its batch may be written or not.
    if (result == response.partitions.end())
      on_batch_result(*partition, code_of(ErrorCode::unknown_server_error), -1, now.mono);
    else
      on_batch_result(*partition, code_of(result->error), result->base_offset, now.mono);
  }
}

void Producer::on_batch_result(Partition& partition, int error, std::int64_t base_offset, MonoTime now) {
  partition.in_flight = false;
  Batch& batch = *partition.queue.front();
  batch.error = error;
  const ProduceVerdict verdict = verdict_of(static_cast<ErrorCode>(error));
  switch (verdict) {
    case ProduceVerdict::kept:
      if (base_offset >= 0) written_.push_back({partition.number, base_offset + batch.records.count()});
      partition.next_sequence = kafka_protocol::sequence_after(batch.first_sequence, batch.records.count());
      settle_all(batch, Receipt::kept, 0);
      drop_front(partition);
      return;
    case ProduceVerdict::refused:
      return refuse(partition, error);
    case ProduceVerdict::sequence_lost:
      if (batch.maybe_written) return give_up_front(partition, error);
      forget_sequence(partition);
      batch.encoded.clear();  // the next try encodes it with a new producer id
      break;
    case ProduceVerdict::retry:
    case ProduceVerdict::retry_elsewhere:
    case ProduceVerdict::retry_unsure:
      break;
  }
  retry(partition, verdict, error, now);
}

void Producer::retry(Partition& partition, ProduceVerdict verdict, int error, MonoTime now) {
  Batch& batch = *partition.queue.front();
  if (verdict == ProduceVerdict::retry_unsure || verdict == ProduceVerdict::retry_elsewhere)
    batch.maybe_written = true;
  const bool is_answered = batch.tickets.empty();
  // While a broker is down, the leader changes, or the others wait for it in vain. That is no failure of the
  // batch, so only answer_timeout limits these tries.
  const bool is_limited =
      verdict != ProduceVerdict::retry_elsewhere && error != code_of(ErrorCode::request_timed_out);
  const bool tried_enough = is_limited && batch.tries >= settings_.tries_max;
  if (is_answered || tried_enough) return refuse(partition, error);
  const auto pause = settings_.retry_pause * (1 << std::min(batch.tries - 1, 8));
  partition.retry_at = now + std::min(pause, settings_.retry_pause_max);
  if (verdict == ProduceVerdict::retry_elsewhere) want_metadata(now);
}

// Ends a batch that the last try did not write, without a further try.
void Producer::refuse(Partition& partition, int error) {
  Batch& batch = *partition.queue.front();
  if (batch.maybe_written) return give_up_front(partition, error);
  const bool is_too_large =
      error == code_of(ErrorCode::message_too_large) || error == code_of(ErrorCode::record_list_too_large);
  if (is_too_large && batch.records.count() > 1 && !batch.tickets.empty()) return split_front(partition);
  settle_all(batch, Receipt::not_kept, error);
  drop_front(partition);  // its sequence was not used, so the next batch gets the same one
}

// Replaces the front batch by two halves, because the topic's max.message.bytes is smaller than the batch.
// Later batches are smaller, too.
void Producer::split_front(Partition& partition) {
  Batch& whole = *partition.queue.front();
  batch_bytes_max_ = std::min(batch_bytes_max_, std::max<std::size_t>(whole.records.bytes() / 2, 1024));
  auto first = std::make_unique<Batch>();
  auto second = std::make_unique<Batch>();
  std::size_t at = 0;
  const auto add_to_half = [&](const kafka_protocol::RecordView& record) {
    Batch& half = at < whole.tickets.size() / 2 ? *first : *second;
    half.records.add(record.key, record.value, record.headers, record.time);
    half.tickets.push_back(whole.tickets[at++]);
  };
  const WallTime first_time{std::chrono::milliseconds{whole.records.first_time_ms()}};
  ensure(kafka_protocol::for_each_record(whole.records.encoded(), whole.records.count(), first_time,
                                         add_to_half),
         "records that this producer encoded can be read");
  first->oldest = second->oldest = whole.oldest;
  whole.tickets.clear();
  drop_front(partition);
  partition.queue.push_front(std::move(second));
  partition.queue.push_front(std::move(first));
}

// The connection was lost before the response, so the broker may have written the batches of the request.
// They are sent again with the same sequences, and the broker recognises a repetition.
void Producer::on_batches_lost(Peer& peer, MonoTime now) {
  peer.is_producing = false;
  for (Partition* const partition : std::exchange(peer.sent, {})) {
    partition->in_flight = false;
    Batch& batch = *partition->queue.front();
    batch.maybe_written = true;
    batch.error = local_brokers_away;
    partition->retry_at = now;
    if (batch.tickets.empty()) give_up_front(*partition, local_timed_out);
  }
}

// Gives up a batch that may be written now or later. Its sequence must never be used for another batch, so
// the partition gets a new producer id.
void Producer::give_up_front(Partition& partition, int error) {
  settle_all(*partition.queue.front(), Receipt::unknown, error);
  drop_front(partition);
  forget_sequence(partition);
}

// Discards the producer id of the partition. Other partitions with the same id keep it, because sequences
// count separately in each partition.
void Producer::forget_sequence(Partition& partition) {
  if (partition.producer == producer_id_) producer_id_.reset();
  partition.producer.reset();
}

}  // namespace weir::kafka_producer
