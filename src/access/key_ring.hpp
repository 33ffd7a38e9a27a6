// The API keys and the dashboard password in force, and how often they were used.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/api_keys.hpp"
#include "access/rate_limiter.hpp"

namespace weir::telemetry {
class Exposition;
}

namespace weir::access {

// What reload() replaces as a whole.
struct Secrets {
  std::vector<ApiKey> api_keys;              // none: ingest needs no key
  std::optional<Digest> dashboard_password;  // nothing: reading needs no password
};

// How requests with one key ended. They are counted by name, and continue when a key gets another secret.
struct KeyCounts {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> rate_limited{0};
};

// The secrets at one moment, for as long as a reader holds it. Immutable but for the counts.
struct KeySnapshot {
  ApiKeys keys;
  struct Use {
    KeyCounts* counts = nullptr;  // owned by the KeyRing
    RateLimited client{};
  };
  std::vector<Use> uses;  // of the key with the same index
  std::optional<Digest> dashboard_password;
};

// Why a request was refused.
enum class Refused : std::uint8_t {
  key_missing,
  key_unknown,
  password_missing,
  password_wrong,
  rate_limited,
};

// Thread-safe. reload() publishes a new snapshot; readers see it at their next request. A reader takes a lock
// only when there is a new one.
class KeyRing {
 public:
  // A reader's view. Each io thread has its own. Not thread-safe.
  class Reader {
   public:
    explicit Reader(const KeyRing& ring) : ring_(ring), version_(0) {}
    // Returns the newest snapshot. It is valid until the next call. About 1 ns if nothing has changed.
    [[nodiscard]] const KeySnapshot& snapshot();

   private:
    const KeyRing& ring_;
    std::uint64_t version_;
    std::shared_ptr<const KeySnapshot> snapshot_;
  };

  explicit KeyRing(Secrets secrets) { reload(std::move(secrets)); }
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // Replaces all secrets at once. A secret that is no longer among them is refused from then on.
  void reload(Secrets secrets);

  // Counts one refusal.
  void count(Refused why) { refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed); }

  // Adds weir_access_key_requests_total by name and weir_access_refused_total by reason.
  void collect(telemetry::Exposition& into) const;

 private:
  std::atomic<std::uint64_t> version_{0};  // of snapshot_; 1 is the first
  mutable std::mutex mutex_;               // guards the two members below
  std::shared_ptr<const KeySnapshot> snapshot_;
  std::map<std::string, KeyCounts, std::less<>> counts_;  // a node keeps its address
  std::array<std::atomic<std::uint64_t>, 5> refused_{};
};

}  // namespace weir::access
