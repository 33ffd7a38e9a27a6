// Brokers inside this process, for tests: librdkafka's mock cluster, which returns errors and disconnects on
// request.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client.hpp"

struct rd_kafka_mock_cluster_s;

namespace weir::kafka {

// A topic that a client asks for is created. One thread uses it.
class FakeBrokers {
 public:
  explicit FakeBrokers(int brokers = 1);
  FakeBrokers(const FakeBrokers&) = delete;
  FakeBrokers& operator=(const FakeBrokers&) = delete;
  ~FakeBrokers();

  [[nodiscard]] std::string address() const;
  void make_topic(const std::string& name, int partitions);

  enum class Api : std::int16_t { produce = 0, list_offsets = 2, metadata = 3, init_producer_id = 22 };
  // The next `times` requests with this API key fail with this rd_kafka_resp_err_t.
  void refuse_next(Api api, int error, int times);
  void refuse_no_more(Api api);
  // The metadata of this topic has this error until it is set to 0.
  void refuse_topic(const std::string& name, int error);
  // All brokers close their connections and accept none, or accept them again.
  void set_up(bool up);
  // All brokers delay each response.
  void set_delay(std::chrono::milliseconds delay);

 private:
  struct DestroyBrokers {
    void operator()(rd_kafka_mock_cluster_s* cluster) const noexcept;
  };

  const int brokers_;
  std::unique_ptr<telemetry::Logger> logger_;
  Client host_;
  std::unique_ptr<rd_kafka_mock_cluster_s, DestroyBrokers> cluster_;
};

struct ReadRecord {
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};
// Returns all records of a topic on mock or real brokers, by partition and offset.
[[nodiscard]] std::vector<ReadRecord> read_topic(const std::string& brokers, const std::string& topic);

}  // namespace weir::kafka
