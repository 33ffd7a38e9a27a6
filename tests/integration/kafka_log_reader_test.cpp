// KafkaLogReader on a real Kafka: the contract tests, rebalances, broker failures and transactions.
#include <array>
#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "consumer/testing/log_reader_contract.hpp"
#include "kafka/log_reader.hpp"
#include "support/child.hpp"
#include "support/kafka_server.hpp"

namespace weir::kafka {
namespace {

using consumer::LogEvent;
using consumer::WrittenRecord;
using support::KafkaServer;
using support::shared_kafka;

constexpr std::chrono::milliseconds at_once{0};
constexpr std::chrono::milliseconds briefly{20};
constexpr std::chrono::seconds timeout{60};
constexpr RecordTime noon{std::chrono::milliseconds(1'764'000'000'000)};

struct Drop {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
template <class T>
using Owned = std::unique_ptr<T, Drop>;

// Another client of the cluster: writes and deletes records, changes topics.
class OtherClient {
 public:
  explicit OtherClient(const std::string& brokers, std::vector<Property> properties = {},
                       rd_kafka_type_t type = RD_KAFKA_PRODUCER) {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    char reason[512];
    properties.emplace_back("bootstrap.servers", brokers);
    if (type == RD_KAFKA_PRODUCER) properties.emplace_back("enable.idempotence", "true");
    for (const auto& [name, value] : properties)
      EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason), RD_KAFKA_CONF_OK)
          << reason;
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    client_.reset(rd_kafka_new(type, conf, reason, sizeof reason));
    EXPECT_TRUE(client_) << reason;
  }

  rd_kafka_t* get() { return client_.get(); }

