// The properties that all consuming clients share. For .cpp files of this module.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "kafka/client.hpp"

namespace weir::kafka {

// The ledger in the metrics store decides where to read. So librdkafka must not move a position by itself,
// must not read uncommitted records, and must not give partitions away before they are released.
//   auto.offset.reset         an offset that is gone becomes an error, for ON_OFFSET_GONE to decide
//   enable.auto.…             only GroupMember commits offsets
//   enable.partition.eof      shows offsets at the end of a partition that have no record
//   isolation.level           hides records of open and of aborted transactions
//   partition.assignment.…    a rebalance does not revoke partitions that stay
//   allow.auto.create.topics  a missing topic is an error; TopicWatch creates it
inline const std::array<Property, 7> required_consumer_properties{
    {{"auto.offset.reset", "error"},
     {"enable.auto.commit", "false"},
     {"enable.auto.offset.store", "false"},
     {"enable.partition.eof", "true"},
     {"isolation.level", "read_committed"},
     {"partition.assignment.strategy", "cooperative-sticky"},
     {"allow.auto.create.topics", "false"}}};

// Returns the cluster without the operator's properties that begin with the prefix.
[[nodiscard]] inline Cluster without(Cluster cluster, std::string_view prefix) {
  std::erase_if(cluster.properties,
                [&](const Property& property) { return property.first.starts_with(prefix); });
  return cluster;
}

}  // namespace weir::kafka
