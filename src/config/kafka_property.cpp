#include "config/kafka_property.hpp"

#include <algorithm>
#include <array>

#include "kafka/client.hpp"

namespace weir::config {
namespace {

// A property that KAFKA_PROPERTY_* must not set, and what to tell the user.
struct Refusal {
  std::string_view property;
  std::string_view reason;
};

constexpr std::string_view acks =
    "it cannot be set, because status 200 means that all in-sync replicas have the event";
constexpr std::string_view commits =
    "it cannot be set, because offsets are committed after the numbers are in the database, never before";
constexpr std::string_view timeouts = "it cannot be set, because a request is answered within 10 s";

// librdkafka has two names for many properties. Both are listed.
constexpr std::array refusals{
    // These would break a guarantee.
    Refusal{"acks", acks},
    Refusal{"request.required.acks", acks},
    Refusal{"enable.idempotence", "it cannot be set, because a retry could write a record twice"},
    Refusal{"transactional.id", "it cannot be set, because Weir does not produce in transactions"},
    Refusal{"enable.auto.commit", commits},
    Refusal{"auto.commit.enable", commits},
    Refusal{"auto.commit.interval.ms", commits},
    Refusal{"enable.auto.offset.store", commits},
    Refusal{"auto.offset.reset",
            "the ledger decides where to read; use KAFKA_START (without a ledger) and ON_OFFSET_GONE"},
    Refusal{"isolation.level",
            "it cannot be set, because records of aborted transactions must not be counted"},
    Refusal{"enable.partition.eof", "it cannot be set, because it reveals offsets without a record"},
    Refusal{"message.timeout.ms", timeouts},
    Refusal{"delivery.timeout.ms", timeouts},
    // These have a variable of their own, or only one right value.
    Refusal{"bootstrap.servers", "use KAFKA_BROKERS"},
    Refusal{"metadata.broker.list", "use KAFKA_BROKERS"},
    Refusal{"group.id", "use KAFKA_GROUP_ID"},
    Refusal{"compression.codec", "use KAFKA_COMPRESSION"},
    Refusal{"compression.type", "use KAFKA_COMPRESSION"},
    Refusal{"linger.ms", "use KAFKA_LINGER_MS"},
    Refusal{"queue.buffering.max.ms", "use KAFKA_LINGER_MS"},
    Refusal{"partitioner",
            "all producers must choose the same partition for an event; use KAFKA_PARTITION_KEY"},
    Refusal{"allow.auto.create.topics",
            "it cannot be set, because Weir creates the topic itself, with KAFKA_PARTITIONS"},
    Refusal{"partition.assignment.strategy",
            "it cannot be set, because all members of the group must agree on it and it must be cooperative"},
};

}  // namespace

std::string property_name(std::string_view variable_name) {
  const std::string_view prefix = kafka_properties.substr(0, kafka_properties.size() - 1);
  if (variable_name.starts_with(prefix)) variable_name.remove_prefix(prefix.size());
  std::string property(variable_name);
  for (char& c : property) {
    // The name of an environment variable cannot have a dot, and is often in upper case.
    if (c == '_') c = '.';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return property;
}

std::string property_error(const std::string& property, const std::string& value) {
  const auto* const found = std::ranges::find(refusals, property, &Refusal::property);
  if (found != refusals.end()) return std::string(found->reason);
  // librdkafka knows its properties and their values; no list of them is kept here.
  const Result<void> accepted = kafka::check_property({property, value});
  return accepted ? std::string() : accepted.error().text;
}

}  // namespace weir::config