  void write(const std::string& topic, std::int32_t partition, RecordTime time, const WrittenRecord& record) {
    auto* const headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, "unrelated", -1, "x", 1);
    if (record.replay_source)
      rd_kafka_header_add(headers, "weir.replay", -1, record.replay_source->data(),
                          static_cast<ssize_t>(record.replay_source->size()));
    std::array<rd_kafka_vu_t, 7> all{};
    all[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    all[0].u.cstr = topic.c_str();
    all[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    all[1].u.i32 = partition;
    all[2].vtype = RD_KAFKA_VTYPE_KEY;
    all[2].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
    all[3].vtype = RD_KAFKA_VTYPE_VALUE;
    all[3].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
    all[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    all[4].u.i = RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK;
    all[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    all[5].u.i64 = time.time_since_epoch().count();
    all[6].vtype = RD_KAFKA_VTYPE_HEADERS;
    all[6].u.headers = headers;
    const Owned<rd_kafka_error_t> failed(rd_kafka_produceva(client_.get(), all.data(), all.size()));
    EXPECT_FALSE(failed) << rd_kafka_error_string(failed.get());
    rd_kafka_poll(client_.get(), 0);
  }

  void flush() { EXPECT_EQ(rd_kafka_flush(client_.get(), 60'000), RD_KAFKA_RESP_ERR_NO_ERROR); }

  // Writes `count` records "name 0", "name 1"… and returns when they can be read.
  void write_some(const std::string& topic, std::int32_t partition, int count,
                  const std::string& name = "event") {
    for (int i = 0; i < count; ++i)
      write(topic, partition, noon, {"user", name + " " + std::to_string(i), {}});
    flush();
  }

  void delete_before(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    Owned<rd_kafka_topic_partition_list_t> offsets(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(offsets.get(), topic.c_str(), partition)->offset = offset;
    rd_kafka_DeleteRecords_t* wanted = rd_kafka_DeleteRecords_new(offsets.get());
    Owned<rd_kafka_queue_t> replies(rd_kafka_queue_new(client_.get()));
    rd_kafka_DeleteRecords(client_.get(), &wanted, 1, nullptr, replies.get());
    Owned<rd_kafka_event_t> reply(rd_kafka_queue_poll(replies.get(), 30'000));
    EXPECT_TRUE(reply && rd_kafka_event_error(reply.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_DeleteRecords_destroy(wanted);
  }

  void grow(const std::string& topic, int partitions) {
    char reason[512];
    auto* wanted = rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(partitions), reason,
                                              sizeof reason);
    Owned<rd_kafka_queue_t> replies(rd_kafka_queue_new(client_.get()));
    rd_kafka_CreatePartitions(client_.get(), &wanted, 1, nullptr, replies.get());
    Owned<rd_kafka_event_t> reply(rd_kafka_queue_poll(replies.get(), 30'000));
    EXPECT_TRUE(reply && rd_kafka_event_error(reply.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_NewPartitions_destroy(wanted);
  }

  void create(const std::string& topic, int partitions) {
    char reason[512];
    auto* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, reason, sizeof reason);
    rd_kafka_NewTopic_set_config(wanted, "retention.ms", "-1");
    Owned<rd_kafka_queue_t> replies(rd_kafka_queue_new(client_.get()));
    rd_kafka_CreateTopics(client_.get(), &wanted, 1, nullptr, replies.get());
    Owned<rd_kafka_event_t> reply(rd_kafka_queue_poll(replies.get(), 30'000));
    EXPECT_TRUE(reply && rd_kafka_event_error(reply.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_NewTopic_destroy(wanted);
  }

 private:
  Owned<rd_kafka_t> client_;
};

// The records have old timestamps, and retention must not delete them.
constexpr std::string_view for_ever = "retention.ms=-1";

std::string make_topic(std::string_view name, int partitions) {
  return shared_kafka().make_topic(name, partitions, for_ever);
}

std::string new_group() {
  static int groups = 0;
  return "group-" + std::to_string(getpid()) + "-" + std::to_string(++groups);
}

std::unique_ptr<KafkaLogReader> open_reader(const std::string& brokers, const std::string& topic,
                                            const std::string& group, std::vector<Property> properties = {}) {
  static const std::unique_ptr<telemetry::Logger> silent = telemetry::make_silent_logger();
  auto reader = KafkaLogReader::open(
      {.brokers = brokers, .topic = topic, .properties = std::move(properties)}, group, *silent);
  EXPECT_TRUE(reader) << reader.error().text;
  return std::move(*reader);
}

class KafkaReaderFixture final : public consumer::LogReaderFixture {
 public:
  consumer::LogReader& reader() override { return *reader_; }
  void append(RecordTime time, const std::vector<WrittenRecord>& records) override {
    for (const auto& record : records) writer_.write(topic_, 0, time, record);
    writer_.flush();
  }
  void prune_before(std::int64_t offset) override { writer_.delete_before(topic_, 0, offset); }

 private:
  const std::string topic_ = make_topic("contract", 1);
  OtherClient writer_{shared_kafka().brokers()};
  std::unique_ptr<KafkaLogReader> reader_ = open_reader(shared_kafka().brokers(), topic_, new_group());
};

std::unique_ptr<consumer::LogReaderFixture> make_kafka_fixture() {
  return std::make_unique<KafkaReaderFixture>();
}

}  // namespace
}  // namespace weir::kafka

namespace weir::consumer {
INSTANTIATE_TEST_SUITE_P(Kafka, LogReaderContract, testing::Values(&kafka::make_kafka_fixture));
}  // namespace weir::consumer

namespace weir::kafka {
namespace {

// Uses a reader as the consumer does: seeks assigned partitions to the next offset, or 0, and records all
// events.
class Follower {
 public:
  Follower(const std::string& brokers, const std::string& topic, const std::string& group,
           std::vector<Property> properties = {})
      : reader_(open_reader(brokers, topic, group, std::move(properties))) {}

  void poll(std::chrono::milliseconds wait = briefly) {
    auto events = reader_->poll(wait);
    if (!events) {
      failures.push_back(events.error());
      poll_pause();
      return;
    }
    for (const LogEvent& event : *events) take(event);
    // After the whole poll, as the consumer does: earlier records may come with the revocation.
    if (release_at_once && !revoked.empty()) release();
  }

  // Polls until the predicate holds, or for a minute.
  template <class Predicate>
  bool until(Predicate holds) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!holds() && std::chrono::steady_clock::now() < deadline) poll();
    return holds();
  }

  [[nodiscard]] std::size_t records() const {
    std::size_t count = 0;
    for (const auto& [partition, offsets] : seen) count += offsets.size();
    return count;
  }

  KafkaLogReader& reader() { return *reader_; }
  void leave() { reader_.reset(); }

  std::set<std::int32_t> ours;
  std::set<std::int32_t> revoked;  // not released yet
  std::set<std::int32_t> lost;
  std::vector<std::int32_t> out_of_range;
  std::map<std::int32_t, std::int64_t> next;
  std::map<std::int32_t, std::vector<std::int64_t>> seen;  // offsets
  std::vector<Error> failures;
  bool seek_at_once = true;
  bool release_at_once = true;

 private:
  static void poll_pause() { std::this_thread::sleep_for(briefly); }

  void take(const LogEvent& event) {
    if (const auto* assigned = std::get_if<consumer::Assigned>(&event))
      for (const auto partition : assigned->partitions) {
        EXPECT_TRUE(ours.insert(partition).second) << partition;
        if (seek_at_once) {
          EXPECT_TRUE(reader_->seek(partition, next[partition]));
        }
      }
    if (const auto* revoked_event = std::get_if<consumer::Revoked>(&event))
      for (const auto partition : revoked_event->partitions) revoked.insert(partition);
    if (const auto* lost_event = std::get_if<consumer::Lost>(&event))
      for (const auto partition : lost_event->partitions) {
        lost.insert(partition);
        ours.erase(partition);
      }
    if (const auto* records = std::get_if<consumer::Records>(&event)) {
      EXPECT_TRUE(ours.contains(records->partition));
      for (const auto& record : records->records) {
        EXPECT_GE(record.offset, next[records->partition]);
        next[records->partition] = record.offset + 1;
        seen[records->partition].push_back(record.offset);
      }
      EXPECT_GE(records->next_offset, next[records->partition]);
      EXPECT_GE(records->log_end, records->next_offset);
      next[records->partition] = records->next_offset;
    }
    if (const auto* failed = std::get_if<consumer::OffsetOutOfRange>(&event))
      out_of_range.push_back(failed->partition);
  }

 public:
  void release() {
    const std::vector<std::int32_t> all(revoked.begin(), revoked.end());
    for (const auto partition : all) {
      ours.erase(partition);
      revoked.erase(partition);
    }
    reader_->release(all);
  }

 private:
  std::unique_ptr<KafkaLogReader> reader_;
};

// Polls both until the predicate holds.
template <class Predicate>
bool both_until(Follower& one, Follower& other, Predicate holds) {
  return one.until([&] {
    other.poll();
    return holds();
  });
}

class KafkaLogReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto lacking = support::kafka_missing(); !lacking.empty()) return support::missing(lacking);
    brokers_ = shared_kafka().brokers();
    other_client_ = std::make_unique<OtherClient>(brokers_);
  }

  Follower follow(const std::string& topic, std::vector<Property> properties = {}) {
    return Follower(brokers_, topic, group_, std::move(properties));
  }

  // The offset that kafka-consumer-groups shows.
  std::int64_t group_offset(const std::string& topic, std::int32_t partition) {
    OtherClient asking(brokers_, {{"group.id", group_}}, RD_KAFKA_CONSUMER);
    Owned<rd_kafka_topic_partition_list_t> offsets(rd_kafka_topic_partition_list_new(1));
    const auto* const asked = rd_kafka_topic_partition_list_add(offsets.get(), topic.c_str(), partition);
    EXPECT_EQ(rd_kafka_committed(asking.get(), offsets.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    return asked->offset;
  }

  std::string brokers_;
  std::unique_ptr<OtherClient> other_client_;
  const std::string group_ = new_group();
};

TEST_F(KafkaLogReaderTest, AssignsAllPartitionsToTheLastMember) {
  const auto topic = make_topic("two", 4);
  for (int partition = 0; partition < 4; ++partition) other_client_->write_some(topic, partition, 10);
  Follower stays = follow(topic);
  ASSERT_TRUE(stays.until([&] { return stays.ours.size() == 4 && stays.records() == 40; }));
  Follower goes = follow(topic);
  ASSERT_TRUE(both_until(stays, goes, [&] { return stays.ours.size() == 2 && goes.ours.size() == 2; }));
  EXPECT_TRUE(stays.lost.empty() && goes.lost.empty());
  EXPECT_EQ(goes.reader().membership().partitions.size(), 2U);
  EXPECT_TRUE(goes.reader().membership().joined);
  goes.leave();
  ASSERT_TRUE(stays.until([&] { return stays.ours.size() == 4; }));
  for (int partition = 0; partition < 4; ++partition) other_client_->write_some(topic, partition, 1);
  ASSERT_TRUE(stays.until([&] { return stays.records() == 44; }));
  EXPECT_TRUE(stays.lost.empty());
}

TEST_F(KafkaLogReaderTest, KeepsReadingItsPartitionsWhileOthersJoinAndLeave) {
  const auto topic = make_topic("stay", 2);
  Follower stays = follow(topic);
  ASSERT_TRUE(stays.until([&] { return stays.ours.size() == 2; }));
  std::int64_t written = 0;
  for (int round = 0; round < 3; ++round) {
    Follower guest = follow(topic);
    ASSERT_TRUE(both_until(stays, guest, [&] {
      for (int partition = 0; partition < 2; ++partition)
        other_client_->write(topic, partition, noon, {"k", "v", {}});
      ++written;
      return guest.ours.size() == 1 && stays.ours.size() == 1;
    }));
    guest.leave();
    ASSERT_TRUE(stays.until([&] { return stays.ours.size() == 2; }));
  }
  other_client_->flush();
  ASSERT_TRUE(stays.until([&] { return stays.next[0] == written && stays.next[1] == written; }));
  for (const auto& [partition, offsets] : stays.seen)
    EXPECT_EQ(offsets.size(), static_cast<std::size_t>(written)) << partition;
}

TEST_F(KafkaLogReaderTest, KeepsRevokedPartitionsUntilTheyAreReleased) {
  const auto topic = make_topic("revoked", 2);
  Follower owner = follow(topic);
  owner.release_at_once = false;
  ASSERT_TRUE(owner.until([&] { return owner.ours.size() == 2; }));
  Follower next = follow(topic);
  ASSERT_TRUE(both_until(owner, next, [&] { return !owner.revoked.empty(); }));
  const auto wanted = *owner.revoked.begin();

  other_client_->write_some(topic, wanted, 3);  // revoked but not released: still read
  ASSERT_TRUE(both_until(owner, next, [&] { return owner.next[wanted] == 3; }));
  const auto later = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  both_until(owner, next, [&] { return std::chrono::steady_clock::now() > later; });
  EXPECT_TRUE(next.ours.empty());
  EXPECT_TRUE(owner.lost.empty());

  owner.reader().store_offset(wanted, 3);
  owner.release();
  EXPECT_EQ(group_offset(topic, wanted), 3);
  ASSERT_TRUE(both_until(owner, next, [&] { return next.ours.contains(wanted) && next.next[wanted] == 3; }));
}

TEST_F(KafkaLogReaderTest, ReportsLostPartitionsToAMemberThatStoppedPolling) {
  const auto topic = make_topic("lost", 2);
  const std::vector<Property> hasty{
      {"session.timeout.ms", "1500"}, {"heartbeat.interval.ms", "300"}, {"max.poll.interval.ms", "2000"}};
  Follower sleeper = follow(topic, hasty);
  ASSERT_TRUE(sleeper.until([&] { return sleeper.ours.size() == 2; }));
  // A member that polls stays in the group, even if it reads nothing.
  const auto later = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  sleeper.until([&] { return std::chrono::steady_clock::now() > later; });
  EXPECT_TRUE(sleeper.lost.empty());

  Follower heir = follow(topic, hasty);
  sleeper.release_at_once = true;
  ASSERT_TRUE(both_until(sleeper, heir, [&] { return heir.ours.size() == 1; }));
  const auto held = sleeper.ours;
  ASSERT_TRUE(heir.until([&] { return heir.ours.size() == 2; }));  // while the sleeper does not poll
  ASSERT_TRUE(sleeper.until([&] { return sleeper.lost == held; }));
  heir.release_at_once = true;
  ASSERT_TRUE(both_until(sleeper, heir, [&] { return sleeper.ours.size() == 1 && heir.ours.size() == 1; }));
}

TEST_F(KafkaLogReaderTest, ReportsOffsetOutOfRangeWhereTheNextRecordWasDeleted) {
  const auto topic = make_topic("cut", 1);
  other_client_->write_some(topic, 0, 20);
  Follower reader = follow(topic);
  reader.seek_at_once = false;
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 1; }));
  other_client_->delete_before(topic, 0, 12);
  for (const std::int64_t offset : {3, 21, 1'000'000}) {
    reader.out_of_range.clear();
    ASSERT_TRUE(reader.reader().seek(0, offset));
    ASSERT_TRUE(reader.until([&] { return !reader.out_of_range.empty(); })) << offset;
    for (int polls = 0; polls < 10; ++polls) reader.poll();
    EXPECT_EQ(reader.out_of_range.size(), 1U);
    EXPECT_EQ(reader.records(), 0U);
  }
  const auto bounds = reader.reader().bounds(0);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->start, 12);
  ASSERT_TRUE(reader.reader().seek(0, bounds->start));
  ASSERT_TRUE(reader.until([&] { return reader.records() == 8; }));
}

TEST_F(KafkaLogReaderTest, WaitsForATopicThatIsMissing) {
  const std::string topic = "missing-" + new_group();
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.failures.size() >= 3; }));
  for (const auto& failure : reader.failures) {
    EXPECT_EQ(failure.kind, ErrorKind::unavailable);
    EXPECT_EQ(failure.code, "topic_unknown");
    EXPECT_NE(failure.text.find(topic), std::string::npos) << failure.text;
  }
  EXPECT_FALSE(reader.reader().partition_count());
  other_client_->create(topic, 2);
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 2; }));
  EXPECT_EQ(reader.reader().partition_count(), 2);
  other_client_->write_some(topic, 1, 5);
  ASSERT_TRUE(reader.until([&] { return reader.records() == 5; }));
}

TEST_F(KafkaLogReaderTest, ReadsPartitionsThatAreAddedAtRunTime) {
  const auto topic = make_topic("grows", 1);
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 1; }));
  other_client_->grow(topic, 3);
  other_client_->write_some(topic, 2, 5);
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 3; }));
  ASSERT_TRUE(reader.until([&] { return reader.records() == 5; }));
  const auto bounds = reader.reader().bounds(2);
  ASSERT_TRUE(bounds) << bounds.error().text;
  EXPECT_EQ(bounds->end, 5);
  EXPECT_TRUE(reader.reader().record_identity(2, 4).value());
}

