#include "config/kafka_property.hpp"

#include <algorithm>
#include <array>

#include "kafka/client.hpp"

namespace weir::config {
namespace {

struct Refusal {
  std::string_view property;
  std::string_view why;
};

// librdkafka knows many a property by two names; both stand here.
constexpr std::string_view acks = "a 200 means that all in-sync replicas have the event; it can't be set";
constexpr std::string_view commits =
    "offsets are committed once the numbers are in the database, never before; it can't be set";
constexpr std::string_view patience = "a request is answered within 10 s; it can't be set";
constexpr std::array refusals{
    // These would break a promise.
    Refusal{"acks", acks},
    Refusal{"request.required.acks", acks},
    Refusal{"enable.idempotence", "without it a record that is sent again may stand twice; it can't be set"},
    Refusal{"transactional.id", "Weir's sends belong to no transaction; it can't be set"},
    Refusal{"enable.auto.commit", commits},
    Refusal{"auto.commit.enable", commits},
    Refusal{"auto.commit.interval.ms", commits},
    Refusal{"enable.auto.offset.store", commits},
    Refusal{"auto.offset.reset",
            "the ledger says where to read; use KAFKA_START (no ledger yet) and ON_OFFSET_GONE"},
    Refusal{"isolation.level", "what a transaction took back must not be counted; it can't be set"},
    Refusal{"enable.partition.eof", "offsets without a record are known by it; it can't be set"},
    Refusal{"message.timeout.ms", patience},
    Refusal{"delivery.timeout.ms", patience},
    // These have a variable of their own, or one right value.
    Refusal{"bootstrap.servers", "use KAFKA_BROKERS"},
    Refusal{"metadata.broker.list", "use KAFKA_BROKERS"},
    Refusal{"group.id", "use KAFKA_GROUP_ID"},
    Refusal{"compression.codec", "use KAFKA_COMPRESSION"},
    Refusal{"compression.type", "use KAFKA_COMPRESSION"},
    Refusal{"linger.ms", "use KAFKA_LINGER_MS"},
    Refusal{"queue.buffering.max.ms", "use KAFKA_LINGER_MS"},
    Refusal{"partitioner", "all producers must agree on an event's partition; use KAFKA_PARTITION_KEY"},
    Refusal{"allow.auto.create.topics",
            "Weir makes the topic itself, with KAFKA_PARTITIONS; it can't be set"},
    Refusal{"partition.assignment.strategy",
            "all members of the group must agree on one, and it must let partitions stay; it can't be set"},
};

}  // namespace

std::string property_of(std::string_view variable_name) {
  const std::string_view prefix = kafka_properties.substr(0, kafka_properties.size() - 1);
  if (variable_name.starts_with(prefix)) variable_name.remove_prefix(prefix.size());
  std::string property(variable_name);
  for (char& c : property) {
    if (c == '_') c = '.';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return property;
}

std::string why_refused(const std::string& property, const std::string& value) {
  const auto* const found = std::ranges::find(refusals, property, &Refusal::property);
  if (found != refusals.end()) return std::string(found->why);
  const Result<void> taken = kafka::check_property({property, value});
  return taken ? std::string() : taken.error().text;
}

}  // namespace weir::config
