#include "kafka_producer/gather_time.hpp"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace weir::kafka_producer {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// The time from a request to its response.
constexpr microseconds broker_time{250};

// Sends what waits in `gathered` when it is due and the last request has its response.
class Wave {
 public:
  explicit Wave(std::chrono::milliseconds linger = 0ms) : gather_time(linger) {}

  void add(MonoTime now) {
    ++gathered.records;
    gathered.oldest = std::min(gathered.oldest, now);
    gathered.newest = now;
  }
  // Returns when the next request is sent.
  [[nodiscard]] MonoTime send_at() const {
    if (gathered.records == 0) return MonoTime::max();
    return std::max({gather_time.due_at(gathered), response_at, gathered.newest});
  }
  void send(MonoTime now) {
    gather_time.on_sent(gathered, now);
    gathered = {};
    response_at = now + broker_time;
    ++requests;
  }

  GatherTime gather_time;
  Gathered gathered;
  MonoTime response_at{0s};
  int requests = 0;
};

// Events arrive at random, or evenly, and do not wait for the producer. Returns the mean wait of the second
// half.
microseconds mean_wait_at(double events_a_second, Wave& wave, bool evenly = false) {
  constexpr auto time = 2s;
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(events_a_second);
  MonoTime now{1h};
  MonoTime::duration sum{0};
  int waits = 0;
  const MonoTime half = now + time / 2;
  const MonoTime end = now + time;
  while (now < end) {
    const MonoTime next = now + std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(
                                    evenly ? 1 / events_a_second : gap(random)));
    while (wave.send_at() <= next) {
      const MonoTime at = wave.send_at();
      wave.send(at);
      if (at < half) continue;
      sum += wave.gather_time.wait();
      ++waits;
    }
    now = next;
    wave.add(now);
  }
  return std::chrono::duration_cast<microseconds>(sum / std::max(waits, 1));
}

// Each of `clients` sends its next event between 50 and 150 µs after the reply to its last one. Returns the
// replies a second.
double rate_of(int clients, Wave& wave) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int> pause(50, 150);
  MonoTime now{1h};
  std::vector<MonoTime> arrivals(static_cast<std::size_t>(clients), now);
  std::size_t waiting = 0;
  std::size_t replies = 0;
  constexpr auto time = 2s;
  for (const MonoTime end = now + time; now < end;) {
    std::ranges::sort(arrivals, std::greater{});
    const MonoTime next = arrivals.empty() ? MonoTime::max() : arrivals.back();
    if (wave.send_at() < next) {
      now = wave.send_at();
      wave.send(now);
      for (; waiting > 0; --waiting, ++replies)
        arrivals.push_back(wave.response_at + microseconds(pause(random)));
    } else {
      now = next;
      arrivals.pop_back();
      wave.add(now);
      ++waiting;
    }
  }
  return static_cast<double>(replies) / std::chrono::duration<double>(time).count();
}

TEST(GatherTime, WaitsTheLongestTimeWhileManyEventsKeepArriving) {
  for (const double rate : {5e3, 10e3}) {
    for (const bool evenly : {false, true}) {
      Wave wave;
      EXPECT_GT(mean_wait_at(rate, wave, evenly), 3500us) << rate << evenly;
      EXPECT_LT(wave.requests, 2 * 300) << rate << evenly;
    }
  }
}

TEST(GatherTime, SendsEnoughRecordsAtOnce) {
  Wave wave;
  mean_wait_at(50e3, wave);
  EXPECT_NEAR(wave.requests, 2 * 50e3 / GatherTime::records_enough, 100);
}

TEST(GatherTime, DoesNotWaitAtALowRate) {
  for (const double rate : {200., 1e3, 2e3}) {
    for (const bool evenly : {false, true}) {
      Wave wave;
      EXPECT_LT(mean_wait_at(rate, wave, evenly), 50us) << rate << evenly;
    }
  }
}

// Without any wait, the replies come `broker_time` and 100 µs apart for one client, and each response answers
// half of many clients.
TEST(GatherTime, DelaysNoClientThatWaitsForItsReply) {
  Wave one;
  EXPECT_GT(rate_of(1, one), 0.97 / 350e-6);
  for (const int clients : {2, 4, 10, 32, 256}) {
    Wave wave;
    EXPECT_GT(rate_of(clients, wave), 0.97 * clients / (2 * 250e-6)) << clients;
  }
}

TEST(GatherTime, WaitsAsLongAsIsSet) {
  Wave wave(5ms);
  wave.add(MonoTime{1h});
  EXPECT_EQ(wave.send_at(), MonoTime{1h} + 5ms);
  for (std::size_t i = 0; i < 2 * GatherTime::records_enough; ++i) wave.add(MonoTime{1h} + 1ms);
  EXPECT_EQ(wave.send_at(), MonoTime{1h} + 5ms);
  wave.gathered.is_complete = true;
  EXPECT_LE(wave.send_at(), MonoTime{1h} + 1ms);
}

}  // namespace
}  // namespace weir::kafka_producer