TEST_F(KafkaLogReaderTest, PassesTransactionMarkersAbortedAndCompactedRecordsAsHoles) {
  const auto topic = make_topic("holes", 1);
  OtherClient writer(brokers_, {{"transactional.id", topic}, {"transaction.timeout.ms", "60000"}});
  ASSERT_EQ(rd_kafka_init_transactions(writer.get(), 30'000), nullptr);
  const auto transaction = [&](int records, bool commit) {
    ASSERT_EQ(rd_kafka_begin_transaction(writer.get()), nullptr);
    writer.write_some(topic, 0, records);
    ASSERT_EQ(commit ? rd_kafka_commit_transaction(writer.get(), 30'000)
                     : rd_kafka_abort_transaction(writer.get(), 30'000),
              nullptr);
  };
  transaction(3, true);   // 0–2, marker 3
  transaction(2, false);  // 4–5 aborted, marker 6
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.next[0] == 7; }));
  EXPECT_EQ(reader.seen[0], (std::vector<std::int64_t>{0, 1, 2}));
  transaction(1, true);  // 7, marker 8
  ASSERT_TRUE(reader.until([&] { return reader.next[0] == 9; }));
  EXPECT_EQ(reader.seen[0], (std::vector<std::int64_t>{0, 1, 2, 7}));

  auto& asked = reader.reader();
  EXPECT_TRUE(asked.record_identity(0, 7).value());
  for (const std::int64_t hole : {3, 4, 6, 8, 9})
    EXPECT_FALSE(asked.record_identity(0, hole).value()) << hole;
  // Paused between the last record and its marker: the marker is passed after resume().
  asked.pause(0);
  transaction(1, true);  // 9, marker 10
  transaction(1, false);
  reader.poll();
  asked.resume(0);
  ASSERT_TRUE(reader.until([&] { return reader.next[0] == 13; }));
  EXPECT_EQ(reader.seen[0].back(), 9);
}

TEST_F(KafkaLogReaderTest, CommitsOffsetsForLagTools) {
  const auto topic = make_topic("lag", 2);
  for (int partition = 0; partition < 2; ++partition) other_client_->write_some(topic, partition, 10);
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.records() == 20; }));
  reader.reader().store_offset(0, 4);
  ASSERT_TRUE(reader.until([&] { return group_offset(topic, 0) == 4; }));
  reader.reader().store_offset(0, 10);
  reader.reader().store_offset(1, 10);
  reader.leave();
  EXPECT_EQ(group_offset(topic, 0), 10);
  EXPECT_EQ(group_offset(topic, 1), 10);
}

