// Valid responses of brokers, and the same with changes: the parsers refuse them or return values, never read
// outside of them (the sanitizers see that), and allocate no more than the bytes justify.
#include <array>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <iostream>
#include <new>
#include <random>

#include "base/testing/seeds.hpp"
#include "kafka_protocol/messages.hpp"
#include "kafka_protocol/testing/mutated.hpp"
#include "kafka_protocol/wire.hpp"

namespace {
thread_local std::size_t allocated_bytes = 0;
}

// These count what the whole test program allocates. They call malloc(), which the sanitizers check as well.
// They are not inlined, because GCC would then warn of a mismatch of new and free().
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace weir::kafka_protocol {
namespace {

class Responses {
 public:
  explicit Responses(std::mt19937_64& random) : random_(random) {}

  std::string api_versions() {
    begin();
    number<std::int16_t>();
    for (int left = count(12); left > 0; --left)
      for (int field = 0; field < 3; ++field) number<std::int16_t>();
    return std::move(bytes_);
  }
  std::string metadata() {
    begin();
    number<std::int32_t>();
    for (int left = count(4); left > 0; --left) {
      number<std::int32_t>();
      text();
      number<std::int32_t>();
      text_or_null();
    }
    text_or_null();
    number<std::int32_t>();
    to_.integer<std::int32_t>(1);
    number<std::int16_t>();
    text();
    number<std::int8_t>();
    for (int left = count(8); left > 0; --left) {
      number<std::int16_t>();
      for (int field = 0; field < 3; ++field) number<std::int32_t>();
      for (int list = 0; list < 3; ++list)
        for (int replicas = count(3); replicas > 0; --replicas) number<std::int32_t>();
    }
    return std::move(bytes_);
  }
  std::string init_producer_id() {
    begin();
    number<std::int32_t>();
    number<std::int16_t>();
    number<std::int64_t>();
    number<std::int16_t>();
    return std::move(bytes_);
  }
  std::string sasl_handshake() {
    begin();
    number<std::int16_t>();
    for (int left = count(5); left > 0; --left) text();
    return std::move(bytes_);
  }
  std::string sasl_authenticate() {
    begin();
    number<std::int16_t>();
    text_or_null();
    to_.bytes(std::string(random_() % 40, 'b'));
    number<std::int64_t>();
    return std::move(bytes_);
  }
  std::string produce() {
    begin();
    for (int topics = count(2); topics > 0; --topics) {
      text();
      for (int left = count(6); left > 0; --left) {
        number<std::int32_t>();
        number<std::int16_t>();
        for (int field = 0; field < 3; ++field) number<std::int64_t>();
      }
    }
    number<std::int32_t>();
    return std::move(bytes_);
  }
  std::string records() {
    RecordSet set;
    for (std::uint64_t left = 1 + random_() % 4; left > 0; --left) {
      const std::array<HeaderView, 2> headers{{{"traceparent", "00"}, {"weir.replay", ""}}};
      set.add(std::string(random_() % 5, 'k'), std::string(random_() % 50, 'v'),
              std::span(headers).first(random_() % 3), WallTime{std::chrono::milliseconds{random_() % 1000}});
    }
    return std::string(set.encoded());
  }

 private:
  void begin() { bytes_.clear(); }
  template <class T>
  void number() {
    to_.integer(static_cast<T>(random_()));
  }
  int count(int max) {
    const int drawn = static_cast<int>(random_() % static_cast<unsigned>(max + 1));
    to_.integer<std::int32_t>(drawn);
    return drawn;
  }
  void text() { to_.string(std::string(random_() % 20, 't')); }
  void text_or_null() {
    if (random_() % 2 == 0)
      to_.null_string();
    else
      text();
  }

  std::mt19937_64& random_;
  std::string bytes_;
  Writer to_{bytes_};
};

struct Kind {
  const char* name;
  std::function<std::string(Responses&)> make;
  std::function<bool(std::string_view)> parse;
  // The bytes that a parser may allocate for each byte of a response. The largest ratio is that of a vector
  // that grows to its size: it allocates up to four times as much in all.
  std::size_t growth_max = 32;
};

const std::array<Kind, 7>& kinds() {
  static const std::array<Kind, 7> all{{
      {"ApiVersions", &Responses::api_versions,
       [](auto bytes) { return parse_api_versions(bytes).has_value(); }},
      {"Metadata", &Responses::metadata, [](auto bytes) { return parse_metadata(bytes).has_value(); }},
      {"InitProducerId", &Responses::init_producer_id,
       [](auto bytes) { return parse_init_producer_id(bytes).has_value(); }},
      {"SaslHandshake", &Responses::sasl_handshake,
       [](auto bytes) { return parse_sasl_handshake(bytes).has_value(); }},
      {"SaslAuthenticate", &Responses::sasl_authenticate,
       [](auto bytes) { return parse_sasl_authenticate(bytes).has_value(); }},
      {"Produce", &Responses::produce, [](auto bytes) { return parse_produce(bytes).has_value(); }},
      // A header takes 2 bytes or more, and its view 32.
      {"records", &Responses::records,
       [](auto bytes) { return for_each_record(bytes, 4, WallTime{}, [](const RecordView&) {}); }, 128},
  }};
  return all;
}

// Returns whether the parser accepts a copy of exactly these bytes, so that the sanitizer sees a read after
// the last one.
bool parse_within_bounds(const Kind& kind, std::string_view bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const std::size_t before = allocated_bytes;
  const bool accepted = kind.parse({exact.data(), exact.size()});
  EXPECT_LE(allocated_bytes - before, kind.growth_max * bytes.size() + 256)
      << kind.name << " of " << bytes.size() << " bytes";
  return accepted;
}

TEST(MessagesProperty, AChangedResponseIsRefusedOrReadWithinItsBounds) {
  std::size_t inputs = 0;
  std::size_t refused = 0;
  for_each_seed(1000, [&](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Responses responses(random);
    for (const auto& kind : kinds())
      for (int change = 0; change < 16; ++change) {
        ++inputs;
        refused += parse_within_bounds(kind, mutated(kind.make(responses), random)) ? 0 : 1;
      }
  });
  std::cout << inputs << " changed responses, " << refused << " refused\n";
  if (one_seed_was_asked_for()) return;
  EXPECT_GT(refused, inputs / 4);
  EXPECT_LT(refused, inputs) << "some changes leave a response valid";
}

TEST(MessagesProperty, AResponseThatIsCutIsRefused) {
  for_each_seed(100, [&](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Responses responses(random);
    for (const auto& kind : kinds()) {
      if (std::string_view(kind.name) == "records") continue;  // their number is stated elsewhere
      const std::string bytes = kind.make(responses);
      EXPECT_TRUE(parse_within_bounds(kind, bytes)) << kind.name;
      for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(parse_within_bounds(kind, std::string_view(bytes).substr(0, size))) << kind.name;
    }
  });
}

}  // namespace
}  // namespace weir::kafka_protocol
