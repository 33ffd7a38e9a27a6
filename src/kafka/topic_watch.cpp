// The thread repeats: query without the lock, apply the result under the lock, wait. The wait ends early when
// the interval becomes shorter (state() was called), when another client has lost its brokers, or when the
// watch is destroyed. Only this thread sets `up`; on_brokers_lost() only clears it.
#include "kafka/topic_watch.hpp"

#include <algorithm>
#include <utility>

#include "kafka/errors.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds query_timeout{2000};
constexpr milliseconds interval_observed{2000};
constexpr milliseconds interval_idle{10'000};
constexpr milliseconds interval_unreachable{500};
constexpr milliseconds leader_interval{50};
// The special timestamp of ListOffsets for the end offset.
constexpr std::int64_t list_latest = -1;

// Returns true for the errors of a query that does not reach a broker. They do not say why.
bool is_without_reason(const Error& error) {
  return error.code == "timed_out" || error.code == "broker_unavailable";
}

}  // namespace

Result<std::unique_ptr<TopicWatch>> TopicWatch::open(TopicWatchOptions options, telemetry::Logger& logger) {
  auto client = open_admin_client(options.cluster, logger);
  if (!client) return propagate(client);
  std::unique_ptr<TopicWatch> watch(new TopicWatch(std::move(options), std::move(*client), logger));
  watch->thread_ = std::thread([made = watch.get()] { made->watch(); });
  return watch;
}

TopicWatch::TopicWatch(TopicWatchOptions options, Client client, telemetry::Logger& logger)
    : options_(std::move(options)), logger_(logger), client_(std::move(client)) {}

TopicWatch::~TopicWatch() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// `end` is the sum over ends_, which on_ends_written() may have raised since the last query.
TopicState TopicWatch::state() {
  const std::scoped_lock lock(mutex_);
  if (!observed_) {
    observed_ = true;
    // The interval is shorter now, so a query may be due.
    changed_.notify_all();
  }
  TopicState state = state_;
  for (const auto& end : ends_) state.end += end.offset;
  return state;
}

intake::LogHealth TopicWatch::health() {
  TopicState now = state();
  return {.up = now.up,
          .reason = std::move(now.error.text),
          .log_id = now.cluster_id.empty() ? "" : now.cluster_id + "/" + options_.cluster.topic,
          .end = now.end,
          .partitions = now.partitions,
          .latency_ms = now.latency.count()};
}

bool TopicWatch::await_up(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return state_.up; });
}

// An error that a query has found tells more than the loss, so it stays.
void TopicWatch::on_brokers_lost() {
  bool was_up = false;
  {
    const std::scoped_lock lock(mutex_);
    was_up = state_.up;
    ++losses_;
    state_.up = false;
    if (was_up) state_.error = error_of(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "connecting to Kafka");
    up_ = false;
  }
  changed_.notify_all();
  if (was_up)
    logger_.warn("Kafka is not reachable",
                 {{"reason", "all brokers are down"}, {"topic", options_.cluster.topic}});
}

// Called for every batch of delivery reports, so the end offsets are exact between two queries.
void TopicWatch::on_ends_written(std::span<const PartitionEnd> ends) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [partition, end] : ends) {
    const auto place = static_cast<std::size_t>(partition);
    if (place >= ends_.size()) ends_.resize(place + 1);
    ends_[place] = {std::max(ends_[place].offset, end), true};
  }
}

milliseconds TopicWatch::interval() const {
  if (!state_.up) return interval_unreachable;
  return observed_ ? interval_observed : interval_idle;
}

void TopicWatch::watch() {
  while (true) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    observed_ = false;
    for (auto& end : ends_) end.newer = false;
    const std::uint64_t losses = losses_;
    lock.unlock();
    auto snapshot = query();
    connection_failure_.collect(client_.get());
    if (snapshot)
      connection_failure_.clear();
    else if (const auto& why = connection_failure_.last(); why && is_without_reason(snapshot.error()))
      snapshot = std::unexpected(*why);
    const MonoTime queried_at = read_clock().mono;
    apply(std::move(snapshot), losses);
    lock.lock();
    // interval() may change during the wait, so each wakeup computes it again.
    while (!stopping_ && losses_ == losses && read_clock().mono < queried_at + interval())
      changed_.wait_until(lock, queried_at + interval());
  }
}

// The first query that succeeds creates missing topics. Later ones do not: a topic that is deleted at run
// time is reported as topic_unknown.
Result<TopicWatch::Snapshot> TopicWatch::query() {
  const MonoTime began = read_clock().mono;
  const auto& topic = options_.cluster.topic;
  auto metadata = ensured_ ? describe_topic(client_.get(), topic, query_timeout)
                           : ensure_topic(client_.get(), {topic, options_.partitions}, query_timeout);
  answered_ = metadata.has_value();
  if (!metadata) return propagate(metadata);
  if (metadata->created)
    logger_.info("topic created", {{"topic", topic}, {"partitions", std::to_string(metadata->partitions)}});
  if (!ensured_ && metadata->replicas_min == 1)
    logger_.warn("the topic has one replica: acknowledged events can be lost with its broker",
                 {{"topic", topic}});
  if (!ensured_ && options_.create_dlq_topic) {
    auto letters = ensure_topic(client_.get(), {dlq_topic(topic), options_.partitions}, query_timeout);
    if (!letters)
      logger_.warn("the topic for dead letters cannot be created", {{"reason", letters.error().text}});
  }
  ensured_ = true;
  auto ends = metadata->created ? await_ends(metadata->partitions, began + query_timeout)
                                : read_ends(metadata->partitions);
  if (!ends) return propagate(ends);
  const auto latency = std::chrono::duration_cast<milliseconds>(read_clock().mono - began);
  return Snapshot{std::move(*metadata), std::move(*ends), latency};
}

