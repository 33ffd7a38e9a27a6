// How long the events of the next Produce request to a broker wait for further ones.
//
// Each request costs a fixed CPU time at the broker and in this process, so many small requests cost
// several times the CPU of a few large ones. While events keep arriving, the producer waits for more, at
// most `longest`. It does not wait if nothing would come: a client that sends one event after each reply
// gets no delay.
//
// The wait follows what the last waits have brought. It doubles while events arrive evenly until its end,
// at a rate at which `longest` gathers records_worth. If they stop early, as they do when all clients wait
// for their replies, the next wait ends soon after that moment. At a low rate there is none. At a higher
// rate at which each request has one event only, waits are tried for a moment once a second: only a trial
// tells events that would come anyway from those of a client that waits for its reply.
//
// Not thread-safe. Time is a parameter.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/clock.hpp"

namespace weir::kafka_producer {

// The events that wait for one request.
struct Gathered {
  std::size_t records = 0;
  // The times of the append() of the first and of the last record.
  MonoTime oldest = MonoTime::max();
  MonoTime newest = MonoTime::min();
  // True if a batch among them cannot take more records, or was sent before.
  bool is_complete = false;
};

class GatherTime {
 public:
  static constexpr std::chrono::microseconds longest{4000};
  // A request with this many records is sent at once: more records would save little CPU for each of them.
  static constexpr std::size_t records_enough = 64;

  // `fixed` is KAFKA_LINGER_MS: the wait of each request. 0: as described above.
  explicit GatherTime(std::chrono::milliseconds fixed) : fixed_(fixed) {}

  // Returns when the request should be sent, assuming that no more records arrive.
  [[nodiscard]] MonoTime due_at(const Gathered& gathered) const {
    if (gathered.is_complete) return gathered.oldest;
    if (fixed_.count() > 0) return gathered.oldest + fixed_;
    return gathered.records >= records_enough ? gathered.oldest : gathered.oldest + wait_;
  }

  // Reports that these records were sent. They have waited since `oldest`, at least for the last request.
  void on_sent(const Gathered& sent, MonoTime now) {
    ++requests_;
    records_ += sent.records;
    waited_ += now - sent.oldest;
    arrived_ += sent.newest - sent.oldest;
    if (records_ < (is_trial_ ? records_of_trial : records_judged)) return;
    wait_ = next_wait(now);
    requests_ = records_ = 0;
    waited_ = arrived_ = {};
    judged_at_ = now;
  }

  // Returns the wait for the next request.
  [[nodiscard]] MonoTime::duration wait() const { return wait_; }

 private:
  // The wait is judged after this many records. Fewer are too random.
  static constexpr std::size_t records_judged = 32;
  static constexpr std::size_t records_of_trial = 8;
  static constexpr std::chrono::seconds trial_interval{1};
  // A wait is worth its delay if `longest` gathers this many records.
  static constexpr double records_worth = 12;

  [[nodiscard]] static bool is_worth(double records, MonoTime::duration time) {
    const auto longest_count = static_cast<double>(MonoTime::duration(longest).count());
    return records * longest_count >= records_worth * static_cast<double>(time.count());
  }

  [[nodiscard]] MonoTime::duration next_wait(MonoTime now) {
    is_trial_ = false;
    const auto requests = static_cast<MonoTime::rep>(requests_);
    const auto followers = static_cast<double>(records_ - requests_);
    if (waited_.count() == 0 || followers == 0 || !is_worth(followers, waited_)) return trial_wait(now);
    // Of n records that arrive at random during a wait, the last one comes after about n / (n + 2) of it.
    const double expected = followers / static_cast<double>(records_ + requests_);
    const double share = static_cast<double>(arrived_.count()) / static_cast<double>(waited_.count());
    if (share < 0.75 * expected) return std::min(wait_, arrived_ * 3 / (2 * requests));
    return std::min<MonoTime::duration>(std::max(wait_, waited_ / requests) * 2, longest);
  }

  // Returns the time of two records at the present rate if a trial is due and may be worth it, else 0.
  [[nodiscard]] MonoTime::duration trial_wait(MonoTime now) {
    const MonoTime::duration elapsed = now - judged_at_;
    if (now < trial_at_ || !is_worth(static_cast<double>(records_), elapsed)) return {};
    trial_at_ = now + trial_interval;
    is_trial_ = true;
    return elapsed * 2 / static_cast<MonoTime::rep>(records_);
  }

  std::chrono::milliseconds fixed_;
  MonoTime::duration wait_{0};
  bool is_trial_ = false;
  MonoTime trial_at_ = MonoTime::min();  // the next trial is not before this time
  MonoTime judged_at_ = MonoTime{};      // when wait_ was set
  // Sums since the wait was judged: of the requests, their records, the times that the first record of each
  // waited, and the times from its first to its last record.
  std::size_t requests_ = 0;
  std::size_t records_ = 0;
  MonoTime::duration waited_{0};
  MonoTime::duration arrived_{0};
};

}  // namespace weir::kafka_producer
