#include "tracing/trace_context.hpp"

#include <gtest/gtest.h>

namespace weir::tracing {
namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsReadAndWrittenUnchanged) {
  const auto context = parse_traceparent(good);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace[0], 0x4b);
  EXPECT_EQ(context->span[7], 0xb7);
  EXPECT_EQ(to_traceparent(*context), good);
  EXPECT_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->sampled);
  EXPECT_TRUE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff")->sampled)
      << "unknown flags are ignored";
}

TEST(Traceparent, OfAHigherVersionIsReadAsVersion00) {
  for (const std::string_view tail : {"", "-", "-what-the-future-will-be-like"})
    EXPECT_TRUE(parse_traceparent("cc" + good.substr(2) + std::string(tail))) << tail;
  EXPECT_FALSE(parse_traceparent("cc" + good.substr(2) + ".what-the-future-will-not-be-like"));
}

// The cases of the W3C's test suite (https://github.com/w3c/trace-context, test/test.py).
TEST(Traceparent, Fault34_ABrokenOneStartsANewTrace) {
  for (const std::string_view broken : {
           "",
           "00",
           "foobar",
           "00-",
           "00-12345678901234567890123456789012-1234567890123456",
           "00-12345678901234567890123456789012-1234567890123456-",
           "00-12345678901234567890123456789012-1234567890123456-1",
           "00-12345678901234567890123456789012-1234567890123456-0x",
           "00-12345678901234567890123456789012-1234567890123456-01-",
           "00-12345678901234567890123456789012-1234567890123456-01.",
           "00-12345678901234567890123456789012-1234567890123456-01-what",
           "00-00000000000000000000000000000000-1234567890123456-01",
           "00-12345678901234567890123456789012-0000000000000000-01",
           "ff-12345678901234567890123456789012-1234567890123456-01",
           "0x-12345678901234567890123456789012-1234567890123456-01",
           "00-ABCDEF78901234567890123456789012-1234567890123456-01",
           "00-12345678901234567890123456789012-ABCDEF7890123456-01",
           "00-12345678901234567890123456789012-1234567890123456-0A",
           "FF-12345678901234567890123456789012-1234567890123456-01",
           "00-.2345678901234567890123456789012-1234567890123456-01",
           "00-12345678901234567890123456789012-.234567890123456-01",
           "00_12345678901234567890123456789012_1234567890123456_01",
           "00-1234567890123456789012345678901-1234567890123456-01",
           "00-123456789012345678901234567890123-1234567890123456-01",
       })
    EXPECT_FALSE(parse_traceparent(broken)) << broken;
}

std::string members(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "k" : ",k") + std::to_string(i) + "=v";
  return text;
}

TEST(Tracestate, IsPassedOnUnchangedIfItIsValid) {
  for (const std::string& valid :
       {std::string("foo=1"), std::string("foo=1 , bar=2"), std::string("foo=1,,bar=2"), std::string(","),
        std::string("fw529a3039@dt=FfAAAf"), std::string("a-_*/0=x!y"), std::string("0a@b=v"), members(32)}) {
    EXPECT_EQ(check_tracestate(valid), TraceState::valid) << valid;
    EXPECT_EQ(parse_trace_context(good, valid)->state, valid);
  }
}

TEST(Tracestate, IsDroppedAloneIfItIsMalformed) {
  for (const std::string& malformed :
       {std::string("foo"), std::string("=1"), std::string("foo="), std::string("foo=1,foo=1"),
        std::string("Foo=1"), std::string("foo =1"), std::string("0foo=1"), std::string("foo=a=b"),
        std::string("foo@=1"), std::string("@foo=1"), std::string("foo@bar@baz=1"), std::string("f\x01o=1"),
        std::string(257, 'z') + "=1", "foo=" + std::string(257, 'v')}) {
    EXPECT_EQ(check_tracestate(malformed), TraceState::malformed) << malformed;
    const auto context = parse_trace_context(good, malformed);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->state, "");
  }
  EXPECT_EQ(check_tracestate("foo=" + std::string(256, 'v') + ",bar=" + std::string(256, 'v')),
            TraceState::too_long);
}

TEST(Tracestate, Fault34_Of33MembersStartsANewTrace) {
  EXPECT_EQ(check_tracestate(members(33)), TraceState::too_many);
  EXPECT_FALSE(parse_trace_context(good, members(33)));
}

}  // namespace
}  // namespace weir::tracing