// For a new topic: its partitions get their leaders a moment after it is created.
Result<std::vector<std::int64_t>> TopicWatch::await_ends(std::int32_t partitions, MonoTime until) {
  for (;;) {
    auto ends = read_ends(partitions);
    if (ends || ends.error().kind != ErrorKind::unavailable || read_clock().mono >= until) return ends;
    std::this_thread::sleep_for(leader_interval);
  }
}

Result<std::vector<std::int64_t>> TopicWatch::read_ends(std::int32_t partitions) {
  const auto& topic = options_.cluster.topic;
  const std::string action = "reading the end offsets of the topic " + topic;
  const PartitionsHandle partitions_asked(rd_kafka_topic_partition_list_new(partitions));
  for (std::int32_t i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(partitions_asked.get(), topic.c_str(), i)->offset = list_latest;
  const auto error = rd_kafka_offsets_for_times(client_.get(), partitions_asked.get(),
                                                static_cast<int>(query_timeout.count()));
  if (error) return std::unexpected(error_of(error, action));
  std::vector<std::int64_t> ends;
  for (int i = 0; i < partitions_asked->cnt; ++i) {
    const auto& end = partitions_asked->elems[i];
    if (end.err) return std::unexpected(error_of(end.err, action));
    ends.push_back(std::max<std::int64_t>(end.offset, 0));
  }
  return ends;
}

// An end offset that was written during the query may be higher than the one that the query has read. So the
// higher one counts. Otherwise the query counts, because a topic that was created again begins at 0.
void TopicWatch::apply(Result<Snapshot> snapshot, std::uint64_t losses) {
  bool was_up = false;
  std::optional<Error> before;
  {
    std::unique_lock lock(mutex_);
    was_up = state_.up;
    if (!was_up) before = state_.error;
    // The brokers were lost after this query began: its success may be older. watch() queries again at once.
    // A failure counts in any case. Otherwise a client that is refused again and again would hide the reason.
    if (snapshot && losses != losses_) return;
    const bool alive = std::ranges::any_of(ends_, &End::newer);
    if (snapshot || alive) reached_at_ = read_clock().mono;
    if (!snapshot && was_up && stays_up(snapshot.error(), alive)) {
      lock.unlock();
      return log_wait_for_leader(snapshot.error().text);
    }
    awaits_leader_ = false;
    state_.up = snapshot.has_value();
    if (snapshot) {
      state_.error = {};
      state_.cluster_id = std::move(snapshot->metadata.cluster_id);
      state_.partitions = snapshot->metadata.partitions;
      state_.replicas_min = snapshot->metadata.replicas_min;
      state_.latency = snapshot->latency;
      ends_.resize(snapshot->ends.size());
      for (std::size_t i = 0; i < ends_.size(); ++i)
        ends_[i].offset = ends_[i].newer ? std::max(ends_[i].offset, snapshot->ends[i]) : snapshot->ends[i];
    } else {
      state_.error = std::move(snapshot).error();
    }
    up_ = state_.up;
  }
  changed_.notify_all();
  log_change(was_up, before);
}

// The query did not reach a leader. If records were written meanwhile, Kafka is slow, or a leader is down. If
// a broker has returned the metadata, one of several brokers is down. While the in-sync replicas of a
// partition include it, that partition acknowledges nothing. The records wait until Kafka has noticed it.
bool TopicWatch::stays_up(const Error& error, bool alive) const {
  if (!is_without_reason(error)) return false;
  return alive || (answered_ && read_clock().mono < reached_at_ + options_.leader_grace);
}

void TopicWatch::log_wait_for_leader(const std::string& reason) {
  if (!std::exchange(awaits_leader_, true))
    logger_.warn("a partition has no leader that answers; its events wait for another leader",
                 {{"reason", reason}, {"topic", options_.cluster.topic}});
}

// Only this thread sets `up`, so a state that is read here is up only if apply() has just set it.
void TopicWatch::log_change(bool was_up, const std::optional<Error>& before) {
  const TopicState now = [this] {
    const std::scoped_lock lock(mutex_);
    return state_;
  }();
  const auto& topic = options_.cluster.topic;
  if (now.up && !was_up)
    logger_.info("Kafka is reachable", {{"topic", topic},
                                        {"cluster", now.cluster_id},
                                        {"partitions", std::to_string(now.partitions)},
                                        {"replicas", std::to_string(now.replicas_min)}});
  if (!now.up && (was_up || !before || before->code != now.error.code))
    logger_.warn("Kafka is not reachable", {{"reason", now.error.text}, {"topic", topic}});
}

}  // namespace weir::kafka