TEST_F(KafkaLogReaderTest, LosesNothingByPausing) {
  constexpr int partitions = 3;
  constexpr int records = 60'000;
  const auto topic = make_topic("pause", partitions);
  for (int i = 0; i < records; ++i)
    other_client_->write(topic, i % partitions, noon, {"user", "event " + std::to_string(i), {}});
  other_client_->flush();
  Follower reader = follow(topic);
  int polls = 0;
  ASSERT_TRUE(reader.until([&] {
    for (const auto partition : reader.ours) {
      // Pauses one partition, all partitions or none.
      if ((polls / 2 + partition) % 3 == 0 || polls % 7 == 0)
        reader.reader().pause(partition);
      else
        reader.reader().resume(partition);
    }
    ++polls;
    return reader.records() >= records;
  }));
  for (int partition = 0; partition < partitions; ++partition) {
    ASSERT_EQ(reader.seen[partition].size(), static_cast<std::size_t>(records / partitions));
    for (std::size_t i = 0; i < reader.seen[partition].size(); ++i)
      ASSERT_EQ(reader.seen[partition][i], static_cast<std::int64_t>(i));
  }
}

TEST_F(KafkaLogReaderTest, ReadsFromTheSoughtOffsetDespiteFetchedRecords) {
  const auto topic = make_topic("seek", 1);
  other_client_->write_some(topic, 0, 20'000);
  Follower reader = follow(topic);
  reader.seek_at_once = false;
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 1; }));
  std::minstd_rand random(7);
  for (int round = 0; round < 60; ++round) {
    const auto offset = static_cast<std::int64_t>(random() % 20'000);
    ASSERT_TRUE(reader.reader().seek(0, offset));
    reader.seen.clear();
    reader.next[0] = offset;
    if (round % 3 == 0) {  // two seeks in a row
      ASSERT_TRUE(reader.reader().seek(0, offset / 2));
      reader.next[0] = offset / 2;
    }
    const auto first = reader.next[0];
    ASSERT_TRUE(reader.until([&] { return reader.records() > 0; }));
    ASSERT_EQ(reader.seen[0].front(), first) << round;
  }
}

