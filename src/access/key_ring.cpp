// An io thread compares one atomic number for each request. It takes the lock and copies the pointer only
// after reload() has changed the number. The old snapshot lives until its last reader has replaced it.
#include "access/key_ring.hpp"

#include "telemetry/exposition.hpp"

namespace weir::access {
namespace {

// The labels of Refused, in the order of its enumerators.
constexpr std::array<std::string_view, 5> reasons{"key_missing", "key_unknown", "password_missing",
                                                  "password_wrong", "rate_limited"};

}  // namespace

const KeySnapshot& KeyRing::Reader::snapshot() {
  if (const std::uint64_t newest = ring_.version_.load(std::memory_order_acquire); newest != version_) {
    const std::lock_guard lock(ring_.mutex_);
    snapshot_ = ring_.snapshot_;
    version_ = ring_.version_.load(std::memory_order_relaxed);
  }
  return *snapshot_;
}

void KeyRing::reload(Secrets secrets) {
  auto snapshot = std::make_shared<KeySnapshot>();
  snapshot->dashboard_password = secrets.dashboard_password;
  snapshot->keys = ApiKeys(std::move(secrets.api_keys));
  const std::lock_guard lock(mutex_);
  // A name that had counts before keeps them. Names are never removed, because counters must not decrease.
  for (const ApiKey& key : snapshot->keys.all())
    snapshot->uses.push_back({&counts_.try_emplace(key.name).first->second, rate_limited_key(key.name)});
  snapshot_ = std::move(snapshot);
  // The last step: a reader that sees the new number finds the new snapshot under the lock.
  version_.fetch_add(1, std::memory_order_release);
}

void KeyRing::collect(telemetry::Exposition& into) const {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, counts] : counts_) {
      // The lock protects the map only. The counters in it are atomic.
      constexpr std::string_view help = "Ingest requests with a valid API key, by its name.";
      into.counter("weir_access_key_requests_total", help, static_cast<double>(counts.accepted.load()),
                   {{"key", name}, {"outcome", "accepted"}});
      into.counter("weir_access_key_requests_total", help, static_cast<double>(counts.rate_limited.load()),
                   {{"key", name}, {"outcome", "rate_limited"}});
    }
  }
  for (std::size_t at = 0; at < reasons.size(); ++at)
    into.counter("weir_access_refused_total",
                 "Requests refused for a missing or wrong API key or password, or for the rate limit.",
                 static_cast<double>(refused_[at].load()), {{"reason", reasons[at]}});
}

}  // namespace weir::access
