#include "kafka/errors.hpp"

#include <gtest/gtest.h>

namespace weir::kafka {
namespace {

TEST(Errors, HaveAKindACodeAndATextThatBeginsWithTheAction) {
  struct Case {
    rd_kafka_resp_err_t error;
    std::string_view code;
    ErrorKind kind;
  };
  for (const auto& [error, code, kind] : {
           Case{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "broker_unavailable", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "timed_out", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic_unknown", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "not_authorised", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, "not_enough_replicas",
                ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR__QUEUE_FULL, "log_full", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, "offset_out_of_range", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "record_too_large", ErrorKind::invalid},
           Case{RD_KAFKA_RESP_ERR__FATAL, "kafka_fatal", ErrorKind::internal},
           Case{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, "kafka_error", ErrorKind::unavailable},
       }) {
    const auto mapped = error_of(error, "doing a thing");
    EXPECT_EQ(mapped.code, code);
    EXPECT_EQ(mapped.code, code_of(error));
    EXPECT_EQ(mapped.kind, kind) << code;
    EXPECT_EQ(mapped.text.rfind("doing a thing: ", 0), 0) << mapped.text;
  }
}

}  // namespace
}  // namespace weir::kafka
