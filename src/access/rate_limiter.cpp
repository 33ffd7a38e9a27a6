// The table is set-associative, as a processor cache is: the low bits of the hash select a set of eight
// entries. A lookup reads these entries only, so its cost does not depend on the number of clients. Sets
// share 256 locks, and neighbouring sets have different locks.
#include "access/rate_limiter.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <sys/mman.h>

#include "base/ensure.hpp"
#include "base/keyed_hash.hpp"
#include "telemetry/exposition.hpp"

namespace weir::access {
namespace {

constexpr std::size_t set_entries = 8;  // two cache lines
constexpr std::size_t shards = 256;
constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

struct RateLimiter::Entry {
  std::uint64_t client = 0;  // 0: free. A client whose hash is 0 counts as 1
  std::int64_t tat_ns = 0;   // of the monotonic clock; 0 is long ago
};

// Each lock has a cache line of its own, so that threads with different locks do not slow each other down.
struct alignas(64) RateLimiter::Shard {
  std::mutex mutex;
  std::atomic<std::uint64_t> forgotten{0};
};

RateLimited rate_limited_key(std::string_view key_name) {
  return RateLimited{siphash_1_3(process_hash_key(), key_name)};
}

RateLimited rate_limited_address(const ClientAddress& address) {
  return RateLimited{hash_number(process_hash_key(), address.prefix, address.is_v4 ? 4 : 6)};
}

RateLimiter::RateLimiter(RateLimit limit, std::size_t clients) : limit_(limit) {
  if (limit.per_second == 0) return;
  if (limit_.burst == 0) limit_.burst = 2 * limit_.per_second;
  // The emission interval of GCRA. More than 10^9 requests a second cannot be limited.
  interval_ns_ = std::max<std::int64_t>(1, second_ns / limit_.per_second);
  burst_ns_ = limit_.burst * interval_ns_;
  sets_ = std::bit_ceil(std::max(clients, set_entries)) / set_entries;
  // Pages of an anonymous mapping are zero, and exist only once they are written.
  const std::size_t bytes = sets_ * set_entries * sizeof(Entry);
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ensure(pages != MAP_FAILED, "there is address space for the rate limiter");
  // Clients fall anywhere into the table, so small pages would cost a miss of the TLB each. Refused: no harm.
  (void)madvise(pages, bytes, MADV_HUGEPAGE);
  table_ = static_cast<Entry*>(pages);
  shards_ = std::make_unique<Shard[]>(shards);
}

RateLimiter::~RateLimiter() {
  if (table_ != nullptr) munmap(table_, sets_ * set_entries * sizeof(Entry));
}

RateLimiter::Decision RateLimiter::take(RateLimited client, MonoTime now) {
  if (!is_on()) return {};
  const std::uint64_t hash = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(client));
  const std::int64_t now_ns = std::chrono::nanoseconds(now.time_since_epoch()).count();
  const std::size_t set = hash & (sets_ - 1);
  Shard& shard = shards_[set % shards];
  Entry* const begin = table_ + set * set_entries;

  const std::lock_guard lock(shard.mutex);
  // The entry of the client, or the one to reuse: a free one has the smallest TAT of all.
  Entry* entry = begin;
  for (Entry* each = begin; each != begin + set_entries; ++each) {
    if (each->client == hash) {
      entry = each;
      break;
    }
    if (each->tat_ns < entry->tat_ns) entry = each;
  }
  const bool known = entry->client == hash;
  // A TAT in the past is a full bucket. An unknown client begins with a full bucket, too.
  const std::int64_t tat_ns = std::max(known ? entry->tat_ns : 0, now_ns);
  const std::int64_t after_ns = tat_ns + interval_ns_;
  const std::int64_t free_ns = burst_ns_ - (after_ns - now_ns);
  // A refusal changes nothing: the client may try again after the time that is returned.
  if (free_ns < 0) return {false, 0, std::chrono::nanoseconds(-free_ns)};
  // The entry is taken from a client whose bucket is not full. That client gains what it had used.
  if (!known && entry->tat_ns > now_ns) shard.forgotten.fetch_add(1, std::memory_order_relaxed);
  *entry = {hash, after_ns};
  // A new token is complete when the free time has grown to the next whole interval.
  return {true, free_ns / interval_ns_, std::chrono::nanoseconds(interval_ns_ - free_ns % interval_ns_)};
}

std::uint64_t RateLimiter::forgotten() const {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; shards_ && at < shards; ++at) sum += shards_[at].forgotten.load();
  return sum;
}

void RateLimiter::collect(telemetry::Exposition& into) const {
  if (!is_on()) return;
  into.counter(
      "weir_access_rate_limit_forgotten_total",
      "Clients that the rate limiter forgot, because too many were active, before their burst was free "
      "again.",
      static_cast<double>(forgotten()));
}

}  // namespace weir::access
