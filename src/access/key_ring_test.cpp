#include "access/key_ring.hpp"

#include <gtest/gtest.h>
#include <thread>

#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"

namespace weir::access {
namespace {

Secrets secrets(std::string_view keys) {
  return {.api_keys = *parse_api_keys(keys), .dashboard_password = {}};
}

std::string metrics(const KeyRing& ring) {
  telemetry::Exposition exposition;
  ring.collect(exposition);
  return exposition.text();
}

TEST(KeyRing, ReplacesAllSecretsAtOnce) {
  KeyRing ring(secrets("web:old"));
  KeyRing::Reader reader(ring);
  const KeySnapshot* const first = &reader.snapshot();
  EXPECT_EQ(first->keys.find("old"), 0u);
  EXPECT_EQ(&reader.snapshot(), first) << "nothing has changed";

  ring.reload(secrets("app:a,web:new"));
  EXPECT_FALSE(reader.snapshot().keys.find("old"));
  EXPECT_EQ(reader.snapshot().keys.find("new"), 1u);
  ring.reload({.api_keys = {}, .dashboard_password = digest_of("pass")});
  EXPECT_TRUE(reader.snapshot().keys.empty());
  EXPECT_TRUE(is_equal(*reader.snapshot().dashboard_password, digest_of("pass")));
}

TEST(KeyRing, CountsByNameAcrossAReloadAndNeverShowsASecret) {
  KeyRing ring(secrets("web:hunter2,app:hunter3"));
  KeyRing::Reader reader(ring);
  ++reader.snapshot().uses[0].counts->accepted;
  ring.reload(secrets("web:hunter4"));
  ++reader.snapshot().uses[0].counts->accepted;
  ++reader.snapshot().uses[0].counts->rate_limited;
  ring.count(Refused::key_unknown);
  const std::string text = metrics(ring);
  EXPECT_TRUE(text.contains(R"(weir_access_key_requests_total{key="web",outcome="accepted"} 2)")) << text;
  EXPECT_TRUE(text.contains(R"(weir_access_key_requests_total{key="web",outcome="rate_limited"} 1)")) << text;
  EXPECT_TRUE(text.contains(R"(weir_access_key_requests_total{key="app",outcome="accepted"} 0)")) << text;
  EXPECT_TRUE(text.contains(R"(weir_access_refused_total{reason="key_unknown"} 1)")) << text;
  EXPECT_TRUE(text.contains(R"(weir_access_refused_total{reason="key_missing"} 0)")) << text;
  EXPECT_FALSE(text.contains("hunter"));
}

TEST(KeyRing, IsReadWhileItIsReloaded) {
  KeyRing ring(secrets("web:s0"));
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  for (int thread = 0; thread < 2; ++thread)
    readers.emplace_back([&] {
      KeyRing::Reader reader(ring);
      while (!done) {
        const KeySnapshot& now = reader.snapshot();
        ASSERT_EQ(now.keys.all().size(), now.uses.size());
        ++now.uses.front().counts->accepted;
      }
    });
  for (int round = 1; round <= 200; ++round) ring.reload(secrets("web:s" + std::to_string(round)));
  done = true;
}

}  // namespace
}  // namespace weir::access
