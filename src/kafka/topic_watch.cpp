#include "kafka/topic_watch.hpp"

#include <algorithm>

#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_patience{2000};
constexpr milliseconds pause_asked{2000};
constexpr milliseconds pause_idle{10'000};
constexpr milliseconds pause_away{500};
constexpr milliseconds leader_pause{50};
constexpr std::int64_t at_the_end = -1;  // as a time in ListOffsets: the end offset

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

TopicState TopicWatch::state() {
  const std::scoped_lock lock(mutex_);
  if (!asked_) {
    asked_ = true;
    changed_.notify_all();  // the next look may be due now
  }
  TopicState state = state_;
  for (const auto& end : ends_) state.end += end.offset;
  return state;
}

intake::LogHealth TopicWatch::health() {
  TopicState now = state();
  return {.up = now.up,
          .reason = std::move(now.trouble.text),
          .log_id = now.cluster_id.empty() ? "" : now.cluster_id + "/" + options_.cluster.topic,
          .end = now.end,
          .partitions = now.partitions,
          .latency_ms = now.latency.count()};
}

bool TopicWatch::await_up(milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return state_.up; });
}

void TopicWatch::lost() {
  bool was_up = false;
  {
    const std::scoped_lock lock(mutex_);
    was_up = state_.up;
    ++losses_;
    state_.up = false;
    state_.trouble = error_of(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "talking to Kafka");
    up_ = false;
  }
  changed_.notify_all();
  if (was_up)
    logger_.warn("Kafka is away", {{"reason", "all brokers are down"}, {"topic", options_.cluster.topic}});
}

void TopicWatch::wrote(std::span<const PartitionEnd> ends) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [partition, end] : ends) {
    const auto place = static_cast<std::size_t>(partition);
    if (place >= ends_.size()) ends_.resize(place + 1);
    ends_[place] = {std::max(ends_[place].offset, end), true};
  }
}

milliseconds TopicWatch::pause() const {
  if (!state_.up) return pause_away;
  return asked_ ? pause_asked : pause_idle;
}

void TopicWatch::watch() {
  while (true) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    asked_ = false;
    for (auto& end : ends_) end.newer = false;
    const std::uint64_t losses = losses_;
    lock.unlock();
    auto sight = look();
    const MonoTime looked_at = read_clock().mono;
    take(std::move(sight), losses);
    lock.lock();
    // Somebody's question shortens the pause, so it is reckoned anew at each.
    while (!stopping_ && losses_ == losses && read_clock().mono < looked_at + pause())
      changed_.wait_until(lock, looked_at + pause());
  }
}

Result<TopicWatch::LastSeen> TopicWatch::look() {
  const MonoTime began = read_clock().mono;
  const auto& topic = options_.cluster.topic;
  auto facts = ensured_ ? describe_topic(client_.get(), topic, look_patience)
                        : ensure_topic(client_.get(), {topic, options_.partitions}, look_patience);
  if (!facts) return propagate(facts);
  if (facts->made)
    logger_.info("made the topic", {{"topic", topic}, {"partitions", std::to_string(facts->partitions)}});
  if (!ensured_ && facts->replicas_min == 1)
    logger_.warn("the topic has one replica: what is promised can be lost with its broker",
                 {{"topic", topic}});
  if (!ensured_ && options_.make_letters_too) {
    auto letters = ensure_topic(client_.get(), {dlq_topic(topic), options_.partitions}, look_patience);
    if (!letters)
      logger_.warn("the topic for dead letters cannot be made", {{"reason", letters.error().text}});
  }
  ensured_ = true;
  auto ends =
      facts->made ? await_ends(facts->partitions, began + look_patience) : read_ends(facts->partitions);
  if (!ends) return propagate(ends);
  const auto latency = std::chrono::duration_cast<milliseconds>(read_clock().mono - began);
  return LastSeen{std::move(*facts), std::move(*ends), latency};
}

// Of a topic that was just made: its partitions' leaders take office a moment later.
Result<std::vector<std::int64_t>> TopicWatch::await_ends(std::int32_t partitions, MonoTime until) {
  for (;;) {
    auto ends = read_ends(partitions);
    if (ends || ends.error().kind != ErrorKind::unavailable || read_clock().mono >= until) return ends;
    std::this_thread::sleep_for(leader_pause);
  }
}

Result<std::vector<std::int64_t>> TopicWatch::read_ends(std::int32_t partitions) {
  const auto& topic = options_.cluster.topic;
  const std::string doing = "asking for the ends of the topic " + topic;
  const PartitionsHandle asked(rd_kafka_topic_partition_list_new(partitions));
  for (std::int32_t i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), i)->offset = at_the_end;
  const auto error =
      rd_kafka_offsets_for_times(client_.get(), asked.get(), static_cast<int>(look_patience.count()));
  if (error) return std::unexpected(error_of(error, doing));
  std::vector<std::int64_t> ends;
  for (int i = 0; i < asked->cnt; ++i) {
    const auto& end = asked->elems[i];
    if (end.err) return std::unexpected(error_of(end.err, doing));
    ends.push_back(std::max<std::int64_t>(end.offset, 0));
  }
  return ends;
}

void TopicWatch::take(Result<LastSeen> sight, std::uint64_t losses) {
  bool was_up = false;
  std::optional<Error> before;
  {
    const std::scoped_lock lock(mutex_);
    was_up = state_.up;
    if (!was_up) before = state_.trouble;
    if (losses != losses_) return;  // all brokers went away meanwhile: look again
    const bool alive = std::ranges::any_of(ends_, &End::newer);
    if (!sight && was_up && alive && sight.error().code == "timed_out") return;  // slow, not away: it writes
    state_.up = sight.has_value();
    if (sight) {
      state_.trouble = {};
      state_.cluster_id = std::move(sight->facts.cluster_id);
      state_.partitions = sight->facts.partitions;
      state_.replicas_min = sight->facts.replicas_min;
      state_.latency = sight->latency;
      ends_.resize(sight->ends.size());
      for (std::size_t i = 0; i < ends_.size(); ++i)
        ends_[i].offset = ends_[i].newer ? std::max(ends_[i].offset, sight->ends[i]) : sight->ends[i];
    } else {
      state_.trouble = std::move(sight).error();
    }
    up_ = state_.up;
  }
  changed_.notify_all();
  tell(was_up, before);
}

// Only this thread turns the state for the better, so what it reads here is what it wrote, or worse.
void TopicWatch::tell(bool was_up, const std::optional<Error>& before) {
  const TopicState now = [this] {
    const std::scoped_lock lock(mutex_);
    return state_;
  }();
  const auto& topic = options_.cluster.topic;
  if (now.up && !was_up)
    logger_.info("Kafka is there", {{"topic", topic},
                                    {"cluster", now.cluster_id},
                                    {"partitions", std::to_string(now.partitions)},
                                    {"replicas", std::to_string(now.replicas_min)}});
  if (!now.up && (was_up || !before || before->code != now.trouble.code))
    logger_.warn("Kafka is away", {{"reason", now.trouble.text}, {"topic", topic}});
}

}  // namespace weir::kafka
