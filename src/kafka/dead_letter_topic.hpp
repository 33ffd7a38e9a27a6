// Writes copies of dead letters to the topic `<topic>.dlq`. A copy has the key and the value of the record,
// and these headers:
//   weir.reason    the reason of the dead letter
//   weir.source    topic/partition/offset of the record
//   weir.omitted   the size in bytes of a value that is too large for the topic; the copy has no value then
//
// Most consumers never write one. So the thread, the client and the topic are created for the first copy.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "consumer/dead_letter_topic.hpp"
#include "kafka/event_log.hpp"

namespace weir::kafka {

struct DeadLetterTopicOptions {
  // `cluster.topic` is the topic of the events.
  Cluster cluster;
  // Of `<topic>.dlq`, if it must be created.
  std::int32_t partitions = 12;
  std::string compression = "lz4";
};

// Implements consumer::DeadLetterTopic. One thread calls send() and take_results(). A thread of this class
// sends the copies. It waits up to 3 s for unreachable brokers before it reports a failure. So a caller may
// send again at once: that is no busy loop.
class KafkaDeadLetterTopic final : public consumer::DeadLetterTopic {
 public:
  // `wake` is called from other threads when take_results() has something to return. It must not block.
  // `wake` and `logger` must outlive this object.
  KafkaDeadLetterTopic(DeadLetterTopicOptions options, telemetry::Logger& logger, std::function<void()> wake);
  // Drops copies that are not written yet. `wake` is not called after that.
  ~KafkaDeadLetterTopic() override;

  void send(Copy copy) override;
  std::vector<CopyResult> take_results() override;

 private:
  void run();
  void send_all(std::vector<Copy> copies);
  Result<void> open_log();
  void append(std::shared_ptr<const Copy> copy, bool with_value);
  void report(Ticket ticket, std::optional<Error> failure);

  const DeadLetterTopicOptions options_;
  telemetry::Logger& logger_;
  const std::function<void()> wake_;

  // mutex_ guards the members below, to the empty line. too_large_: copies to send again without their value.
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Copy> queue_;
  std::vector<std::shared_ptr<const Copy>> too_large_;
  std::vector<CopyResult> results_;
  bool stopping_ = false;

  // Only thread_ uses it. Both are null before the first copy.
  std::unique_ptr<KafkaEventLog> log_;
  std::thread thread_;
};

}  // namespace weir::kafka
