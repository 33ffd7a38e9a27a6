// What all clients that read are told alike. For .cpp files of this room.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "kafka/client.hpp"

namespace weir::kafka {

// The ledger says where to begin and the store where we are: nobody else may move a position, read what is
// not committed, or hand partitions over without asking.
inline const std::array<Property, 7> reading_laws{{{"auto.offset.reset", "error"},
                                                   {"enable.auto.commit", "false"},
                                                   {"enable.auto.offset.store", "false"},
                                                   {"enable.partition.eof", "true"},
                                                   {"isolation.level", "read_committed"},
                                                   {"partition.assignment.strategy", "cooperative-sticky"},
                                                   {"allow.auto.create.topics", "false"}}};

// The same cluster without the operator's properties that begin like this.
[[nodiscard]] inline Cluster without(Cluster cluster, std::string_view prefix) {
  std::erase_if(cluster.properties,
                [&](const Property& property) { return property.first.starts_with(prefix); });
  return cluster;
}

}  // namespace weir::kafka
