#include "kafka/group_member.hpp"

#include <array>
#include <utility>

#include "kafka/errors.hpp"
#include "kafka/rdkafka_handles.hpp"
#include "kafka/reading_settings.hpp"
#include "kafka/wakeup.hpp"

namespace weir::kafka {
namespace {

constexpr std::chrono::seconds commit_interval{1};
constexpr std::chrono::seconds last_commit_timeout{1};
constexpr std::chrono::seconds leave_timeout{3};
constexpr std::size_t reason_bytes_max = 512;

const std::array<Property, 6> defaults{{
    {"session.timeout.ms", "8000"},
    {"heartbeat.interval.ms", "2000"},
    // The consumer's thread calls serve() at least every second. But a query of the log may block it for some
    // seconds.
    {"max.poll.interval.ms", "60000"},
    // To leave the group waits this long for each commit without a response. The default is 60 s, during
    // which librdkafka uses a whole CPU. Joining and heartbeats have their own timeouts.
    {"socket.timeout.ms", "4000"},
    // The leader of the group notices new partitions within this time.
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"socket.nagle.disable", "true"},
}};

std::vector<std::int32_t> numbers_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<std::int32_t> numbers;
  for (int i = 0; i < list->cnt; ++i) numbers.push_back(list->elems[i].partition);
  return numbers;
}

// The assignment in librdkafka stays empty, so that this client fetches nothing.
PartitionsHandle no_partitions() { return PartitionsHandle(rd_kafka_topic_partition_list_new(0)); }

}  // namespace

Result<std::unique_ptr<GroupMember>> GroupMember::open(const Cluster& cluster, const std::string& group,
                                                       telemetry::Logger& logger, int wakeup_fd) {
  std::vector<Property> required(required_consumer_properties.begin(), required_consumer_properties.end());
  required.emplace_back("group.id", group);
  auto conf = make_conf(cluster, defaults, required);
  if (!conf) return propagate(conf);
  rd_kafka_conf_set_events(conf->get(),
                           RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT);
  auto client = Client::open(Role::consumer, std::move(*conf), logger);
  if (!client) return propagate(client);

  rd_kafka_poll_set_consumer(client->get());
  QueueHandle queue(rd_kafka_queue_get_consumer(client->get()));
  rd_kafka_queue_io_event_enable(queue.get(), wakeup_fd, &Wakeup::payload, sizeof Wakeup::payload);
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), cluster.topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client->get(), topics.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected<Error>(error_of(error, "subscribing to the topic " + cluster.topic));
  return std::unique_ptr<GroupMember>(
      new GroupMember(std::move(*client), std::move(queue), cluster.topic, logger));
}

GroupMember::GroupMember(Client client, QueueHandle queue, const std::string& topic,
                         telemetry::Logger& logger)
    : client_(std::move(client)), queue_(std::move(queue)), topic_(topic), logger_(logger) {}

GroupMember::~GroupMember() {
  if (joined_) commit_and_wait();
  leave();
}

void GroupMember::serve(std::vector<consumer::LogEvent>& events) {
  while (const EventHandle event{rd_kafka_queue_poll(queue_.get(), 0)}) {
    const auto type = rd_kafka_event_type(event.get());
    if (type == RD_KAFKA_EVENT_REBALANCE) on_rebalance(event.get(), events);
    if (type == RD_KAFKA_EVENT_ERROR) on_error(event.get());
    if (type == RD_KAFKA_EVENT_OFFSET_COMMIT &&
        rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
      logger_.debug("the consumer group rejected committed offsets",
                    {{"reason", rd_kafka_event_error_string(event.get())}});
  }
  if (to_commit_.empty()) return;
  const MonoTime now = read_clock().mono;
  if (now < commit_at_) return;
  commit_at_ = now + commit_interval;
  send_commits(queue_.get());
}

// Three kinds: assigned, lost (the group has removed this member already) and revoked (the group waits for
// release()). A rebalance shows that the group works, so it clears the failure.
void GroupMember::on_rebalance(rd_kafka_op_s* event, std::vector<consumer::LogEvent>& events) {
  std::vector<std::int32_t> changed = numbers_of(rd_kafka_event_topic_partition_list(event));
  failure_.reset();
  if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    joined_ = true;
    partitions_.insert(changed.begin(), changed.end());
    acknowledge_assignment();
    log_partitions("partitions assigned", changed);
    events.emplace_back(consumer::Assigned{std::move(changed)});
  } else if (rd_kafka_assignment_lost(client_.get()) != 0) {
    joined_ = false;
    for (const auto partition : changed) {
      partitions_.erase(partition);
      to_commit_.erase(partition);
    }
    acknowledge_revocation();
    log_partitions("partitions lost: the consumer group removed this member", changed);
    events.emplace_back(consumer::Lost{std::move(changed)});
  } else {
    to_release_.insert(changed.begin(), changed.end());
    if (to_release_.empty()) return acknowledge_revocation();
    log_partitions("partitions revoked", changed);
    events.emplace_back(consumer::Revoked{std::move(changed)});
  }
}

