// Prints what a consumer group has committed: every 0.2 s a line with the sum of the offsets of all partitions.
// It ends when its output is closed. The way out of a program that tells nothing about itself is timed by it.
//
//   weir_group_progress BROKERS TOPIC PARTITIONS GROUP
#include <cstdio>
#include <cstdlib>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  char why[512];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], why, sizeof why);
  rd_kafka_conf_set(conf, "group.id", argv[4], why, sizeof why);
  rd_kafka_t* const client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (client == nullptr) return 1;
  const int partitions = std::atoi(argv[3]);
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(partitions);
  for (int partition = 0; partition < partitions; ++partition)
    rd_kafka_topic_partition_list_add(list, argv[2], partition);
  for (long long last = 0;; usleep(200'000)) {
    long long sum = 0;
    if (rd_kafka_committed(client, list, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      for (int i = 0; i < list->cnt; ++i) sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
      last = sum;
    }
    if (std::printf("%lld\n", last) < 0 || std::fflush(stdout) != 0) return 0;
  }
}
