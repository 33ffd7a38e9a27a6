// Copies of dead letters in the topic `<topic>.dlq`: the letter's key and value, with the headers
//   weir.reason    the letter's reason
//   weir.source    topic/partition/offset of the record
//   weir.omitted   only where the value is too large beside these headers and was left out: its size in bytes
//
// A consumer usually never has a letter: the client and the topic come into being with the first.
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
  Cluster cluster;               // with the topic whose letters these are
  std::int32_t partitions = 12;  // of `<topic>.dlq`, when it must be made
  std::string compression = "lz4";
};

// Fills consumer::DeadLetterTopic. A thread of its own, asleep while there is nothing to send, waits up to 3
// s for brokers that are away before it fails what it was given, so whoever sends again at once makes no hot
// loop.
class KafkaDeadLetterTopic final : public consumer::DeadLetterTopic {
 public:
  // `wake` is called from other threads whenever a copy has ended. It and `log` must outlive this.
  KafkaDeadLetterTopic(DeadLetterTopicOptions options, telemetry::Logger& logger, std::function<void()> wake);
  ~KafkaDeadLetterTopic() override;  // gives up what is under way; calls `wake` no more afterwards

  void send(Copy copy) override;
  std::vector<CopyResult> take_results() override;

 private:
  void send_until_stopped();
  void send_all(std::vector<Copy> copies);
  Result<void> open_log();
  void append(std::shared_ptr<const Copy> copy, bool with_value);
  void end(Ticket ticket, std::optional<Error> failure);

  const DeadLetterTopicOptions options_;
  telemetry::Logger& logger_;
  const std::function<void()> wake_;

  // Under the mutex.
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Copy> queue_;
  std::vector<std::shared_ptr<const Copy>> too_large_;  // to be sent again, without the value
  std::vector<CopyResult> ended_;
  bool stopping_ = false;

  std::unique_ptr<KafkaEventLog> letters_;  // the thread's only; none before the first letter
  std::thread thread_;                      // none before the first letter
};

}  // namespace weir::kafka