TEST_F(KafkaLogReaderTest, ReturnsAtOnceWhenWoken) {
  const auto topic = make_topic("wake", 1);
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 1; }));
  for (int polls = 0; polls < 10; ++polls) reader.poll(at_once);
  const auto begin = std::chrono::steady_clock::now();
  for (int round = 0; round < 20; ++round) {
    std::thread other([&] { reader.reader().wake(); });
    reader.poll(std::chrono::seconds(30));
    other.join();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(KafkaLogReaderTest, FindsManyRecordIdentitiesQuickly) {
  constexpr int partitions = 12;
  const auto topic = make_topic("identities", partitions);
  for (int partition = 0; partition < partitions; ++partition)
    other_client_->write_some(topic, partition, 100);
  Follower reader = follow(topic);
  ASSERT_TRUE(reader.until([&] { return reader.records() == 100 * partitions; }));
  const auto begin = std::chrono::steady_clock::now();
  for (int partition = 0; partition < partitions; ++partition) {
    ASSERT_TRUE(reader.reader().bounds(partition));
    ASSERT_TRUE(reader.reader().record_identity(partition, 99).value());
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  RecordProperty("milliseconds", static_cast<int>(took / std::chrono::milliseconds(1)));
  EXPECT_LT(took, std::chrono::seconds(2));
}

TEST_F(KafkaLogReaderTest, ContinuesAfterTheBrokerWasKilled) {
  KafkaServer server;
  if (!server.ours()) GTEST_SKIP() << "this broker must not be killed";
  const auto topic = server.make_topic("killed", 2, for_ever);
  OtherClient writer(server.brokers());
  Follower reader(server.brokers(), topic, group_);
  writer.write_some(topic, 0, 5);
  ASSERT_TRUE(reader.until([&] { return reader.records() == 5; }));
  server.kill();
  ASSERT_TRUE(reader.until([&] { return reader.failures.size() >= 3; }));
  EXPECT_EQ(reader.failures.back().kind, ErrorKind::unavailable);
  EXPECT_EQ(reader.failures.back().code, "broker_unavailable") << reader.failures.back().text;
  EXPECT_FALSE(reader.reader().bounds(0));
  server.restart();
  writer.write_some(topic, 1, 5);
  ASSERT_TRUE(reader.until([&] { return reader.records() == 10; }));
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 2; }));
  reader.failures.clear();
  for (int polls = 0; polls < 50; ++polls) reader.poll();
  EXPECT_TRUE(reader.failures.empty());
}

TEST_F(KafkaLogReaderTest, LeavesInBoundedTimeWhileTheBrokerDoesNotRespond) {
  KafkaServer server;
  if (!server.ours()) GTEST_SKIP() << "this broker must not be stopped";
  const auto topic = server.make_topic("stopped", 2, for_ever);
  Follower reader(server.brokers(), topic, group_);
  ASSERT_TRUE(reader.until([&] { return reader.ours.size() == 2; }));
  kill(server.pid(), SIGSTOP);
  reader.reader().store_offset(0, 0);
  const auto begin = std::chrono::steady_clock::now();
  reader.leave();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(12));
  kill(server.pid(), SIGCONT);
}

}  // namespace
}  // namespace weir::kafka
