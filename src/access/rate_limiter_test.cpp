#include "access/rate_limiter.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace weir::access {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1'000'000)};
constexpr RateLimited one{11};
constexpr RateLimited other{12};

std::int64_t allowed_of(RateLimiter& limiter, RateLimited client, MonoTime at, std::int64_t requests) {
  std::int64_t allowed = 0;
  for (std::int64_t request = 0; request < requests; ++request) allowed += limiter.take(client, at).allowed;
  return allowed;
}

TEST(RateLimiter, AllowsTheBurstAtOnceAndThenTheRate) {
  RateLimiter limiter({.per_second = 10, .burst = 5}, 8);
  for (std::int64_t remaining = 4; remaining >= 0; --remaining) {
    const auto decision = limiter.take(one, start);
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.remaining, remaining);
    EXPECT_EQ(decision.next_request, milliseconds(100));
  }
  const auto refused = limiter.take(one, start);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.next_request, milliseconds(100));
  EXPECT_EQ(limiter.take(one, start + milliseconds(60)).next_request, milliseconds(40));
  EXPECT_TRUE(limiter.take(one, start + milliseconds(100)).allowed);
  EXPECT_FALSE(limiter.take(one, start + milliseconds(100)).allowed);
  EXPECT_EQ(allowed_of(limiter, one, start + seconds(60), 100), 5) << "the burst is full again, and no more";
}

TEST(RateLimiter, ARefusedRequestCostsNothing) {
  RateLimiter limiter({.per_second = 10, .burst = 1}, 8);
  EXPECT_EQ(allowed_of(limiter, one, start, 1000), 1);
  EXPECT_TRUE(limiter.take(one, start + milliseconds(100)).allowed);
}

TEST(RateLimiter, HoldsTheRateOverALongTime) {
  RateLimiter limiter({.per_second = 7, .burst = 3}, 8);
  std::int64_t allowed = 0;
  for (int step = 0; step < 100'000; ++step) allowed += limiter.take(one, start + milliseconds(step)).allowed;
  EXPECT_EQ(allowed, 7 * 100 + 3 - 1);  // of the last interval, a part is missing
}

TEST(RateLimiter, ClientsDoNotShareTheirLimit) {
  RateLimiter limiter({.per_second = 1, .burst = 2}, 64);
  EXPECT_EQ(allowed_of(limiter, one, start, 10), 2);
  EXPECT_EQ(allowed_of(limiter, other, start, 10), 2);
  EXPECT_EQ(limiter.forgotten(), 0u);
}

TEST(RateLimiter, IsOffAtZeroAndHasTwiceTheRateAsItsBurst) {
  RateLimiter off({});
  EXPECT_FALSE(off.is_on());
  EXPECT_EQ(allowed_of(off, one, start, 1000), 1000);
  RateLimiter twice({.per_second = 50, .burst = 0}, 8);
  EXPECT_EQ(allowed_of(twice, one, start, 1000), 100);
}

TEST(RateLimiter, TakesTheLargestSettings) {
  RateLimiter slow({.per_second = 1, .burst = 1'000'000}, 8);
  EXPECT_EQ(allowed_of(slow, one, start, 1'000'001), 1'000'000);
  RateLimiter fast({.per_second = 1'000'000, .burst = 1}, 8);
  EXPECT_EQ(allowed_of(fast, one, start, 2), 1);
  EXPECT_TRUE(fast.take(one, start + nanoseconds(1000)).allowed);
}

// One set, so that more clients than it has entries compete.
TEST(RateLimiter, ForgetsTheClientWithTheFullestBucketWhenASetIsFull) {
  RateLimiter limiter({.per_second = 1, .burst = 10}, 8);
  // Client n has made n requests. Client 1 has the fullest bucket.
  for (std::uint64_t client = 1; client <= 8; ++client)
    EXPECT_EQ(allowed_of(limiter, RateLimited{client}, start, static_cast<std::int64_t>(client)),
              static_cast<std::int64_t>(client));
  EXPECT_TRUE(limiter.take(RateLimited{9}, start).allowed);
  EXPECT_EQ(limiter.forgotten(), 1u);
  EXPECT_EQ(allowed_of(limiter, RateLimited{8}, start, 10), 2) << "those that used most are remembered";
  EXPECT_EQ(allowed_of(limiter, RateLimited{7}, start, 10), 3);
}

TEST(RateLimiter, AFullBucketIsForgottenWithoutALoss) {
  RateLimiter limiter({.per_second = 10, .burst = 2}, 8);
  for (std::uint64_t client = 1; client <= 1000; ++client)
    EXPECT_EQ(allowed_of(limiter, RateLimited{client}, start + client * milliseconds(200), 3), 2);
  EXPECT_EQ(limiter.forgotten(), 0u);
}

// Fault 13: with a million addresses the memory is bounded, and each is limited.
TEST(RateLimiter, LimitsAMillionAddressesInBoundedMemory) {
  RateLimiter limiter({.per_second = 1, .burst = 3});
  constexpr std::uint32_t addresses = 1'000'000;
  const auto client = [](std::uint32_t number) {
    return rate_limited_address(ClientAddress::of(IpAddress::of_v4(number)));
  };
  std::int64_t allowed = 0;
  for (int round = 0; round < 5; ++round)
    for (std::uint32_t number = 0; number < addresses; ++number)
      allowed += limiter.take(client(number), start).allowed;
  EXPECT_GE(allowed, 3 * addresses);
  EXPECT_LE(allowed, 3 * addresses * 102 / 100) << "what is forgotten early is a small share";
  static_assert(limits::rate_limited_clients_max * 16 <= (32 << 20));
}

TEST(RateLimiter, TellsAddressesAndKeysApart) {
  const auto of = [](std::string_view text) {
    return rate_limited_address(ClientAddress::of(*IpAddress::parse(text)));
  };
  EXPECT_EQ(of("10.0.0.1"), of("::ffff:10.0.0.1"));
  EXPECT_EQ(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::1")) << "one /64";
  EXPECT_NE(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
  EXPECT_NE(of("0.0.0.1"), of("0:0:0:1::"));
  EXPECT_EQ(rate_limited_key("web"), rate_limited_key("web"));
  EXPECT_NE(rate_limited_key("web"), rate_limited_key("app"));
}

TEST(RateLimiter, CountsRequestsOfSeveralThreadsOnce) {
  RateLimiter limiter({.per_second = 1, .burst = 10'000}, 64);
  std::atomic<std::int64_t> allowed{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] { allowed += allowed_of(limiter, one, start, 5'000); });
  }
  EXPECT_EQ(allowed, 10'000);
}

}  // namespace
}  // namespace weir::access
