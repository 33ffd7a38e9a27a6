// A Kafka of a test's own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace weir::support {

// A broker of one node with an empty folder of its own, on a free loopback port, by scripts/kafka; with
// KAFKA_BROKERS set, that cluster instead, and nothing is started or ended. Runs as a child of this process
// and dies with the thread that made it; its folder goes with it. Topics are not created by themselves; what
// Kafka keeps for itself has one replica. The first start takes about 5 s, one after kill() about as long,
// with 200 MB. One thread.
class KafkaServer {
 public:
  // Throws std::runtime_error with the server's last words if it does not start within a minute.
  KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;
  ~KafkaServer();

  // For bootstrap.servers; the same for as long as this lives.
  [[nodiscard]] const std::string& brokers() const { return brokers_; }

  // False for the cluster of KAFKA_BROKERS, which no test may kill or stop.
  [[nodiscard]] bool ours() const { return !folder_.empty(); }

  // To be signalled (SIGSTOP, SIGCONT); -1 while there is none of ours.
  [[nodiscard]] pid_t pid() const { return pid_; }

  // SIGKILL, and waits for its end. Topics and offsets stay.
  void kill();

  // Again after kill(), on the same port and folder; returns when it answers. Throws as the constructor does.
  void restart();

  // A new topic with a name of its own that begins with `name`; `setting` is empty or one "key=value" of the
  // topic's, for example "message.timestamp.type=LogAppendTime". Returns its name once every partition has a
  // leader.
  [[nodiscard]] std::string make_topic(std::string_view name, int partitions,
                                       std::string_view setting = {}) const;

  // How many of a topic's partitions have a leader; 0 if there is no such topic, or no answer within 5 s.
  [[nodiscard]] int partitions(const std::string& topic) const;

 private:
  void start_on(int port, int controller_port);
  void wait_until_it_answers();

  std::filesystem::path folder_;
  std::string brokers_;
  int port_ = 0;
  int controller_port_ = 0;
  pid_t pid_ = -1;
};

// What this machine lacks to start one, in words; empty: nothing (or KAFKA_BROKERS is set).
[[nodiscard]] std::string kafka_missing();

// One server for the whole test program, started at the first call and ended with the program: each test
// makes a topic of its own on it. To be called from the main thread, after kafka_missing() said nothing.
[[nodiscard]] KafkaServer& shared_kafka();

}  // namespace weir::support
