// The floor of writing to Kafka: librdkafka alone, as fast as it can, with the codec, the acknowledgement and
// the partitioner that Weir uses.
//
//   weir_bare_producer BROKERS TOPIC SECONDS FILE
//
// FILE has one event a line; the key of a record is its user_id. The last line of the output is a JSON object.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <librdkafka/rdkafka.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace {

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return;
  std::fprintf(stderr, "weir_bare_producer: %s\n", why);
  std::exit(1);
}

struct Counts {
  std::size_t kept = 0;
  std::size_t lost = 0;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& counts = *static_cast<Counts*>(opaque);
  ++(message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? counts.kept : counts.lost);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

using Record = std::pair<std::string, std::string>;  // key and value

std::vector<Record> read_records(const char* path) {
  constexpr std::string_view member = "\"user_id\":\"";
  std::vector<Record> records;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t at = line.find(member) + member.size();
    records.emplace_back(line.substr(at, line.find('"', at) - at), line);
  }
  return records;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::vector<Record> records = read_records(argv[4]);
  Counts counts;
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "enable.idempotence", "true");
  set(conf, "compression.codec", "lz4");
  set(conf, "partitioner", "murmur2_random");
  set(conf, "queue.buffering.max.messages", "200000");
  rd_kafka_conf_set_opaque(conf, &counts);
  rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
  char why[512];
  rd_kafka_t* const producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  rd_kafka_topic_t* const topic = rd_kafka_topic_new(producer, argv[2], nullptr);

  using Clock = std::chrono::steady_clock;
  const double cpu_before = cpu_seconds();
  const auto begun = Clock::now();
  const auto end =
      begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(argv[3])));
  for (std::size_t at = 0; Clock::now() < end; ++at) {
    const auto& [key, value] = records[at % records.size()];
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            const_cast<char*>(value.data()), value.size(), key.data(), key.size(),
                            nullptr) != 0)
      rd_kafka_poll(producer, 10);
    if (at % 64 == 0) rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 10'000);
  const double took = std::chrono::duration<double>(Clock::now() - begun).count();
  std::printf("{\"events\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"own_cpu\":%.3f}\n", counts.kept, counts.lost,
              took, cpu_seconds() - cpu_before);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
}
