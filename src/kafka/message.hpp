// What librdkafka hands out, read as the log port wants it.
#pragma once

#include "consumer/log_reader.hpp"

struct rd_kafka_message_s;

namespace weir::kafka {

// Views into the message. Its time is the record's own (LogAppendTime or CreateTime); a record that has none,
// as the oldest formats could not have one, is of 1970. Headers cost nothing where there are none.
[[nodiscard]] consumer::RecordView view_of(const rd_kafka_message_s& message);

}  // namespace weir::kafka