void GroupMember::on_error(rd_kafka_op_s* event) {
  const auto error = rd_kafka_event_error(event);
  std::array<char, reason_bytes_max> reason{};
  if (rd_kafka_fatal_error(client_.get(), reason.data(), reason.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    failure_ = error_of(RD_KAFKA_RESP_ERR__FATAL,
                        std::string("reading as a member of the consumer group: ") + reason.data());
    return;
  }
  // A rebalance event follows, which reports the partitions as lost.
  if (error == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) return;
  failure_ = error_of(error, "reading the topic " + topic_ + " as a member of the consumer group");
}

std::optional<Error> GroupMember::take_failure() { return std::exchange(failure_, std::nullopt); }

void GroupMember::acknowledge_assignment() {
  const RdErrorHandle refused(rd_kafka_incremental_assign(client_.get(), no_partitions().get()));
}

void GroupMember::acknowledge_revocation() {
  const RdErrorHandle refused(rd_kafka_incremental_unassign(client_.get(), no_partitions().get()));
}

void GroupMember::store_offset(std::int32_t partition, std::int64_t next_offset) {
  if (partitions_.contains(partition)) to_commit_[partition] = next_offset;
}

void GroupMember::release(std::span<const std::int32_t> partitions) {
  if (to_release_.empty()) return;
  for (const auto partition : partitions) {
    to_release_.erase(partition);
    partitions_.erase(partition);
  }
  // The next owner reads the ledger, but lag tools should see the offsets that this member has reached.
  if (!to_release_.empty()) return;
  commit_and_wait();
  acknowledge_revocation();
}

// Offsets in the group are for lag tools only: the ledger decides where to read. So a failed commit is not
// retried.
void GroupMember::send_commits(rd_kafka_queue_s* replies_to) {
  const PartitionsHandle offsets(rd_kafka_topic_partition_list_new(static_cast<int>(to_commit_.size())));
  for (const auto& [partition, next_offset] : to_commit_)
    rd_kafka_topic_partition_list_add(offsets.get(), topic_.c_str(), partition)->offset = next_offset;
  to_commit_.clear();
  rd_kafka_commit_queue(client_.get(), offsets.get(), replies_to, nullptr, nullptr);
}

void GroupMember::commit_and_wait() {
  if (to_commit_.empty()) return;
  const QueueHandle replies(rd_kafka_queue_new(client_.get()));
  send_commits(replies.get());
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(last_commit_timeout);
  const EventHandle reply(rd_kafka_queue_poll(replies.get(), static_cast<int>(timeout.count())));
}

void GroupMember::log_partitions(std::string_view what, const std::vector<std::int32_t>& partitions) {
  if (partitions.empty()) return;
  std::string list;
  for (const auto partition : partitions) list += (list.empty() ? "" : ", ") + std::to_string(partition);
  logger_.info(what, {{"partitions", list}});
}

// rd_kafka_consumer_close_queue raises one more rebalance event, which must be acknowledged too.
void GroupMember::leave() {
  if (!to_release_.empty()) acknowledge_revocation();
  const RdErrorHandle refused(rd_kafka_consumer_close_queue(client_.get(), queue_.get()));
  if (refused) return;
  const MonoTime until = read_clock().mono + leave_timeout;
  while (rd_kafka_consumer_closed(client_.get()) == 0 && read_clock().mono < until) {
    constexpr int look_again_ms = 50;
    const EventHandle event(rd_kafka_queue_poll(queue_.get(), look_again_ms));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
      acknowledge_assignment();
    else
      acknowledge_revocation();
  }
}

}  // namespace weir::kafka
