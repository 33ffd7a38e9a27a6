// Reads a message of librdkafka as a record of the log port.
#pragma once

#include "consumer/log_reader.hpp"

struct rd_kafka_message_s;

namespace weir::kafka {

// The views are valid as long as the message. `time` is the record's timestamp (LogAppendTime or CreateTime),
// or 1970 if it has none, as in message format 0. Headers are parsed only if the record has some.
[[nodiscard]] consumer::RecordView view_of(const rd_kafka_message_s& message);

}  // namespace weir::kafka
